//! The audit matrix, outbound (M-2, M-3): peers that are not what they should be get nothing, not even MAIL, and the message that
//! waits for them ends in a report that names the check that failed.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{
    Answer, DOCTOR, Flaw, PASSWORD, Peer, SECRETARY, Sink, Site, Smtp, World, letter, succeed,
};

const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "ce que seul le destinataire doit lire";

/// The flaw, its domain, and the words of the report by which the other operator's engineer knows it.
const MATRIX: [(Flaw, &str, &str); 11] = [
    (Flaw::Expired, "expire", "a certificate of the chain expired on"),
    (Flaw::NotYetValid, "futur", "a certificate of the chain is not valid before"),
    (Flaw::Revoked, "revoque", "was revoked on"),
    (Flaw::Foreign, "etranger", "does not lead to an authority trusted here"),
    (Flaw::Impostor, "imposteur", "a signature in the certificate chain is not that of its issuer"),
    (Flaw::Test, "essai", "the certificate is of the IGC-Sante TEST hierarchy"),
    (Flaw::TestPolicy, "politique", "the certificate is of the IGC-Sante TEST hierarchy"),
    (Flaw::Unlisted, "absent", "is not in the MSSante white list: have it listed"),
    (Flaw::OtherName, "autrenom", "the whole subject must be the listed one"),
    (Flaw::OtherKey, "autrecle", "handshake"),
    (Flaw::ClientOnly, "client", "extended key usage serverAuth is missing"),
];

/// nord, which gives up soon on those that it does not trust.
struct Story {
    world: World,
    peers: Vec<(Peer, Sink)>,
}

impl Story {
    fn of(flaws: &[(Flaw, &str)], distrust_lifetime: &str) -> Story {
        let mut world = World::prepared();
        let peers: Vec<_> = flaws
            .iter()
            .map(|(flaw, name)| {
                let peer = world.operator(&format!("{name}.mssante.fr"), *flaw);
                let sink = Sink::start(Some(&peer));
                (peer, sink)
            })
            .collect();
        let routes: Vec<_> = peers.iter().map(|(peer, sink)| (peer.domain.as_str(), sink.port())).collect();
        world.routes(Site::Nord, &routes);
        world.restless(Site::Nord);
        world.configure(Site::Nord, "queue", "distrust_lifetime", &format!("\"{distrust_lifetime}\""));
        world.serve();
        Story { world, peers }
    }

    fn login(&self) -> Smtp {
        let mut smtp = self.world.smtp();
        assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
        smtp
    }

    /// Submits a message for somebody at that peer.
    fn submit(&self, smtp: &mut Smtp, peer: &Peer) {
        let to = format!("quelquun@{}", peer.domain);
        let message = letter(&to, &format!("a.{}", peer.domain), "Compte rendu", SECRET);
        let (code, text) = smtp.submit(DOCTOR, &[&to], message.as_bytes()).unwrap();
        assert_eq!(code, 250, "{text}");
    }

    /// Waits until the doctor has `count` messages, and gives them.
    fn reports(&self, count: usize) -> Vec<String> {
        let mut imap = self.world.imap_as(DOCTOR);
        imap.wait_for(count, PATIENCE);
        let text = |number| String::from_utf8(imap.section(u32::try_from(number).unwrap(), "")).unwrap();
        (1..=count).map(text).collect()
    }

    fn assert_nothing_waits(&self) {
        let listed = succeed(&mut self.world.command(&["queue", "list"]));
        assert!(!listed.contains("quelquun@") && !listed.contains(".mssante.fr"), "{listed}");
    }
}

/// What every non-delivery report is: to the sender, from nobody, with the recipient, and without the body (M-7).
fn assert_is_report(report: &str, recipient: &str) {
    assert!(report.starts_with("Return-Path: <>\r\n"), "{report}");
    assert!(report.contains("multipart/report") && report.contains("message/delivery-status"), "{report}");
    let final_recipient = format!("\r\nFinal-Recipient: rfc822; {recipient}\r\n").to_lowercase();
    assert!(report.to_lowercase().contains(&final_recipient), "{report}");
    assert!(report.contains("\r\nAction: failed\r\n") && report.contains("\r\nStatus: 5."), "{report}");
    assert!(!report.contains(SECRET), "{report}");
}

#[test]
fn each_flaw_ends_in_a_report_that_names_it_and_no_word_of_the_message_is_said() {
    let flaws: Vec<_> = MATRIX.iter().map(|(flaw, name, _)| (*flaw, *name)).collect();
    let story = Story::of(&flaws, "2 s");
    let mut smtp = story.login();
    for (peer, _) in &story.peers {
        story.submit(&mut smtp, peer);
    }
    let reports = story.reports(MATRIX.len());
    for ((flaw, _, words), (peer, sink)) in MATRIX.iter().zip(&story.peers) {
        let recipient = format!("quelquun@{}", peer.domain);
        let mut about = reports.iter().filter(|report| report.contains(&recipient));
        let report = about.next().unwrap_or_else(|| panic!("{flaw:?}: no report"));
        assert!(about.next().is_none(), "{flaw:?}: one report");
        assert_is_report(report, &recipient);
        assert!(unfolded(report).contains(words), "{flaw:?}: {report}");
        assert_eq!((sink.mails(), sink.count()), (0, 0), "{flaw:?}");
        assert!(sink.connections() > 1, "{flaw:?} was tried again");
    }
    story.assert_nothing_waits();
}

