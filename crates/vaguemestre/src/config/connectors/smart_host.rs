//! `[smart_host]`, where ordinary mail goes (S-3.3). May use the readers of `values`. Must never know what is done with it.

use std::path::PathBuf;

use super::{HERE, Host, Pass, SmartHost, SmartHostTrust, TLS_MODES, TlsMode, Value};

impl Pass<'_> {
    /// `[smart_host]`, if the file has that section.
    pub(in crate::config) fn smart_host(&mut self) -> Option<SmartHost> {
        self.raw.sections.iter().find(|(section, _)| section == "smart_host")?;
        let tls = self.choice(("smart_host", "tls"), TlsMode::StartTls, &TLS_MODES);
        let pins = self.pins("smart_host", "certificates");
        let trust = match pins.is_empty() {
            true => SmartHostTrust::Authorities(self.path("smart_host", "authorities")),
            false => SmartHostTrust::Pins(pins),
        };
        let login = self.smart_host_login();
        let Some(host) = self.host("smart_host", "host") else {
            let line = self.line("smart_host", "host");
            if !self.faults.iter().any(|fault| fault.is_of("smart_host", "host")) {
                let write =
                    "a name or address and a port, for instance \"relais.chu-nord.fr:587\"".to_owned();
                self.push("smart_host", "host", line, "there is no smart host".to_owned(), write);
            }
            return None;
        };
        let tls = if matches!(host, Host::Socket(_)) { TlsMode::None } else { tls };
        if tls == TlsMode::None && !host.is_here() {
            let line = self.line("smart_host", "tls");
            self.push(
                "smart_host",
                "tls",
                line,
                "without TLS mail would travel in clear".to_owned(),
                HERE.to_owned(),
            );
        }
        Some(SmartHost { host, tls, trust, login })
    }

    fn smart_host_login(&mut self) -> Option<(String, PathBuf)> {
        let of = |pass: &mut Self, name: &'static str| match pass.item("smart_host", name).value {
            Value::Text(text) if text.is_empty() => None,
            _ => Some(pass.text("smart_host", name)),
        };
        match (of(self, "user"), of(self, "password_file")) {
            (Some(user), Some(file)) => Some((user, self.beside(&file))),
            (None, None) => None,
            _ => {
                let line = self.line("smart_host", "user");
                let what = "a user and a file of its password go together".to_owned();
                self.push("smart_host", "user", line, what, "user and password_file, or neither".to_owned());
                None
            }
        }
    }
}
