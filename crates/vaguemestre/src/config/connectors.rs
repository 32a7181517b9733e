//! Hospitals' own servers (`[[connectors]]`, S-3.10) and the ordinary smart host (`[smart_host]`, S-3.3): who they are, how each is
//! known, and what passes. A server without TLS is one of this machine, or the file is refused.
//!
//! May use the readers of `values`. Must never know what is done with it.

use std::{collections::HashSet, mem, net::SocketAddr, path::PathBuf};

use mssante::{Address, Domain, StructureId};
use pki::Pin;

use super::{
    Settings, Who,
    pass::Pass,
    raw::{Raw, Value},
    retention::structure_id,
};

mod kinds;
mod smart_host;

pub(crate) use self::kinds::{
    Connector, Deliver, Host, Place, Protocol, Server, SmartHost, SmartHostTrust, TlsMode, Unsecured,
};

/// The name of the section that may stand several times.
pub(super) const CONNECTORS: &str = "connectors";

/// The longest name of a connector: the queue keeps it with each entry.
const NAME: usize = 64;

const TLS_MODES: [(&str, TlsMode); 3] =
    [("starttls", TlsMode::StartTls), ("tls", TlsMode::Implicit), ("none", TlsMode::None)];
const PROTOCOLS: [(&str, Protocol); 2] = [("smtp", Protocol::Smtp), ("lmtp", Protocol::Lmtp)];
const HERE: &str = "tls = \"starttls\" or \"tls\", or a Unix socket or an address of 127.0.0.1 or ::1";

