//! Debian's Postfix as another operator: mutual TLS on both sides, its default fsync. What differs from its defaults is in [`TUNED`];
//! all of it makes it faster. Mail from outside goes to a Maildir, or is only accepted and held.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use rustls::ClientConfig;

use super::{CONNECTIONS, Relay, SENDER, SINK};
use crate::harness::postfix::Postfix;
use crate::harness::{Peer, Site, World, processes, succeed};
use crate::line::Target;
use crate::processor;

/// The domain that it keeps mail for.
const DOMAIN: &str = "tiers.mssante.fr";
/// Whose mail is brought from outside.
const HERE: [&str; 3] = ["un@tiers.mssante.fr", "deux@tiers.mssante.fr", "trois@tiers.mssante.fr"];
/// Messages of its Maildir that are compared.
const SAMPLES: usize = 30;

pub struct DebianPostfix {
    postfix: Postfix,
    operator: Arc<ClientConfig>,
    person: Arc<ClientConfig>,
    settings: String,
}

impl DebianPostfix {
    pub fn start(world: &World, charge: &Peer, sink: (&Peer, u16)) -> DebianPostfix {
        let peer = world.operator(DOMAIN, crate::harness::Flaw::None);
        let settings = tuned(&sink.0.host, sink.1);
        let postfix = Postfix::tuned(world, &peer, world.relay(Site::Nord), &settings);
        let [operator, person] = [Some(charge), None].map(|peer| crate::tls(world, peer));
        DebianPostfix { postfix, operator, person, settings }
    }

    /// Has it read its settings again, with these lines more; returns once nobody goes by the old ones.
    fn reload(&self, more: &str) {
        self.postfix.configure(&format!("{}{more}", self.settings));
        let name = |pid: u32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let mut before = processes::family(self.postfix.master());
        before.retain(|pid| ["smtpd", "smtp"].contains(&name(*pid).trim_end()));
        succeed(&mut self.postfix.command("reload"));
        processes::wait_until_gone(&before);
    }

    /// Whether what comes from outside is only accepted: it stays in the queue, where nothing looks at it.
    pub fn hold(&self, hold: bool) {
        let more = if hold { "smtpd_data_restrictions = check_client_access static:hold\n" } else { "" };
        self.reload(more);
    }

    /// How many are held.
    pub fn held(&self) -> usize {
        self.postfix.files_in("hold").len()
    }

    /// Takes away what is held, and what is in the Maildir.
    pub fn clear(&self) {
        let mut command = Command::new("/usr/sbin/postsuper");
        succeed(command.arg("-c").arg(self.postfix.dir().join("etc")).args(["-d", "ALL", "hold"]));
        for file in self.postfix.delivered() {
            fs::remove_file(file).unwrap();
        }
    }
}

/// Lines of main.cf: the sink behind its name, TLS connections that are kept (its default opens one for each message), as many
/// connections to it from the first message on as otherwise after some, and no delay for clients that are faster than its queue.
fn tuned(host: &str, port: u16) -> String {
    format!(
        "transport_maps = inline:{{ {SINK}=smtp:[127.0.0.1]:{port} }}\n\
         smtp_tls_secure_cert_match = {host}\n\
         smtpd_tls_security_level = may\n\
         smtp_tls_connection_reuse = yes\n\
         smtp_tls_loglevel = 0\n\
         smtpd_tls_loglevel = 0\n\
         default_process_limit = 200\n\
         default_destination_concurrency_limit = {CONNECTIONS}\n\
         initial_destination_concurrency = {CONNECTIONS}\n\
         alias_maps =\n\
         alias_database =\n\
         in_flow_delay = 0\n"
    )
}

impl Relay for DebianPostfix {
    fn seconds(&self) -> f64 {
        processor::seconds(self.postfix.master())
    }

    fn inbound(&self) -> Target {
        Target { port: self.postfix.relay, tls: Some(Arc::clone(&self.operator)), login: None }
    }

    fn recipients(&self) -> Vec<&str> {
        HERE.to_vec()
    }

    fn outbound(&self) -> Target {
        Target { port: self.postfix.submission, tls: Some(Arc::clone(&self.person)), login: None }
    }

    fn sender(&self) -> &str {
        SENDER
    }

    fn delivers_later(&self) -> bool {
        true
    }

    fn kept(&self) -> usize {
        self.postfix.delivered().len()
    }

    fn samples(&self) -> Vec<Vec<u8>> {
        let files = self.postfix.delivered();
        let step = (files.len() / SAMPLES).max(1);
        let text =
            |file| String::from_utf8(fs::read(file).unwrap()).unwrap().replace('\n', "\r\n").into_bytes();
        files.into_iter().step_by(step).map(text).collect()
    }

    fn reuse_connections(&self, reuse: bool) {
        let more =
            if reuse { "" } else { "smtp_tls_connection_reuse = no\nsmtp_connection_cache_on_demand = no\n" };
        self.reload(more);
    }
}
