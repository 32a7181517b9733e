//! A demonstration world in a temporary directory, on ports of its own, with its operators' daemons as processes.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Imap, Peer, Smtp};

pub const PASSWORD: &str = "demonstration";

const PROGRAM: &str = env!("CARGO_BIN_EXE_vaguemestre");

/// One of the world's two operators. What a story asks without saying of which is asked of nord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    Nord,
    Sud,
}

impl Site {
    fn id(self) -> &'static str {
        match self {
            Site::Nord => "nord",
            Site::Sud => "sud",
        }
    }
}

pub struct World {
    dir: tempfile::TempDir,
    offset: u16,
    daemons: [Option<Child>; 2],
}

impl World {
    /// Makes the world and starts nord; returns once it answers.
    pub fn start() -> World {
        let mut world = World::prepared();
        world.serve();
        world
    }

    /// Makes the world and starts both operators; returns once they answer.
    pub fn start_both() -> World {
        let mut world = World::start();
        world.serve_at(Site::Sud);
        world
    }

    /// Makes the world without starting anything.
    pub fn prepared() -> World {
        let dir = tempfile::Builder::new().prefix("vaguemestre-story-").tempdir().unwrap();
        let offset = free_offset();
        let world = World { dir, offset, daemons: [None, None] };
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
        self.config_at(Site::Nord)
    }

    pub fn config_at(&self, site: Site) -> PathBuf {
        self.dir().join(site.id()).join("vaguemestre.toml")
    }

    /// Sets `key` of `[section]` in the configuration of `site`, which reads it when it starts; `value` in TOML.
    pub fn configure(&self, site: Site, section: &str, key: &str, value: &str) {
        let text = fs::read_to_string(self.config_at(site)).unwrap();
        let (heading, start) = (format!("[{section}]"), format!("{key} = "));
        let (mut lines, mut inside, mut done) = (Vec::new(), false, false);
        for line in text.lines() {
            if line.starts_with('[') && line.ends_with(']') && !line.contains('=') {
                inside = line == heading;
            }
            if inside && line.starts_with(&start) {
                continue;
            }
            lines.push(line.to_owned());
            if line == heading {
                lines.push(format!("{start}{value}"));
                done = true;
            }
        }
        if !done {
            lines.extend([heading, format!("{start}{value}")]);
        }
        fs::write(self.config_at(site), lines.join("\n") + "\n").unwrap();
    }

    /// Adds sections to the configuration of `site`, which reads it when it starts.
    pub fn append(&self, site: Site, sections: &str) {
        let text = fs::read_to_string(self.config_at(site)).unwrap();
        fs::write(self.config_at(site), format!("{text}{sections}\n")).unwrap();
    }

    /// Has `site` send the mail for these domains to these ports of this machine, in place of what its configuration says.
    pub fn routes(&self, site: Site, routes: &[(&str, u16)]) {
        let entry = |(domain, port): &(&str, u16)| {
            format!("{{ domain = \"{domain}\", host = \"127.0.0.1\", port = {port} }}")
        };
        let list: Vec<_> = routes.iter().map(entry).collect();
        self.configure(site, "relay", "routes", &format!("[{}]", list.join(", ")));
    }

    pub fn ca(&self) -> PathBuf {
        self.dir().join("pki/ca.pem")
    }

    pub fn submission(&self) -> u16 {
        self.port(Site::Nord, 5870)
    }

    pub fn submission_tls(&self) -> u16 {
        self.submission_tls_at(Site::Nord)
    }

    pub fn submission_tls_at(&self, site: Site) -> u16 {
        self.port(site, 4650)
    }

    pub fn imap(&self) -> u16 {
        self.port(Site::Nord, 1430)
    }

    pub fn imaps(&self) -> u16 {
        self.port(Site::Nord, 9930)
    }

    /// Where IMAP without TLS is, for those who set `imap_plain`.
    pub fn imap_plain(&self) -> u16 {
        self.port(Site::Nord, 1440)
    }

    /// Where other operators bring their mail to `site`.
    pub fn relay(&self, site: Site) -> u16 {
        self.port(site, 2525)
    }

    pub fn metrics(&self, site: Site) -> u16 {
        self.port(site, 9090)
    }

    fn port(&self, site: Site, base: u16) -> u16 {
        base + self.offset + site as u16
    }

    /// Starts nord (again); returns once it answers.
    pub fn serve(&mut self) {
        self.serve_at(Site::Nord);
    }

    /// Starts the daemon of `site` (again); returns once it answers.
    pub fn serve_at(&mut self, site: Site) {
        self.serve_under(site, |_| {});
    }

