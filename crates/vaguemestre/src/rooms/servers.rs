//! The servers that mail is handed to beside other operators: hospitals' own, and the ordinary smart host, with the files that they are
//! known by.
//!
//! Reads those files. Must never connect.

use std::{collections::HashMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

use delivery::{ConnectorServer, Server, ServerPlace, SmartHost};
use pki::{ServerTls, SmartHostTrust};
use smtp::client::{Login, Protocol, Security};
use zeroize::Zeroizing;

use crate::{
    config::{self, Host, Settings, TlsMode},
    exit::Failure,
};

/// The longest password, in octets.
const PASSWORD: usize = 1_000;

/// Hospitals' own servers, by the name of the connector.
pub(super) fn connectors(settings: &Settings) -> HashMap<String, ConnectorServer> {
    let server = |connector: &config::Connector| {
        let written = connector.server.as_ref()?;
        let protocol = match written.protocol {
            config::Protocol::Smtp => Protocol::Smtp,
            config::Protocol::Lmtp => Protocol::Lmtp,
        };
        let at = Server { place: place(&written.host), protocol, security: security(written.tls) };
        let pins = pki::Pins::new(connector.name.as_str().into(), written.certificates.clone());
        Some((connector.name.clone(), ConnectorServer { at, pins }))
    };
    settings.connectors.iter().filter_map(server).collect()
}

/// The smart host, if there is one; its authorities and our password there are read now.
///
/// # Errors
/// A file cannot be read or holds nothing of use.
pub(crate) fn smart_host(settings: &Settings, keys: &ServerTls) -> Result<Option<SmartHost>, Failure> {
    let Some(written) = &settings.smart_host else { return Ok(None) };
    let trust = match (&written.trust, &written.host) {
        (config::SmartHostTrust::Pins(pins), _) => SmartHostTrust::pinned(pins.clone()),
        // nothing is presented without TLS: nobody is believed
        (config::SmartHostTrust::Authorities(_), _) if written.tls == TlsMode::None => {
            SmartHostTrust::pinned(Vec::new())
        }
        (config::SmartHostTrust::Authorities(file), Host::Name(host, _)) => SmartHostTrust::named(host, file)
            .map_err(|error| Failure::failed(format!("[smart_host] authorities: {error}")))?,
        (config::SmartHostTrust::Authorities(_), Host::Socket(_)) => SmartHostTrust::pinned(Vec::new()),
    };
    let login = match &written.login {
        Some((user, file)) => Some(Login { user: user.clone(), password: password(file)? }),
        None => None,
    };
    let at =
        Server { place: place(&written.host), protocol: Protocol::Smtp, security: security(written.tls) };
    Ok(Some(SmartHost { at, trust, tls: keys.smart_host_client(), login }))
}

/// The first line of a file that not everybody may read.
fn password(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let failed =
        |what: String| Failure::failed(format!("[smart_host] password_file {}: {what}", file.display()));
    let mode = fs::metadata(file).map_err(|error| failed(error.to_string()))?.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(failed(format!(
            "it has mode {mode:03o}: everyone can read this password, take that away (chmod 600)"
        )));
    }
    let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let text = Zeroizing::new(text);
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() || line.len() > PASSWORD || line.contains('\0') {
        return Err(failed(format!("its first line is to be the password, of 1 to {PASSWORD} octets")));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

fn place(host: &Host) -> ServerPlace {
    match host {
        Host::Name(host, port) => ServerPlace::Name { host: host.clone(), port: *port },
        Host::Socket(path) => ServerPlace::Socket(path.clone()),
    }
}

fn security(tls: TlsMode) -> Security {
    match tls {
        TlsMode::StartTls => Security::StartTls,
        TlsMode::Implicit => Security::Implicit,
        TlsMode::None => Security::Clear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_of_a_file_that_is_not_everybodys() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let with = |text: &str, mode: u32| {
            fs::write(file.path(), text).unwrap();
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            password(file.path()).map(|password| password.to_string()).map_err(|error| format!("{error:?}"))
        };
        assert_eq!(with("s3cret\nnot this\n", 0o600), Ok("s3cret".to_owned()));
        assert!(with("s3cret", 0o644).unwrap_err().contains("everyone can read"));
        assert!(with("\nx", 0o600).unwrap_err().contains("first line"));
    }
}
