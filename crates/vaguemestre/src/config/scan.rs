//! What is done to messages on the way: the antivirus (`[scan]`), where it listens and what becomes of what it could not judge; the
//! signature on what leaves (`[dkim]`).
//!
//! May use the readers of `values`. Must never connect to anything.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use delivery::{OnFailure, ScanAddress, ScanSettings};

use super::{pass::Pass, raw::Value};

/// How what leaves is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dkim {
    pub(crate) selector: String,
    pub(crate) key: PathBuf,
}

impl Pass<'_> {
    /// None: nothing is signed. The two keys go together.
    pub(super) fn dkim(&mut self) -> Option<Dkim> {
        let (selector, key) = (self.item("dkim", "selector"), self.item("dkim", "key"));
        match (&selector.value, &key.value) {
            (Value::Text(selector), Value::Text(key)) if selector.is_empty() && key.is_empty() => None,
            (Value::Text(name), Value::Text(key)) if is_selector(name) && !key.is_empty() => {
                Some(Dkim { selector: name.clone(), key: self.path("dkim", "key") })
            }
            (Value::Text(name), _) if is_selector(name) => {
                self.wrong(&key, "the path of a private key, PKCS#8 in PEM")
            }
            _ => self.wrong(&selector, "a selector such as \"s2026\" beside a key, or \"\" for both"),
        }
    }

    /// None: nothing is scanned.
    pub(super) fn scan(&mut self) -> Option<ScanSettings> {
        let address = self.scanner();
        let timeout = self.duration("scan", "timeout", Duration::from_secs(600));
        let on_failure = self.choice(
            ("scan", "on_failure"),
            OnFailure::TempFail,
            &[("tempfail", OnFailure::TempFail), ("pass", OnFailure::Pass)],
        );
        let max_bytes = self.size("scan", "max_size", 1_000_000, 4_000_000_000);
        address.map(|address| ScanSettings { address, timeout, on_failure, max_bytes })
    }

    /// Messages go there in clear, so that it is on this host.
    fn scanner(&mut self) -> Option<ScanAddress> {
        let item = self.item("scan", "clamd");
        let Value::Text(text) = &item.value else { return self.wrong(&item, SCANNER) };
        if text.is_empty() {
            return None;
        }
        if text.starts_with('/') {
            return Some(ScanAddress::Unix(text.into()));
        }
        let tcp = text.parse::<SocketAddr>().ok().filter(|address| address.ip().to_canonical().is_loopback());
        match tcp {
            Some(address) => Some(ScanAddress::Tcp(address)),
            None => self.wrong(&item, SCANNER),
        }
    }
}

/// Labels of a domain name (RFC 6376 §3.1).
fn is_selector(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    text.len() <= 128 && text.split('.').all(label)
}

const SCANNER: &str = "the path of clamd's socket such as \"/run/clamav/clamd.ctl\", a loopback address with a port such as \"127.0.0.1:3310\" \
     (messages travel in clear there), or \"\" for none";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{REQUIRED, faults, read};

    #[test]
    fn an_antivirus_is_on_this_host_or_there_is_none() {
        let scan = |text: &str| read(&format!("{REQUIRED}[scan]\n{text}")).unwrap().scan;
        assert_eq!(scan(""), None);
        let unix =
            scan("clamd = \"/run/clamav/clamd.ctl\"\non_failure = \"pass\"\ntimeout = \"5 s\"").unwrap();
        assert_eq!(unix.address, ScanAddress::Unix("/run/clamav/clamd.ctl".into()));
        assert_eq!((unix.on_failure, unix.timeout), (OnFailure::Pass, Duration::from_secs(5)));
        let tcp = scan("clamd = \"127.0.0.1:3310\"").unwrap();
        assert_eq!(tcp, ScanSettings::new(ScanAddress::Tcp("127.0.0.1:3310".parse().unwrap())));
        for wrong in ["192.0.2.1:3310", "clamd.example.org:3310", "run/clamd.ctl", "127.0.0.1"] {
            let told = faults(&format!("{REQUIRED}[scan]\nclamd = \"{wrong}\""));
            assert!(told.contains("[scan] clamd") && told.contains("loopback"), "{told}");
        }
        assert!(
            faults(&format!("{REQUIRED}[scan]\non_failure = \"drop\"")).contains("\"tempfail\" or \"pass\"")
        );
    }

    #[test]
    fn a_signature_takes_a_selector_and_a_key() {
        let dkim = |text: &str| read(&format!("{REQUIRED}[dkim]\n{text}")).unwrap().dkim;
        assert_eq!(dkim(""), None);
        let set = dkim("selector = \"s2026\"\nkey = \"dkim.pem\"").unwrap();
        assert_eq!(set, Dkim { selector: "s2026".into(), key: "/etc/vaguemestre/dkim.pem".into() });
        for (wrong, told) in [
            ("selector = \"s\"", "[dkim] key"),
            ("key = \"k\"", "[dkim] selector"),
            ("selector = \"a b\"\nkey = \"k\"", "[dkim] selector"),
        ] {
            assert!(faults(&format!("{REQUIRED}[dkim]\n{wrong}")).contains(told), "{wrong}");
        }
    }

    #[test]
    fn dates_are_told_in_a_zone_that_is_known() {
        let zone = |name: &str| {
            REQUIRED.replace("login_domains =", &format!("time_zone = \"{name}\"\nlogin_domains ="))
        };
        assert_eq!(
            read(&zone("Indian/Reunion")).unwrap().operator.time_zone.iana_name(),
            Some("Indian/Reunion")
        );
        assert!(faults(&zone("Europe/Lyon")).contains("tzdata"));
        assert_eq!(read(REQUIRED).unwrap().operator.time_zone.iana_name(), Some("Europe/Paris"));
    }
}
