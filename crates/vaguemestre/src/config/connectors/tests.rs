//! What `[[connectors]]` and `[smart_host]` take, and what they refuse: above all a plain server that a network reaches.

use super::*;
use crate::config::tests::{REQUIRED, faults, read};

const PIN: &str = "sha256:9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08";
const WHO: &str = "name = \"chu\"\nstructure = \"finess 350000022\"\ndomains = [\"chu-nord.fr\"]\n";

fn connector(rest: &str) -> String {
    format!("{REQUIRED}[[connectors]]\n{WHO}{rest}\n")
}

#[test]
fn a_connector_over_tls_is_known_by_a_pin_or_a_password() {
    let text = connector(&format!("listen = [\"0.0.0.0:2526\", \"[::]:2526\"]\ncertificates = [\"{PIN}\"]"));
    let settings = read(&text).unwrap();
    let [one] = settings.connectors.as_slice() else { panic!("one") };
    assert_eq!((one.name.as_str(), one.listen.len(), one.certificates.len()), ("chu", 2, 1));
    assert_eq!((one.tls, one.unsecured, one.deliver), (TlsMode::StartTls, Unsecured::GiveBack, Deliver::Box));
    assert!(read(&connector("listen = [\"0.0.0.0:2526\"]\nlogin = \"password\"")).is_ok());
    let nobody = faults(&connector("listen = [\"0.0.0.0:2526\"]"));
    assert!(nobody.contains("[connectors] certificates: nobody could hand mail over"), "{nobody}");
    let wrong = faults(&connector("listen = [\"0.0.0.0:2526\"]\ncertificates = [\"sha256:ab\"]"));
    assert!(wrong.contains("certificates: \"sha256:ab\" is no pin"), "{wrong}");
}

#[test]
fn a_plain_one_is_of_this_machine_and_known_or_refused() {
    let plain =
        |listen: &str, rest: &str| connector(&format!("listen = [\"{listen}\"]\ntls = \"none\"\n{rest}"));
    for address in ["127.0.0.1:2526", "[::1]:2526"] {
        assert!(read(&plain(address, "login = \"password\"")).is_ok(), "{address}");
        let anybody = faults(&plain(address, &format!("certificates = [\"{PIN}\"]")));
        assert!(anybody.contains("login: on loopback every user of this machine"), "{anybody}");
    }
    for address in ["0.0.0.0:2526", "192.0.2.1:2526", "[::]:2526", "[2001:db8::1]:2526"] {
        let text = faults(&plain(address, "login = \"password\""));
        assert!(text.contains(&format!("tls: without TLS {address} lets health data")), "{text}");
    }
    let socket = |rest: &str| connector(&format!("listen = [\"unix:/run/chu.sock\"]\n{rest}"));
    let settings = read(&socket("users = [{ uid = 106 }, { gid = 114 }]\nprotocol = \"lmtp\"")).unwrap();
    assert_eq!(settings.connectors[0].users, [Who::Uid(106), Who::Gid(114)]);
    assert_eq!(settings.connectors[0].listen, [Place::Socket("/run/chu.sock".into())]);
    assert!(read(&socket("login = \"password\"")).is_ok());
    assert!(faults(&socket("")).contains("users: nobody could use the socket"));
    assert!(read(&socket("users = [{ uid = 1, gid = 1 }]")).is_err());
    assert!(read(&socket("users = [{ uid = -1 }]")).is_err());
    let long = format!("listen = [\"unix:/{}\"]\nusers = [{{ uid = 1 }}]", "x".repeat(120));
    assert!(faults(&connector(&long)).contains("listen"));
}

#[test]
fn a_server_to_deliver_to_is_pinned_or_of_this_machine() {
    let deliver = |rest: &str| connector(&format!("deliver = \"both\"\n{rest}"));
    let pinned = format!("server = \"mail.chu-nord.fr:25\"\nserver_certificates = [\"{PIN}\"]");
    let settings = read(&deliver(&pinned)).unwrap();
    let server = settings.connectors[0].server.as_ref().unwrap();
    assert_eq!((&server.host, server.tls), (&Host::Name("mail.chu-nord.fr".into(), 25), TlsMode::StartTls));
    assert!(read(&deliver("server = \"unix:/run/lmtp\"\nserver_protocol = \"lmtp\"")).is_ok());
    assert!(read(&deliver("server = \"127.0.0.1:24\"\nserver_tls = \"none\"")).is_ok());
    for (rest, said) in [
        ("", "server: there is no server to deliver to"),
        (
            "server = \"mail.chu-nord.fr:25\"",
            "server_certificates: the server could not be told from another",
        ),
        (
            "server = \"192.0.2.1:25\"\nserver_tls = \"none\"",
            "server_tls: without TLS health data would travel",
        ),
        ("server = \"localhost:25\"\nserver_tls = \"none\"", "server_tls: without TLS"),
        ("server = \"mail.chu-nord.fr\"", "server: \"mail.chu-nord.fr\" cannot be used"),
        ("server = \"mail.chu-nord.fr:0\"", "server: "),
    ] {
        let text = faults(&deliver(rest));
        assert!(text.contains(said), "{rest}: {text}");
    }
    let unused = connector(&format!("listen = [\"0.0.0.0:2526\"]\nlogin = \"password\"\n{pinned}"));
    assert!(faults(&unused).contains("deliver: nothing is delivered to the server"));
}

