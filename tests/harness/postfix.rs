//! Debian's Postfix as another operator, or as a hospital's own server: an instance of its own in the story's directory, with its own
//! queue, configuration, log and ports of loopback. May start and end that one instance; must never touch the system's.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Peer, World, processes, succeed};

const PROGRAM: &str = "/usr/sbin/postfix";
/// Who owns what is delivered: nobody.
const KEEPER: u32 = 65534;

pub struct Postfix {
    dir: tempfile::TempDir,
    /// Where other operators bring mail: TLS and a verified certificate demanded.
    pub relay: u16,
    /// Where its own users hand mail in: clear text, loopback.
    pub submission: u16,
    /// main.cf without what a story adds.
    usual: String,
}

impl Postfix {
    /// An operator that shows `peer`'s certificate, keeps the mail for its domain, and relays what is for nord's to port `nord`.
    pub fn start(world: &World, peer: &Peer, nord: u16) -> Postfix {
        Postfix::tuned(world, peer, nord, "")
    }

    /// The same with more lines of main.cf, which count in place of the usual ones.
    pub fn tuned(world: &World, peer: &Peer, nord: u16, more: &str) -> Postfix {
        let only_nord = format!(
            "default_transport = error:nothing leaves but for nord\n\
             transport_maps = inline:{{ chu-nord.mssante.fr=smtp:[127.0.0.1]:{nord} }}\n\
             smtp_tls_secure_cert_match = mail.chu-nord.fr\n"
        );
        Postfix::launch(world, peer, &only_nord, more)
    }

    /// A hospital's own server, with `domain`'s mailboxes: what its users hand in for others leaves by `transport` (`relay` of its
    /// transport table), under the settings in `more`.
    pub fn hospital(world: &World, peer: &Peer, domain: &str, transport: &str, more: &str) -> Postfix {
        let settings = format!(
            "virtual_mailbox_domains = {domain}\n\
             default_transport = {transport}\n\
             smtp_tls_secure_cert_match = mail.chu-nord.fr\n\
             minimal_backoff_time = 1s\n\
             maximal_backoff_time = 2s\n\
             queue_run_delay = 1s\n"
        );
        Postfix::launch(world, peer, &settings, more)
    }

    fn launch(world: &World, peer: &Peer, role: &str, more: &str) -> Postfix {
        assert!(Path::new(PROGRAM).exists(), "Postfix is missing: `.ci/need test` installs it");
        let dir = tempfile::Builder::new().prefix("vaguemestre-postfix-").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut postfix = Postfix { dir, relay: free_port(), submission: free_port(), usual: String::new() };
        for name in ["etc", "queue", "data", "box"] {
            fs::create_dir(postfix.dir().join(name)).unwrap();
        }
        succeed(Command::new("chown").arg("postfix").arg(postfix.dir().join("data")));
        chown(postfix.dir().join("box"), Some(KEEPER), Some(KEEPER)).unwrap();
        let (chain, key) = world.files_of(peer);
        postfix.usual = postfix.settings(peer, &chain, &key, &world.ca()) + role;
        postfix.configure(more);
        fs::write(postfix.dir().join("etc/master.cf"), postfix.services()).unwrap();
        postfix.serve();
        postfix
    }

    /// Writes main.cf, the usual lines and these: each setting once, since each process of Postfix warns of a second one as it
    /// starts, its log's own too.
    pub fn configure(&self, more: &str) {
        let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
        let mut lines: Vec<&str> = Vec::new();
        for line in self.usual.lines().chain(more.lines()) {
            lines.retain(|earlier| key(earlier) != key(line));
            lines.push(line);
        }
        fs::write(self.dir().join("etc/main.cf"), lines.join("\n") + "\n").unwrap();
    }

    /// Starts it (again); returns once it answers. Its master only starts as root.
    pub fn serve(&self) {
        succeed(&mut self.command("start"));
        let deadline = Instant::now() + Duration::from_secs(60);
        while [self.relay, self.submission].iter().any(|p| TcpStream::connect(("127.0.0.1", *p)).is_err()) {
            assert!(Instant::now() < deadline, "Postfix does not come up:\n{}", self.log());
            sleep(Duration::from_millis(20));
        }
    }

    /// `kill -9` of all its processes.
    pub fn kill(&self) {
        let master = self.master();
        // The master first: it would start others in place of those that go.
        processes::kill_at_once(&processes::family(master));
    }

    /// The process above all of its others.
    pub fn master(&self) -> u32 {
        let text = fs::read_to_string(self.dir().join("queue/pid/master.pid")).unwrap();
        text.trim().parse().unwrap()
    }

