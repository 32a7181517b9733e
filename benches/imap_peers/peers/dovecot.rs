//! Dovecot as Debian ships it, in a directory of its own: Maildir, default fsync, no full-text index, default services but for the
//! limits that so many sessions of one address would meet. It shows the same certificate as ours.

use std::fs::{self, File};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use super::{Ours, Peer};
use crate::harness::{PASSWORD, processes, succeed};
use crate::{Way, letters};

const PROGRAM: &str = "/usr/sbin/dovecot";
const USER: &str = "medecin";

/// How long it may take to come up or to end.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Dovecot {
    dir: tempfile::TempDir,
    clear: u16,
    secured: u16,
    tls: Arc<ClientConfig>,
    child: Option<Child>,
}

impl Dovecot {
    pub fn start(ours: &Ours) -> Dovecot {
        assert!(fs::exists(PROGRAM).unwrap(), "{PROGRAM} is missing: apt-get install dovecot-imapd");
        let dir = tempfile::Builder::new().prefix("vaguemestre-dovecot-").tempdir().unwrap();
        // Its processes run as other users than the one that starts it.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (clear, secured) = (free(), free());
        let mut dovecot = Dovecot { dir, clear, secured, tls: Arc::clone(ours.tls()), child: None };
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(dovecot.maildir().join(part)).unwrap();
        }
        let pki = ours.pki();
        let text = dovecot.configuration(&pki.chain("nord"), &pki.key("nord"));
        fs::write(dovecot.config(), text).unwrap();
        dovecot.own_mail();
        dovecot.serve();
        dovecot
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("dovecot.conf")
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    fn maildir(&self) -> PathBuf {
        self.home().join("Maildir")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("dovecot.log")).unwrap_or_default()
    }

    /// Under root the usual users do the work and `nobody` owns the mail, else all is done by whoever runs this.
    fn users(&self) -> (String, String) {
        let own = fs::metadata(self.dir.path()).unwrap();
        if own.uid() == 0 {
            return (String::new(), "uid=nobody gid=nogroup".into());
        }
        let name = succeed(Command::new("id").arg("-un"));
        let name = name.trim();
        let group = succeed(Command::new("id").arg("-gn"));
        let services = format!(
            "default_internal_user = {name}\ndefault_login_user = {name}\ndefault_internal_group = {}\n\
             service imap-login {{\n chroot =\n}}\nservice anvil {{\n chroot =\n}}\nservice stats {{\n chroot =\n}}\n",
            group.trim()
        );
        (services, format!("uid={} gid={}", own.uid(), own.gid()))
    }

    fn configuration(&self, chain: &std::path::Path, key: &std::path::Path) -> String {
        let (services, owner) = self.users();
        format!(
            "protocols = imap\nlisten = 127.0.0.1\nbase_dir = {dir}/run\nstate_dir = {dir}/state\nlog_path = {dir}/dovecot.log\n\
             ssl = yes\nssl_cert = <{chain}\nssl_key = <{key}\ndisable_plaintext_auth = no\nfirst_valid_uid = 1\n\
             mail_location = maildir:~/Maildir\nmail_max_userip_connections = 100000\n\
             default_process_limit = 100000\ndefault_client_limit = 100000\nservice imap {{\n process_limit = 100000\n}}\n{services}\
             namespace inbox {{\n inbox = yes\n}}\n\
             passdb {{\n driver = static\n args = password={PASSWORD}\n}}\n\
             userdb {{\n driver = static\n args = {owner} home={home}\n}}\n\
             service imap-login {{\n inet_listener imap {{\n port = {clear}\n }}\n inet_listener imaps {{\n port = {secured}\n }}\n}}\n",
            dir = self.dir.path().display(),
            chain = chain.display(),
            key = key.display(),
            home = self.home().display(),
            clear = self.clear,
            secured = self.secured,
        )
    }

    fn own_mail(&self) {
        if fs::metadata(self.dir.path()).unwrap().uid() == 0 {
            succeed(Command::new("chown").args(["-R", "nobody:nogroup"]).arg(self.home()));
        }
    }

    fn serve(&mut self) {
        // What it says of its limits before it has a log of its own.
        let said = File::create(self.dir.path().join("dovecot.err")).unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("-F").arg("-c").arg(self.config());
        self.child = Some(command.stdin(Stdio::null()).stderr(said).spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.secured)).is_err() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "Dovecot does not come up:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(20));
        }
    }

    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let all = processes::family(child.id());
        succeed(Command::new("kill").args(["-TERM", &child.id().to_string()]));
        child.wait().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while all.iter().any(|pid| fs::exists(format!("/proc/{pid}")).unwrap()) {
            assert!(Instant::now() < deadline, "processes of Dovecot do not end");
            sleep(Duration::from_millis(10));
        }
    }
}

impl Peer for Dovecot {
    fn name(&self) -> &'static str {
        "Dovecot"
    }

    fn user(&self) -> &str {
        USER
    }

    fn port(&self, way: Way) -> u16 {
        match way {
            Way::Clear => self.clear,
            Way::Tls => self.secured,
        }
    }

    fn tls(&self) -> &Arc<ClientConfig> {
        &self.tls
    }

    /// As its own delivery names and writes them: sizes in the name, LF lines.
    fn fill(&mut self, messages: usize) {
        let cur = self.maildir().join("cur");
        let now = jiff::Timestamp::now().as_second();
        for n in 0..messages {
            let letter = letters::letter(n);
            let lines: Vec<u8> = letter.iter().copied().filter(|&b| b != b'\r').collect();
            let name = format!("{now}.M{n:06}P1.mesure,S={},W={}:2,", lines.len(), letter.len());
            File::create(cur.join(name)).unwrap().write_all(&lines).unwrap();
        }
        self.own_mail();
    }

    fn restart(&mut self) {
        self.stop();
        self.serve();
    }

    fn processes(&self) -> Vec<u32> {
        processes::family(self.child.as_ref().unwrap().id())
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            let log = self.log();
            let complaints = log.lines().filter(|line| line.contains("Error:") || line.contains("Fatal:"));
            eprintln!("Dovecot complained:\n{}", complaints.collect::<Vec<_>>().join("\n"));
        }
    }
}
