//! What no single key can tell: values that are good alone and wrong together.
//!
//! Pure; must never read a file. Runs on complete settings, whose wrong values have harmless ones in their place.

use std::{collections::HashSet, time::Duration};

use super::{Settings, pass::Pass, raw::Value};

/// What waits in the queue has to be given up, and reported, before its body is erased (S-4.3).
const QUEUE_LIFETIME_MAX: Duration = Duration::from_secs(80 * 86_400);

impl Pass<'_> {
    /// Records every contradiction of `settings`.
    pub(super) fn refuse_contradictions(&mut self, settings: &Settings) {
        self.check_listeners(settings);
        self.check_operator(settings);
        self.check_trust(settings);
        self.check_relay(settings);
        self.check_queue(settings);
        self.check_connectors(settings);
    }

    fn check_listeners(&mut self, settings: &Settings) {
        let mut seen = HashSet::new();
        let mut twice =
            settings.listeners.all().filter(|(_, address)| address.port() != 0 && !seen.insert(*address));
        if let Some((service, address)) = twice.next() {
            let what = format!("{address} is listened on twice");
            self.contradiction("listeners", service.key(), what, "each address in one list only");
        }
        let mut plain = settings.listeners.imap_plain.iter();
        if let Some(address) = plain.find(|address| !address.ip().to_canonical().is_loopback()) {
            let what = format!("{address} is not a loopback address, and passwords travel in clear here");
            let write = "an address of 127.0.0.1 or ::1, or imap_plain = [] (clients use imap_tls, or imap with STARTTLS)";
            self.contradiction("listeners", "imap_plain", what, write);
        }
        if let Some(network) = settings.listeners.proxy_from.iter().find(|network| network.is_everybody()) {
            let what = format!("{network} is everybody, who could then connect in anybody's name");
            self.contradiction("listeners", "proxy_from", what, "the addresses of your own load balancers");
        }
        let handed_over = settings.connectors.iter().any(|connector| !connector.listen.is_empty());
        if settings.listeners.all().next().is_none() && !handed_over {
            let write = "at least one address, for instance submission_tls = [\"0.0.0.0:465\"]";
            self.contradiction("listeners", "", "no address to listen on", write);
        }
    }

    fn check_operator(&mut self, settings: &Settings) {
        let operator = &settings.operator;
        let both = operator.login_domains.iter().find(|name| operator.mssante_domains.contains(name));
        if let Some(domain) = both {
            let what = format!("{domain} is also in mssante_domains");
            let write = "the domains of ordinary mail here, those of MSSanté addresses there (S-1.1)";
            self.contradiction("operator", "login_domains", what, write);
        }
    }

    fn check_trust(&mut self, settings: &Settings) {
        let Some(trust) = &settings.trust else {
            if !settings.listeners.relay.is_empty() {
                let what = "mail from other operators cannot be judged without [trust]";
                let write = "the section [trust], or relay = []";
                self.contradiction("listeners", "relay", what, write);
            }
            if !settings.relay.routes.is_empty() {
                let what = "nothing leaves for another operator without [trust]";
                self.contradiction("relay", "routes", what, "the section [trust], or routes = []");
            }
            return;
        };
        if trust.list.is_none() && trust.fetching.list_url.is_none() {
            let what = "nothing says where the white list is";
            self.contradiction(
                "trust",
                "list",
                what,
                "the path of a file, or an address under list_url, or both",
            );
        }
        if trust.fetching.list_refresh >= trust.alarm_after {
            let what = "the list would be asked for less often than its age is an alarm";
            self.contradiction("trust", "list_refresh", what, "a duration shorter than alarm_after");
        }
        if trust.alarm_after >= trust.stop_after {
            let what = "relaying would stop before anyone is told that it will";
            self.contradiction("trust", "alarm_after", what, "a duration shorter than stop_after");
        }
        if trust.refresh >= trust.alarm_after {
            let what = "the list would be looked at less often than its age is an alarm";
            self.contradiction("trust", "refresh", what, "a duration shorter than alarm_after");
        }
    }

    fn check_relay(&mut self, settings: &Settings) {
        let relay = &settings.relay;
        // what is written, not which file it is: certificates of one key are common
        let (certificate, key) = (self.writes("relay", "certificate"), self.writes("relay", "key"));
        if certificate != key {
            let (absent, written) = if certificate { ("key", "certificate") } else { ("certificate", "key") };
            let what = format!("[relay] names a {written} and no {absent}");
            self.contradiction("relay", absent, what, "certificate and key together, or neither");
        }
        let mut seen = HashSet::new();
        if let Some(route) = relay.routes.iter().find(|route| !seen.insert(&route.domain)) {
            let what = format!("{} has two routes", route.domain);
            self.contradiction("relay", "routes", what, "one route a domain");
        }
        let own = &settings.operator.mssante_domains;
        if let Some(route) = relay.routes.iter().find(|route| own.contains(&route.domain)) {
            let what = format!("{} is a domain of this operator", route.domain);
            self.contradiction("relay", "routes", what, "routes to other operators only");
        }
        let written = self.line("relay", "connections_per_domain").is_some();
        if written && relay.connections_per_domain > relay.connections {
            let write = "a number not above connections";
            self.contradiction("relay", "connections_per_domain", "more for one than for all", write);
        }
    }

    fn check_queue(&mut self, settings: &Settings) {
        let queue = &settings.queue;
        let mut longer = |key: &str, is_longer: bool, than: &str| {
            if is_longer {
                let write = format!("a duration not longer than {than}");
                self.contradiction("queue", key, format!("it is longer than {than}"), &write);
            }
        };
        let kept = "80 d: a message is kept three months, wherever it waits";
        longer("lifetime", queue.lifetime > QUEUE_LIFETIME_MAX, kept);
        longer("first_retry", queue.first_retry > queue.longest_retry, "longest_retry");
        longer("longest_retry", queue.longest_retry > queue.lifetime, "lifetime");
        longer("probe", queue.probe > queue.longest_probe, "longest_probe");
        longer("longest_probe", queue.longest_probe > queue.lifetime, "lifetime");
        longer("delay_notice", queue.delay_notice > queue.lifetime, "lifetime");
        longer("distrust_lifetime", queue.distrust_lifetime > queue.lifetime, "lifetime");
    }

    /// Whether the file gives that key something else than the empty text, which is the default.
    fn writes(&self, section: &str, name: &str) -> bool {
        let is_empty = |value: &Value| matches!(value, Value::Text(text) if text.is_empty());
        let mut entries = self.raw.entries.iter();
        entries.any(|entry| entry.section == section && entry.name == name && !is_empty(&entry.value))
    }

    fn contradiction(&mut self, section: &str, key: &str, what: impl Into<String>, write: &str) {
        let line = self.line(section, key);
        self.push(section, key, line, what.into(), write.to_owned());
    }
}
