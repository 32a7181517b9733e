//! Debian's Dovecot as a judge: its `imap` process, logged in from the start, over pipes, on a mailbox of its own.
//! May use processes and a temporary directory. No daemon, no configuration file, no port.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::fs::{MetadataExt, chown},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// Where Debian puts it.
const PROGRAM: &str = "/usr/lib/dovecot/imap";

/// Whom it runs as when the tests run as root, which it refuses to serve (`nobody`).
const NOBODY: u32 = 65534;

/// One session with an empty INBOX.
pub(crate) struct Dovecot {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _dir: tempfile::TempDir,
}

impl Dovecot {
    /// Starts it.
    pub(crate) fn start() -> Self {
        assert!(Path::new(PROGRAM).exists(), "{PROGRAM} is missing: `.ci/need test` installs dovecot-imapd");
        let dir = tempfile::tempdir().unwrap();
        let (mut uid, mut gid) = dir.path().metadata().map(|meta| (meta.uid(), meta.gid())).unwrap();
        if uid == 0 {
            (uid, gid) = (NOBODY, NOBODY);
            chown(dir.path(), Some(uid), Some(gid)).unwrap();
        }
        let mut child = Command::new(PROGRAM)
            .arg("-O")
            .env_clear()
            .env("USER", "judge")
            .env("HOME", dir.path())
            .env("MAIL_UID", uid.to_string())
            .env("MAIL_GID", gid.to_string())
            .env("MAIL_LOCATION", format!("maildir:{}/mail", dir.path().display()))
            .env("MAIL_FSYNC", "never")
            .env("MAIL_SAVE_CRLF", "yes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let greeting = response(&mut output);
        assert!(greeting.starts_with(b"* PREAUTH"), "{}", String::from_utf8_lossy(&greeting));
        Self { child, input, output, _dir: dir }
    }

    /// Sends a command and gives its untagged responses, each without its line end.
    pub(crate) fn say(&mut self, command: &[u8]) -> Vec<Vec<u8>> {
        self.input.write_all(&[b"t ", command, b"\r\n"].concat()).unwrap();
        self.input.flush().unwrap();
        let mut untagged = Vec::new();
        loop {
            let response = response(&mut self.output);
            match response.strip_prefix(b"t ") {
                Some(rest) => {
                    let told = String::from_utf8_lossy(rest);
                    assert!(rest.starts_with(b"OK"), "{}: {told}", String::from_utf8_lossy(command));
                    return untagged;
                }
                None => untagged.push(response),
            }
        }
    }

    /// Appends a message to INBOX: the first is number 1.
    pub(crate) fn append(&mut self, message: &[u8]) {
        let head = format!("APPEND INBOX {{{}+}}\r\n", message.len());
        self.say(&[head.as_bytes(), message].concat());
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One response with its literals, without its line end.
fn response(output: &mut impl BufRead) -> Vec<u8> {
    let mut response = Vec::new();
    loop {
        let read = output.read_until(b'\n', &mut response).unwrap();
        assert!(read > 0, "it ended");
        let Some(size) = announced(&response) else {
            let end = response.len() - b"\r\n".len();
            response.truncate(end);
            return response;
        };
        let start = response.len();
        response.resize(start + size, 0);
        output.read_exact(&mut response[start..]).unwrap();
    }
}

/// The size of the literal that a line ends with.
fn announced(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}\r\n")?;
    let digits = line.iter().rposition(|byte| *byte == b'{')? + 1;
    str::from_utf8(&line[digits..]).ok()?.parse().ok()
}
