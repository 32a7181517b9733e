//! The configuration file of one demonstration operator.
//!
//! Pure text; written anew at each run.

use std::path::Path;

use super::{operators::Ports, world::Site};

/// The file for `site`, which finds the `others` by fixed routes; paths are relative to it, so that the world can be moved.
pub(super) fn text(site: &Site, others: &[Site], pki: &demo_pki::World) -> String {
    let Site { operator, ports, .. } = site;
    let Ports { submission, submission_tls, imap, imap_tls, relay, metrics } = ports;
    let [first, second] = operator.login_domains;
    let beside = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        format!("../pki/{}", Path::new(name).display())
    };
    let (chain, key) = (beside(&pki.chain(operator.id)), beside(&pki.key(operator.id)));
    let (roots, authorities) = (beside(&pki.ca()), beside(&pki.authorities()));
    let (crls, list) = (beside(&pki.crls()), beside(&pki.list()));
    let signer = &pki.signer().subject;
    let routes: Vec<_> = others.iter().map(route).collect();
    let routes = routes.join(", ");
    format!(
        r#"# Made by `vaguemestre demo` at each of its runs: changes are lost. config/vaguemestre.toml explains the keys.
[operator]
name = "{name}"
hostname = "{hostname}"
mssante_domains = ["{mssante_domain}"]
login_domains = ["{first}", "{second}"]
[tls]
certificate = "{chain}"
key = "{key}"
[trust]
roots = "{roots}"
authorities = "{authorities}"
crls = "{crls}"
crl_fetch = "off"
list = "{list}"
signers = ["{signer}"]
state = "trust"
refresh = "1 s"
[relay]
routes = [{routes}]
[store]
directory = "store"
master_key = "master.key"
[listeners]
submission = ["127.0.0.1:{submission}"]
submission_tls = ["127.0.0.1:{submission_tls}"]
imap = ["127.0.0.1:{imap}"]
imap_tls = ["127.0.0.1:{imap_tls}"]
relay = ["127.0.0.1:{relay}"]
metrics = ["127.0.0.1:{metrics}"]
[control]
socket = "control.sock"
[limits]
submission_sessions = 200
imap_sessions = 1000
[shutdown]
grace = "10 s"
"#,
        name = operator.name,
        hostname = operator.hostname,
        mssante_domain = operator.mssante_domain,
    )
}

/// No name of this machine leads to the others' ports: their hosts are fixed.
fn route(site: &Site) -> String {
    let Site { operator, ports, .. } = site;
    format!("{{ domain = \"{}\", host = \"127.0.0.1\", port = {} }}", operator.mssante_domain, ports.relay)
}