/// On one line, whatever the encoding of its parts broke.
fn unfolded(report: &str) -> String {
    report.replace("=\r\n", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_peer_without_tls_gets_nothing_and_the_report_says_why() {
    let story = Story::of(&[(Flaw::None, "clair")], "2 s");
    let (peer, sink) = &story.peers[0];
    sink.present(None);
    story.submit(&mut story.login(), peer);
    let report = &story.reports(1)[0];
    assert_is_report(report, "quelquun@clair.mssante.fr");
    assert!(unfolded(report).contains("STARTTLS"), "{report}");
    assert_eq!((sink.mails(), sink.count()), (0, 0));
}

#[test]
fn a_peer_that_becomes_what_it_should_be_gets_what_waited() {
    let story = Story::of(&[(Flaw::None, "tiers")], "1 min");
    let (peer, sink) = &story.peers[0];
    sink.present(Some(&story.world.credentials("tiers.mssante.fr", Flaw::Expired)));
    story.submit(&mut story.login(), peer);
    let deadline = Instant::now() + PATIENCE;
    while sink.connections() < 2 {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(50));
    }
    assert_eq!(sink.mails(), 0);
    sink.present(Some(peer));
    let taken = sink.wait_for(1, PATIENCE);
    assert!(taken[0].data.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
    assert!(story.world.imap_as(DOCTOR).text("SELECT INBOX").contains("* 0 EXISTS"));
}

#[test]
fn a_domain_that_leaves_the_list_gets_nothing_more_and_one_that_was_never_in_it_is_refused_at_once() {
    let story = Story::of(&[(Flaw::None, "partant")], "2 s");
    let (peer, sink) = &story.peers[0];
    sink.always("CONNECT", Some(Answer::Cut));
    let mut smtp = story.login();
    story.submit(&mut smtp, peer);
    story.world.unlist(&peer.domain);
    story.world.refresh(Site::Nord);
    sink.always("CONNECT", None);
    let report = &story.reports(1)[0];
    assert_is_report(report, "quelquun@partant.mssante.fr");
    assert!(unfolded(report).contains("partant.mssante.fr is not in the MSSante white list"), "{report}");
    assert_eq!((sink.mails(), sink.count()), (0, 0));
    for to in ["quelquun@partant.mssante.fr", "quelquun@jamais.mssante.fr"] {
        let message = letter(to, &format!("b.{to}"), "Compte rendu", SECRET);
        let (code, text) = smtp.submit(DOCTOR, &[to], message.as_bytes()).unwrap();
        assert!(code == 550 && text.contains("5.7.1") && text.contains(to), "{text}");
        smtp.command("RSET").unwrap();
    }
    assert_eq!(sink.count(), 0);
}

#[test]
fn what_leaves_has_the_senders_mssante_address_no_tag_and_every_other_byte() {
    let story = Story::of(&[(Flaw::None, "tiers")], "2 s");
    let (_, sink) = &story.peers[0];
    let to = "quelquun@tiers.mssante.fr";
    let login = "medecin.un@chu-nord.fr";
    let message = format!(
        "From: Un <{login}>\r\nTo: {to}, Secretariat <{SECRETARY}>\r\nCc: {login}\r\nSubject: #med# Compte\r\n rendu\r\n\
         Message-ID: <c@poste>\r\nX-MSS-INS: O\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\n\r\n.{SECRET}\r\n.\t \r\n"
    );
    let (code, text) = story.login().submit(login, &[to], message.as_bytes()).unwrap();
    assert_eq!(code, 250, "{text}");
    let taken = sink.wait_for(1, PATIENCE).remove(0);
    assert!(taken.from.starts_with(&format!("<{DOCTOR}>")), "{}", taken.from);
    assert!(taken.to.len() == 1 && taken.to[0].starts_with(&format!("<{to}>")), "{:?}", taken.to);
    let data = String::from_utf8(taken.data).unwrap();
    assert!(data.starts_with("Received: "), "{data}");
    assert!(!data.contains("Return-Path"), "that is for the final delivery: {data}");
    let own = data.split_at(data.find("From: Un").unwrap()).1;
    // The practice's secretary has no MSSanté address: it stays as it was written (S-3.5).
    let expected = message.replace(login, DOCTOR).replace("#med# ", "");
    assert_eq!(own, expected);
    let nord = story.world.pki().chain("nord");
    let shown = demo_certificate(&nord);
    assert_eq!(taken.shown[0].as_ref(), shown, "nord shows its own certificate");
}

fn demo_certificate(chain: &std::path::Path) -> Vec<u8> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    CertificateDer::from_pem_file(chain).unwrap().as_ref().to_vec()
}
