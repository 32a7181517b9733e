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

use super::{Peer, World, succeed};

const PROGRAM: &str = "/usr/sbin/postfix";
/// Who owns what is delivered: nobody.
const KEEPER: u32 = 65534;

pub struct Postfix {
    dir: tempfile::TempDir,
    /// Where other operators bring mail: TLS and a verified certificate demanded.
    pub relay: u16,
    /// Where its own users hand mail in: clear text, loopback.
    pub submission: u16,
}

impl Postfix {
    /// An operator that shows `peer`'s certificate, keeps the mail for its domain, and relays what is for nord's to port `nord`.
    pub fn start(world: &World, peer: &Peer, nord: u16) -> Postfix {
        let only_nord = format!(
            "default_transport = error:nothing leaves but for nord\n\
             transport_maps = inline:{{ chu-nord.mssante.fr=smtp:[127.0.0.1]:{nord} }}\n\
             smtp_tls_secure_cert_match = mail.chu-nord.fr\n"
        );
        Postfix::launch(world, peer, &only_nord)
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
             queue_run_delay = 1s\n{more}"
        );
        Postfix::launch(world, peer, &settings)
    }

    fn launch(world: &World, peer: &Peer, more: &str) -> Postfix {
        assert!(Path::new(PROGRAM).exists(), "Postfix is missing: `.ci/need test` installs it");
        let dir = tempfile::Builder::new().prefix("vaguemestre-postfix-").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let postfix = Postfix { dir, relay: free_port(), submission: free_port() };
        for name in ["etc", "queue", "data", "box"] {
            fs::create_dir(postfix.dir().join(name)).unwrap();
        }
        succeed(Command::new("chown").arg("postfix").arg(postfix.dir().join("data")));
        chown(postfix.dir().join("box"), Some(KEEPER), Some(KEEPER)).unwrap();
        let (chain, key) = world.files_of(peer);
        let main = postfix.settings(peer, &chain, &key, &world.ca()) + more;
        fs::write(postfix.dir().join("etc/main.cf"), main).unwrap();
        fs::write(postfix.dir().join("etc/master.cf"), postfix.services()).unwrap();
        // Its master only starts as root.
        succeed(&mut postfix.command("start"));
        let deadline = Instant::now() + Duration::from_secs(20);
        while [postfix.relay, postfix.submission]
            .iter()
            .any(|p| TcpStream::connect(("127.0.0.1", *p)).is_err())
        {
            assert!(Instant::now() < deadline, "Postfix does not come up:\n{}", postfix.log());
            sleep(Duration::from_millis(20));
        }
        postfix
    }

    fn dir(&self) -> &Path {
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
            ("scache", "-", "-", "1", "scache"),
        ] {
            let _ = writeln!(text, "{name} unix {privileged} - n {wakeup} {most} {program}");
        }
        text.push_str("virtual unix - n n - - virtual\npostlog unix-dgram n - n - 1 postlogd\n");
        text
    }

    fn command(&self, word: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("-c").arg(self.dir().join("etc")).arg(word);
        command
    }

    /// The messages delivered so far, their lines ended by LF as Postfix keeps them.
    pub fn delivered(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.dir().join("box/new")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
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

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