    /// The same, under what `change` makes of its surroundings.
    pub fn serve_under(&mut self, site: Site, change: impl FnOnce(&mut Command)) {
        assert!(self.daemon(site).is_none());
        let log = File::options().create(true).append(true).open(self.log_file(site)).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--config"]).arg(self.config_at(site));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        change(&mut command);
        let child = command.spawn().unwrap();
        *self.daemon(site) = Some(child);
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", self.port(site, 9930))).is_err() {
            let ended = self.daemon(site).as_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "{site:?} does not come up:\n{}",
                self.log_at(site)
            );
            sleep(Duration::from_millis(20));
        }
    }

    fn daemon(&mut self, site: Site) -> &mut Option<Child> {
        &mut self.daemons[site as usize]
    }

    /// `kill -9`: what a power cut leaves, but for the disk's own cache.
    pub fn kill(&mut self) {
        self.kill_at(Site::Nord);
    }

    pub fn kill_at(&mut self, site: Site) {
        let mut child = self.daemon(site).take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends SIGTERM without waiting.
    pub fn terminate(&self) {
        self.terminate_at(Site::Nord);
    }

    pub fn terminate_at(&self, site: Site) {
        super::succeed(Command::new("kill").args(["-TERM", &self.pid_at(site).to_string()]));
    }

    /// Waits for the daemon to end by itself.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        self.wait_at(Site::Nord, limit)
    }

    pub fn wait_at(&mut self, site: Site, limit: Duration) -> ExitStatus {
        let mut child = self.daemon(site).take().unwrap();
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("the daemon does not end:\n{}", self.log_at(site));
            }
            sleep(Duration::from_millis(20));
        }
    }

    pub fn pid(&self) -> u32 {
        self.pid_at(Site::Nord)
    }

    pub fn pid_at(&self, site: Site) -> u32 {
        self.daemons[site as usize].as_ref().unwrap().id()
    }

    pub fn log(&self) -> String {
        self.log_at(Site::Nord)
    }

    pub fn log_at(&self, site: Site) -> String {
        fs::read_to_string(self.log_file(site)).unwrap_or_default()
    }

    fn log_file(&self, site: Site) -> PathBuf {
        self.dir().join(format!("daemon-{}.log", site.id()))
    }

    /// Recipients that wait in the queue of `site`, as the administrator's command counts them.
    pub fn queued_at(&self, site: Site) -> usize {
        let text = super::succeed(&mut self.command_at(site, &["queue", "list", "--json"]));
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        answer["queue"]["entries"].as_array().unwrap().len()
    }

    /// Has `site` try again every second, a message and a next hop.
    pub fn restless(&self, site: Site) {
        for key in ["first_retry", "longest_retry", "probe", "longest_probe"] {
            self.configure(site, "queue", key, "\"1 s\"");
        }
    }

    /// A figure of `/proc/PID/status`, in KiB (`VmRSS`, `RssAnon`, `VmHWM`).
    pub fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// A command of the program against nord.
    pub fn command(&self, words: &[&str]) -> Command {
        self.command_at(Site::Nord, words)
    }

    pub fn command_at(&self, site: Site, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(words).arg("--config").arg(self.config_at(site));
        command
    }

    pub fn smtp(&self) -> Smtp {
        self.smtp_at(Site::Nord)
    }

    /// A submission session, not logged in.
    pub fn smtp_at(&self, site: Site) -> Smtp {
        Smtp::connect(self.submission_tls_at(site), &self.ca())
    }

    pub fn imap_as(&self, user: &str) -> Imap {
        self.imap_at(Site::Nord, user)
    }

    pub fn imap_at(&self, site: Site, user: &str) -> Imap {
        Imap::login(self.port(site, 9930), &self.ca(), user, PASSWORD)
    }

    /// Brings mail to `site` as another operator that shows `peer`'s certificate.
    pub fn relay_as(&self, site: Site, peer: &Peer) -> std::io::Result<Smtp> {
        Smtp::relay(self.relay(site), &self.ca(), Some(peer))
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
        for child in self.daemons.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
        for site in [Site::Nord, Site::Sud] {
            let log = self.log_at(site);
            if std::thread::panicking() {
                eprintln!("the log of {site:?}:\n{log}");
            } else {
                assert!(!log.contains("panicked at"), "{site:?} panicked:\n{log}");
            }
        }
    }
}

/// An offset at which all ports of both operators are free. Stories run side by side, each in a process of its own: they start
/// looking at places that depend on the process, and a port taken in between shows as a daemon that does not come up. Worlds a
/// multiple of 26 apart share no port; all stay below those that the system gives to outgoing connections.
fn free_offset() -> u16 {
    const PLACES: u16 = 490;
    let start = (std::process::id() % u32::from(PLACES)) as u16;
    (0..PLACES)
        .map(|step| 10_000 + (start + step * 7) % PLACES * 26)
        .find(|offset| {
            [5870, 4650, 1430, 1440, 9930, 2525, 9090]
                .iter()
                .all(|port| (0..2).all(|site| TcpListener::bind(("127.0.0.1", port + offset + site)).is_ok()))
        })
        .unwrap()
}