impl Pass<'_> {
    /// Every `[[connectors]]`, each read as a section of its own.
    pub(super) fn connectors(&mut self) -> Vec<Connector> {
        let (mut tables, mut found) = (mem::take(&mut self.raw.tables), Vec::new());
        for table in tables.iter_mut().filter(|table| table.name == CONNECTORS) {
            let raw = Raw { entries: mem::take(&mut table.entries), ..Raw::default() };
            let mut pass = Pass { file: self.file, raw, faults: Vec::new() };
            let connector = pass.connector();
            // what stands in the whole section has at least the line of its heading
            self.faults.extend(pass.faults.into_iter().map(|fault| fault.near(table.line)));
            found.push((table.line, connector));
        }
        self.refuse_clashes(&found);
        found.into_iter().map(|(_, connector)| connector).collect()
    }

    fn connector(&mut self) -> Connector {
        let connector = Connector {
            name: self.connector_name(),
            structure: self.connector_structure(),
            domains: self.domains(CONNECTORS, "domains"),
            listen: self.places(),
            protocol: self.choice((CONNECTORS, "protocol"), Protocol::Smtp, &PROTOCOLS),
            tls: self.choice((CONNECTORS, "tls"), TlsMode::StartTls, &TLS_MODES),
            certificates: self.pins(CONNECTORS, "certificates"),
            login: self.choice((CONNECTORS, "login"), false, &[("none", false), ("password", true)]),
            users: self.users(),
            unsecured: self.choice(
                (CONNECTORS, "unsecured"),
                Unsecured::GiveBack,
                &[("give-back", Unsecured::GiveBack), ("smart-host", Unsecured::SmartHost)],
            ),
            all_secure: self.choice((CONNECTORS, "all_secure"), false, &[("no", false), ("yes", true)]),
            reports: self.reports(),
            deliver: self.choice(
                (CONNECTORS, "deliver"),
                Deliver::Box,
                &[("box", Deliver::Box), ("server", Deliver::Server), ("both", Deliver::Both)],
            ),
            server: self.connector_server(),
        };
        self.check_inbound(&connector);
        self.check_outbound(&connector);
        connector
    }

    fn connector_name(&mut self) -> String {
        let name = self.text(CONNECTORS, "name");
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.len() > NAME || !name.bytes().all(plain) {
            let line = self.line(CONNECTORS, "name");
            let write = format!("1 to {NAME} of a-z, 0-9 and hyphens, for instance \"chu-nord\"");
            self.push(CONNECTORS, "name", line, format!("{name:?} cannot be a connector's name"), write);
        }
        name
    }

    fn connector_structure(&mut self) -> StructureId {
        let text = self.text(CONNECTORS, "structure");
        structure_id(&text).unwrap_or_else(|| {
            if self.line(CONNECTORS, "structure").is_some() {
                let line = self.line(CONNECTORS, "structure");
                let write =
                    "finess, siret or siren and the number, for instance \"finess 350000022\"".to_owned();
                self.push(CONNECTORS, "structure", line, format!("{text:?} is no structure"), write);
            }
            // stands in for what is wrong; never used
            structure_id("finess 350000022").expect("its key is right")
        })
    }

    /// Structures all of whose mail is secure (S-3.1).
    pub(super) fn secure_structures(&mut self) -> Vec<StructureId> {
        let texts = self.texts("operator", "secure_structures");
        let mut found = Vec::new();
        for text in texts {
            match structure_id(&text) {
                Some(id) => found.push(id),
                None => {
                    let line = self.line("operator", "secure_structures");
                    let write = "texts such as \"finess 350000022\": finess, siret or siren and the number"
                        .to_owned();
                    self.push(
                        "operator",
                        "secure_structures",
                        line,
                        format!("{text:?} is no structure"),
                        write,
                    );
                }
            }
        }
        found
    }

    fn places(&mut self) -> Vec<Place> {
        let item = self.item(CONNECTORS, "listen");
        let write =
            "a list such as [\"0.0.0.0:2526\", \"unix:/run/vaguemestre/chu-nord.sock\"], or [] for none";
        let Value::List(list) = &item.value else { return self.wrong(&item, write) };
        let place = |value: &Value| match value {
            Value::Text(text) => match text.strip_prefix("unix:") {
                Some(path) => self.socket_path(path).map(Place::Socket),
                None => text.parse().ok().map(Place::Address),
            },
            _ => None,
        };
        let places: Option<Vec<_>> = list.iter().map(place).collect();
        places.unwrap_or_else(|| self.wrong(&item, write))
    }

    fn socket_path(&self, path: &str) -> Option<PathBuf> {
        let path = self.beside(path);
        (!path.as_os_str().is_empty() && path.as_os_str().len() <= super::values::SOCKET_PATH_OCTETS)
            .then_some(path)
    }

    fn pins(&mut self, section: &'static str, name: &'static str) -> Vec<Pin> {
        let texts = self.texts(section, name);
        let mut pins = Vec::new();
        for text in texts {
            match text.parse() {
                Ok(pin) => pins.push(pin),
                Err(error) => {
                    let line = self.line(section, name);
                    let write = "\"sha256:\" and what `openssl x509 -in FILE -noout -fingerprint -sha256` prints of its certificate"
                        .to_owned();
                    self.push(section, name, line, format!("{text:?} is {error}"), write);
                }
            }
        }
        pins
    }

    fn users(&mut self) -> Vec<Who> {
        let item = self.item(CONNECTORS, "users");
        let write = "a list such as [{ uid = 106 }, { gid = 114 }], or [] for none";
        let Value::List(list) = &item.value else { return self.wrong(&item, write) };
        let who = |value: &Value| match value {
            Value::Table(entries) => match entries.as_slice() {
                [(key, Value::Integer(id))] if key == "uid" => u32::try_from(*id).ok().map(Who::Uid),
                [(key, Value::Integer(id))] if key == "gid" => u32::try_from(*id).ok().map(Who::Gid),
                _ => None,
            },
            _ => None,
        };
        let users: Option<Vec<_>> = list.iter().map(who).collect();
        users.unwrap_or_else(|| self.wrong(&item, write))
    }

    fn reports(&mut self) -> Option<Address> {
        let item = self.item(CONNECTORS, "reports");
        match &item.value {
            Value::Text(text) if text.is_empty() => None,
            Value::Text(text) if Address::parse(text).is_ok() => Address::parse(text).ok(),
            _ => self.wrong(
                &item,
                "the address of an account, for instance \"postmaster@chu-nord.mssante.fr\", or \"\"",
            ),
        }
    }

    /// `host:port`, `[::1]:port` or `unix:path`; none where it is empty.
    fn host(&mut self, section: &'static str, name: &'static str) -> Option<Host> {
        let item = self.item(section, name);
        let parsed = match &item.value {
            Value::Text(text) if text.is_empty() => return None,
            Value::Text(text) => match text.strip_prefix("unix:") {
                Some(path) => self.socket_path(path).map(Host::Socket),
                None => host(text),
            },
            _ => None,
        };
        if parsed.is_none() {
            let write = "a name or address and a port, for instance \"mail.chu-nord.fr:25\", or \"unix:/run/chu.sock\"";
            let () = self.wrong(&item, write);
        }
        parsed
    }

    fn connector_server(&mut self) -> Option<Server> {
        let (protocol, tls) = (
            self.choice((CONNECTORS, "server_protocol"), Protocol::Smtp, &PROTOCOLS),
            self.choice((CONNECTORS, "server_tls"), TlsMode::StartTls, &TLS_MODES),
        );
        let certificates = self.pins(CONNECTORS, "server_certificates");
        let host = self.host(CONNECTORS, "server")?;
        let tls = if matches!(host, Host::Socket(_)) { TlsMode::None } else { tls };
        Some(Server { host, protocol, tls, certificates })
    }

    /// How it hands over, and how it is known then.
    fn check_inbound(&mut self, connector: &Connector) {
        let Connector { listen, tls, certificates, login, users, .. } = connector;
        let addresses = || {
            listen.iter().filter_map(|place| match place {
                Place::Address(address) => Some(address),
                Place::Socket(_) => None,
            })
        };
        let (any, sockets) =
            (addresses().next().is_some(), listen.iter().any(|place| matches!(place, Place::Socket(_))));
        if *tls == TlsMode::None {
            if let Some(address) = addresses().find(|address| !address.ip().to_canonical().is_loopback()) {
                let what = format!("without TLS {address} lets health data and passwords travel in clear");
                self.of_connector("tls", what, HERE);
            } else if any && !*login {
                let what = "on loopback every user of this machine could be the connector";
                self.of_connector(
                    "login",
                    what,
                    "login = \"password\", or listen on a Unix socket with users",
                );
            }
        } else if any && certificates.is_empty() && !*login {
            let what = "nobody could hand mail over: no certificate and no password is known";
            self.of_connector("certificates", what, "the pin of its certificate, or login = \"password\"");
        }
        if sockets && users.is_empty() && !*login {
            let what = "nobody could use the socket";
            self.of_connector("users", what, "the users or groups that may, for instance [{ uid = 106 }]");
        }
        if listen.is_empty() && connector.deliver == Deliver::Box {
            let what = "this connector does nothing: it neither hands over nor takes delivery";
            self.of_connector("listen", what, "an address or a socket, or deliver = \"server\" or \"both\"");
        }
        if connector.all_secure && connector.unsecured == Unsecured::SmartHost {
            let what = "with all_secure = \"yes\" nothing is left for the smart host";
            self.of_connector("unsecured", what, "unsecured = \"give-back\", or all_secure = \"no\"");
        }
    }

    /// Where it takes delivery, and how it is known there.
    fn check_outbound(&mut self, connector: &Connector) {
        let wants = connector.deliver != Deliver::Box;
        let Some(server) = &connector.server else {
            if wants && self.faults.is_empty() {
                let what = "there is no server to deliver to";
                self.of_connector("server", what, "its name and port, for instance \"mail.chu-nord.fr:25\"");
            }
            return;
        };
        if !wants {
            let what = "nothing is delivered to the server";
            self.of_connector("deliver", what, "deliver = \"server\" or \"both\", or no server");
        }
        if server.tls == TlsMode::None && !server.host.is_here() {
            let what = "without TLS health data would travel in clear";
            self.of_connector(
                "server_tls",
                what,
                "\"starttls\" or \"tls\", or a server on a Unix socket or of 127.0.0.1 or ::1",
            );
        }
        if server.tls != TlsMode::None && server.certificates.is_empty() {
            let what = "the server could not be told from another";
            self.of_connector("server_certificates", what, "the pin of its certificate");
        }
    }

    fn of_connector(&mut self, key: &str, what: impl Into<String>, write: &str) {
        let line = self.line(CONNECTORS, key);
        self.push(CONNECTORS, key, line, what.into(), write.to_owned());
    }

    /// Two connectors of one name, or for the same accounts.
    fn refuse_clashes(&mut self, found: &[(usize, Connector)]) {
        let mut names = HashSet::new();
        for (at, (line, connector)) in found.iter().enumerate() {
            if !names.insert(&connector.name) {
                let what = format!("there are two connectors {:?}", connector.name);
                self.push(CONNECTORS, "name", Some(*line), what, "a name of its own".to_owned());
            }
            let clash = found.iter().take(at).find(|(_, other)| {
                other.structure == connector.structure
                    && other.domains.iter().any(|domain| connector.domains.contains(domain))
            });
            if let Some((_, other)) = clash {
                let what = format!("{:?} speaks for the same accounts as {:?}", connector.name, other.name);
                let write = "one connector for a structure and domain".to_owned();
                self.push(CONNECTORS, "domains", Some(*line), what, write);
            }
        }
    }

    /// What the connectors need of the rest of the file.
    pub(super) fn check_connectors(&mut self, settings: &Settings) {
        let wants = settings.connectors.iter().find(|connector| connector.unsecured == Unsecured::SmartHost);
        if let (Some(connector), None) = (wants, &settings.smart_host) {
            let what = format!("{:?} sends ordinary mail to a smart host, and there is none", connector.name);
            let write = "the section [smart_host], or unsecured = \"give-back\"".to_owned();
            self.push(CONNECTORS, "unsecured", None, what, write);
        }
        let mut seen: HashSet<Place> = settings
            .listeners
            .all()
            .filter(|(_, address)| address.port() != 0)
            .map(|(_, address)| Place::Address(address))
            .collect();
        seen.insert(Place::Socket(settings.control.socket.clone()));
        for place in settings.connectors.iter().flat_map(|connector| &connector.listen) {
            let free = matches!(place, Place::Address(address) if address.port() == 0);
            if !free && !seen.insert(place.clone()) {
                let what = match place {
                    Place::Address(address) => format!("{address} is listened on twice"),
                    Place::Socket(path) => format!("{} is used twice", path.display()),
                };
                self.push(CONNECTORS, "listen", None, what, "each address and socket once".to_owned());
            }
        }
    }
}

fn host(text: &str) -> Option<Host> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return (address.port() != 0).then(|| Host::Name(address.ip().to_string(), address.port()));
    }
    let (name, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Domain::parse(name).is_ok().then(|| Host::Name(name.to_owned(), port))
}

#[cfg(test)]
mod tests;