#[test]
fn faults_name_the_line_of_their_own_section() {
    let text = faults(&format!(
        "{}[[connectors]]\nname = \"B\"\nlogins = \"none\"\n",
        connector("listen = [\"unix:/run/a\"]\nusers = [{ uid = 1 }]")
    ));
    assert!(text.contains("there is no such key. Write login"), "{text}");
    assert!(text.contains("name: \"B\" cannot be a connector's name"), "{text}");
    let lines: Vec<_> = text.lines().filter(|line| line.contains("structure")).collect();
    assert!(lines.len() == 1 && lines[0].contains("vaguemestre.toml:16:"), "{text}");
    assert!(faults(&format!("{REQUIRED}[connectors]\nname = \"x\"\n")).contains("Write [[connectors]]"));
    assert!(
        faults(&format!("{REQUIRED}[[limits]]\nrecipients = 100\n"))
            .contains("there is no such section here")
    );
}

#[test]
fn clashes_are_refused() {
    let one = "listen = [\"unix:/run/a\"]\nusers = [{ uid = 1 }]\n";
    let twice = format!("{}[[connectors]]\n{WHO}{one}", connector(one));
    let text = faults(&twice);
    assert!(text.contains("there are two connectors \"chu\""), "{text}");
    assert!(text.contains("speaks for the same accounts as"), "{text}");
    assert!(text.contains("/run/a is used twice"), "{text}");
    let address = connector("listen = [\"0.0.0.0:587\"]\nlogin = \"password\"");
    assert!(faults(&address).contains("0.0.0.0:587 is listened on twice"));
    assert!(faults(&connector("")).contains("this connector does nothing"));
    assert!(faults(&connector(&format!("{one}unsecured = \"smart-host\""))).contains("and there is none"));
    let both = connector(&format!("{one}unsecured = \"smart-host\"\nall_secure = \"yes\""));
    assert!(faults(&both).contains("nothing is left for the smart host"));
}

#[test]
fn the_smart_host_is_certified_pinned_or_of_this_machine() {
    let with = |rest: &str| format!("{REQUIRED}[smart_host]\n{rest}\n");
    let read_one = |rest: &str| read(&with(rest)).unwrap().smart_host.unwrap();
    let usual = read_one("host = \"relais.chu-nord.fr:587\"");
    assert_eq!(usual.trust, SmartHostTrust::Authorities("/etc/ssl/certs/ca-certificates.crt".into()));
    assert_eq!((usual.tls, usual.login), (TlsMode::StartTls, None));
    let pinned = format!("host = \"192.0.2.7:465\"\ntls = \"tls\"\ncertificates = [\"{PIN}\"]");
    assert!(matches!(read_one(&pinned).trust, SmartHostTrust::Pins(pins) if pins.len() == 1));
    let login =
        read_one("host = \"relais.chu-nord.fr:587\"\nuser = \"nous\"\npassword_file = \"relais.secret\"");
    assert_eq!(login.login, Some(("nous".into(), "/etc/vaguemestre/relais.secret".into())));
    for plain in ["127.0.0.1:25", "[::1]:25", "unix:/run/relais"] {
        assert_eq!(read_one(&format!("host = \"{plain}\"\ntls = \"none\"")).tls, TlsMode::None, "{plain}");
    }
    for (rest, said) in [
        ("", "[smart_host] host: "),
        ("host = \"relais.chu-nord.fr:25\"\ntls = \"none\"", "tls: without TLS mail would travel in clear"),
        ("host = \"x:587\"\nuser = \"nous\"", "user: a user and a file of its password go together"),
        ("host = \"x y:587\"", "host: \"x y:587\" cannot be used"),
    ] {
        let text = faults(&with(rest));
        assert!(text.contains(said), "{rest}: {text}");
    }
    assert!(read(REQUIRED).unwrap().smart_host.is_none());
}

#[test]
fn structures_whose_mail_is_all_secure_are_named_by_their_number() {
    let with = |list: &str| REQUIRED.replace("[tls]", &format!("secure_structures = [{list}]\n[tls]"));
    assert_eq!(read(&with("\"finess 350000022\"")).unwrap().operator.secure_structures.len(), 1);
    assert!(faults(&with("\"350000022\"")).contains("\"350000022\" is no structure"));
}
