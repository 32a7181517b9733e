//! A demonstration world in a temporary directory, on ports of its own, with its daemon as a process.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Imap, Smtp};

pub const PASSWORD: &str = "demonstration";

const PROGRAM: &str = env!("CARGO_BIN_EXE_vaguemestre");

pub struct World {
    dir: tempfile::TempDir,
    offset: u16,
    daemon: Option<Child>,
}

impl World {
    /// Makes the world and starts its daemon; returns once it answers.
    pub fn start() -> World {
        let mut world = World::prepared();
        world.serve();
        world
    }

    /// Makes the world without starting anything.
    pub fn prepared() -> World {
        let dir = tempfile::Builder::new().prefix("vaguemestre-story-").tempdir().unwrap();
        let offset = free_offset();
        let world = World { dir, offset, daemon: None };
        super::succeed(
            Command::new(PROGRAM)
                .args(["demo", "--prepare-only", "--port-offset", &offset.to_string(), "--dir"])
                .arg(world.dir()),
        );
        world
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn config(&self) -> PathBuf {
        self.dir().join("nord/vaguemestre.toml")
    }

    pub fn ca(&self) -> PathBuf {
        self.dir().join("pki/ca.pem")
    }

    pub fn submission(&self) -> u16 {
        5870 + self.offset
    }

    pub fn submission_tls(&self) -> u16 {
        4650 + self.offset
    }

    pub fn imap(&self) -> u16 {
        1430 + self.offset
    }

    pub fn imaps(&self) -> u16 {
        9930 + self.offset
    }

    /// Starts the daemon (again); returns once it answers.
    pub fn serve(&mut self) {
        assert!(self.daemon.is_none());
        let log = File::options().create(true).append(true).open(self.dir().join("daemon.log")).unwrap();
        let child = Command::new(PROGRAM)
            .args(["serve", "--config"])
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.daemon = Some(child);
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", self.imaps())).is_err() {
            let ended = self.daemon.as_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "the daemon does not come up:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(20));
        }
    }

    /// `kill -9`: what a power cut leaves, but for the disk's own cache.
    pub fn kill(&mut self) {
        let mut child = self.daemon.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends SIGTERM without waiting.
    pub fn terminate(&self) {
        super::succeed(Command::new("kill").args(["-TERM", &self.pid().to_string()]));
    }

    /// Waits for the daemon to end by itself.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let mut child = self.daemon.take().unwrap();
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("the daemon does not end:\n{}", self.log());
            }
            sleep(Duration::from_millis(20));
        }
    }

    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir().join("daemon.log")).unwrap_or_default()
    }

    /// A figure of `/proc/PID/status`, in KiB (`VmRSS`, `RssAnon`, `VmHWM`).
    pub fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// A command of the program against this world's daemon.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(words).arg("--config").arg(self.config());
        command
    }

    pub fn smtp(&self) -> Smtp {
        Smtp::connect(self.submission_tls(), &self.ca())
    }

    pub fn imap_as(&self, user: &str) -> Imap {
        Imap::login(self.imaps(), &self.ca(), user, PASSWORD)
    }

    /// swaks towards the STARTTLS submission port, with TLS and the authority set; the story adds the rest.
    pub fn swaks(&self) -> Command {
        let mut swaks = Command::new("swaks");
        swaks
            .args([
                "--server",
                "127.0.0.1",
                "--port",
                &self.submission().to_string(),
                "--tls",
                "--timeout",
                "20",
            ])
            .args(["--ehlo", "poste.chu-nord.fr"])
            .args(["--tls-verify", "--tls-ca-path"])
            .arg(self.ca());
        swaks
    }

    /// curl towards the IMAPS port as `user`.
    pub fn curl(&self, user: &str, path: &str) -> Command {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--max-time",
            "60",
            "--user",
            &format!("{user}:{PASSWORD}"),
            "--cacert",
        ])
        .arg(self.ca())
        .arg(format!("imaps://localhost:{}/{path}", self.imaps()));
        curl
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let log = self.log();
        if std::thread::panicking() {
            eprintln!("the daemon's log:\n{log}");
        } else {
            assert!(!log.contains("panicked at"), "the daemon panicked:\n{log}");
        }
    }
}

/// An offset at which all four ports are free. Stories run side by side, each in a process of its own: they start looking at
/// places that depend on the process, and a port taken in between shows as a daemon that does not come up.
fn free_offset() -> u16 {
    let start = (std::process::id() % 2000) as u16;
    (0..2000u16)
        .map(|step| 10_000 + ((start + step * 7) % 2000) * 20)
        .find(|offset| {
            [5870, 4650, 1430, 9930]
                .iter()
                .all(|port| std::net::TcpListener::bind(("127.0.0.1", port + offset)).is_ok())
        })
        .unwrap()
}
