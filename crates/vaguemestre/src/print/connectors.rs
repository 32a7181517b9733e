//! How connectors are printed.

use super::say;
use crate::control::protocol::connectors::{ConnectorView, NewConnectorPassword};

pub(super) fn list(connectors: &[ConnectorView]) {
    if connectors.is_empty() {
        say!("no connector is set up: [[connectors]] of the configuration does it, see docs/connectors.md");
    }
    for connector in connectors {
        let ConnectorView { name, structure, domains, listen, deliver, server, login, password } = connector;
        say!("{name}: {structure}, {}", domains.join(", "));
        if !listen.is_empty() {
            say!("  hands mail over at {}", listen.join(", "));
        }
        let server = server.as_ref().map(|server| format!(" ({server})")).unwrap_or_default();
        say!("  mail for its users goes to: {deliver}{server}");
        match password {
            Some(made) => say!("  password of {made}"),
            None if *login => say!("  NO PASSWORD YET: `vaguemestre connector password {name}` makes one"),
            None => {}
        }
    }
}

pub(super) fn password(new: &NewConnectorPassword) {
    say!("{}", new.password);
    say!("the password of connector {}, shown this once; its user name is {}", new.connector, new.connector);
    say!("trace {}", new.trace);
}