    /// The messages of one of its queues: `incoming`, `active`, `deferred`, `hold`. A file that nobody may execute is not whole yet,
    /// or will never be, if its writer was killed.
    pub fn files_in(&self, queue: &str) -> Vec<PathBuf> {
        let mut files = files_below(&self.dir().join("queue").join(queue));
        files.retain(|file| fs::metadata(file).is_ok_and(|data| data.permissions().mode() & 0o100 != 0));
        files
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn settings(&self, peer: &Peer, chain: &Path, key: &Path, ca: &Path) -> String {
        let Peer { host, domain, .. } = peer;
        let (dir, chain, key, ca) = (self.dir().display(), chain.display(), key.display(), ca.display());
        format!(
            "compatibility_level = 3.6\n\
             queue_directory = {dir}/queue\n\
             data_directory = {dir}/data\n\
             maillog_file = {dir}/maillog\n\
             maillog_file_prefixes = {dir}\n\
             inet_interfaces = 127.0.0.1\n\
             inet_protocols = ipv4\n\
             mynetworks = 127.0.0.0/8\n\
             myhostname = {host}\n\
             mydestination =\n\
             smtpd_peername_lookup = no\n\
             local_header_rewrite_clients =\n\
             virtual_mailbox_domains = {domain}\n\
             virtual_mailbox_base = {dir}\n\
             virtual_mailbox_maps = static:box/\n\
             virtual_uid_maps = static:{KEEPER}\n\
             virtual_gid_maps = static:{KEEPER}\n\
             smtp_tls_security_level = secure\n\
             smtp_tls_CAfile = {ca}\n\
             smtp_tls_cert_file = {chain}\n\
             smtp_tls_key_file = {key}\n\
             smtp_tls_loglevel = 1\n\
             smtpd_tls_CAfile = {ca}\n\
             smtpd_tls_cert_file = {chain}\n\
             smtpd_tls_key_file = {key}\n\
             smtpd_tls_received_header = yes\n\
             smtpd_tls_loglevel = 1\n"
        )
    }

    fn services(&self) -> String {
        let mut text = format!(
            "127.0.0.1:{} inet n - n - - smtpd\n  -o smtpd_tls_security_level=encrypt\n  -o smtpd_tls_req_ccert=yes\n  \
             -o smtpd_relay_restrictions=reject_unauth_destination\n127.0.0.1:{} inet n - n - - smtpd\n",
            self.relay, self.submission
        );
        for (name, privileged, wakeup, most, program) in [
            ("pickup", "n", "60", "1", "pickup"),
            ("cleanup", "n", "-", "0", "cleanup"),
            ("qmgr", "n", "300", "1", "qmgr"),
            ("tlsmgr", "-", "1000?", "1", "tlsmgr"),
            ("rewrite", "-", "-", "-", "trivial-rewrite"),
            ("bounce", "-", "-", "0", "bounce"),
            ("defer", "-", "-", "0", "bounce"),
            ("trace", "-", "-", "0", "bounce"),
            ("flush", "n", "1000?", "0", "flush"),
            ("proxymap", "-", "-", "-", "proxymap"),
            ("smtp", "-", "-", "-", "smtp"),
            ("lmtp", "-", "-", "-", "lmtp"),
            ("error", "-", "-", "-", "error"),
            ("retry", "-", "-", "-", "error"),
            ("anvil", "-", "-", "1", "anvil"),
            ("tlsproxy", "-", "-", "0", "tlsproxy"),
            ("scache", "-", "-", "1", "scache"),
        ] {
            let _ = writeln!(text, "{name} unix {privileged} - n {wakeup} {most} {program}");
        }
        text.push_str("virtual unix - n n - - virtual\npostlog unix-dgram n - n - 1 postlogd\n");
        text
    }

    /// A command of Postfix's own, about this instance.
    pub fn command(&self, word: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("-c").arg(self.dir().join("etc")).arg(word);
        command
    }

    /// The messages delivered so far, their lines ended by LF as Postfix keeps them.
    pub fn delivered(&self) -> Vec<PathBuf> {
        files_below(&self.dir().join("box/new"))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir().join("maillog")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = self.command("stop").output();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("the end of Postfix's log:\n{}", lines[lines.len().saturating_sub(60)..].join("\n"));
        }
    }
}

/// The files of a directory and of those in it. Files come and go while it looks.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files_below(&entry.path())),
            Ok(_) => found.push(entry.path()),
            Err(_) => {}
        }
    }
    found
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
