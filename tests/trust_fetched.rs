//! What the daemon fetches for its trust space (M-1, M-4), against hosts that are good, slow, busy or false: a host decides nothing,
//! what it serves is judged like a file, mail never waits for it, and `trust status` says how it fares.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use demo_pki::{Hierarchy, Issued, Leaf, Name, Row, Space, Tier, sign_list};
use jiff::{SignedDuration, Timestamp};

use crate::harness::web::{Page, Web, document};
use crate::harness::{DOCTOR, EMERGENCIES, Flaw, PASSWORD, Peer, Site, World, letter, run, succeed};

const PATIENCE: Duration = Duration::from_secs(60);
const NEW: &str = "nouveau.mssante.fr";

/// What a host says whatever is asked.
type Pages = dyn Fn() -> Page + Send + Sync;

/// The certificate of the list's host, issued by the trust space's own authorities.
fn host(world: &World) -> Issued {
    let subject = Name::server("localhost", "1990000008", "AGENCE", "Paris (75)");
    let leaf = Leaf::server(subject, &["localhost"], Timestamp::now());
    world.pki().hierarchy().organisations.issue(&leaf).unwrap()
}

/// Serves a file as it is just now.
fn file(path: PathBuf) -> impl Fn(&str) -> Page + Send + Sync + 'static {
    move |head| document(head, &fs::read(&path).unwrap())
}

/// nord takes its list from the host alone.
fn fetch_list(world: &World, host: &Web) {
    world.configure(Site::Nord, "trust", "list", "\"\"");
    let url = format!("\"https://localhost:{}/liste.xml\"", host.port());
    world.configure(Site::Nord, "trust", "list_url", &url);
}

fn status(world: &World) -> String {
    succeed(&mut world.command(&["trust", "status"]))
}

/// Waits until `trust status` says so.
fn until(world: &World, says: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = status(world);
        if says(&told) {
            return told;
        }
        assert!(Instant::now() < deadline, "{told}\n{}", world.log());
        sleep(Duration::from_millis(50));
    }
}

fn in_force(told: &str) -> bool {
    told.contains("relaying goes on")
}

#[test]
fn the_list_comes_from_its_host_is_confirmed_and_what_changes_is_told() {
    let mut world = World::prepared();
    let web = Web::start(Some(&host(&world)), file(world.pki().list()));
    fetch_list(&world, &web);
    world.serve();
    // nobody asked for it
    until(&world, in_force);
    let checked = succeed(&mut world.command(&["check-config"]));
    assert!(checked.contains("are good") && checked.contains("/liste.xml"), "{checked}");
    let confirmed = world.refresh(Site::Nord);
    assert!(!confirmed.contains("a new white list"), "{confirmed}");
    let last = web.heads().pop().unwrap();
    assert!(last.starts_with("get /liste.xml http/1.1") && last.contains("if-none-match: "), "{last}");

    let third = world.credentials(NEW, Flaw::None);
    world.list(NEW, &third.issued.subject.to_string());
    world.unlist("clinique-sud.mssante.fr");
    let told = world.refresh(Site::Nord);
    for part in
        ["1 domains added, 1 removed, 0 with other names", &format!("+ {NEW}"), "- clinique-sud.mssante.fr"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(
        world.log().contains(&format!("added: {NEW}; removed: clinique-sud.mssante.fr")),
        "{}",
        world.log()
    );
    // another name for a domain that stays
    world.unlist(NEW);
    world.list(NEW, &world.credentials("autre.mssante.fr", Flaw::None).issued.subject.to_string());
    let told = world.refresh(Site::Nord);
    assert!(
        told.contains(&format!("~ {NEW}"))
            && told.contains("- CN=mail.nouveau")
            && told.contains("+ CN=mail.autre"),
        "{told}"
    );

    // a restart serves the last good one at once, and asks only whether it changed
    let asked = web.heads().len();
    world.kill();
    web.becomes(|head| {
        assert!(head.to_lowercase().contains("if-none-match: "), "{head}");
        Page::Whole("304 Not Modified", Vec::new(), Vec::new())
    });
    world.serve();
    assert!(in_force(&status(&world)));
    until(&world, |_| web.heads().len() > asked);
    assert!(!world.refresh(Site::Nord).contains("ALARM"));
}

#[test]
fn whatever_a_host_serves_in_place_of_the_list_the_last_good_one_stays() {
    let mut world = World::prepared();
    let pki = world.pki();
    let first = fs::read(pki.list()).unwrap();
    let web = Web::start(Some(&host(&world)), file(pki.list()));
    fetch_list(&world, &web);
    world.serve();
    until(&world, in_force);
    let third = world.credentials(NEW, Flaw::None);
    world.list(NEW, &third.issued.subject.to_string());
    world.refresh(Site::Nord);
    let good = fs::read(pki.list()).unwrap();
    let altered = String::from_utf8(good.clone()).unwrap().replace(NEW, "ancien.mssante.fr").into_bytes();
    let other = other_signer(&world, "UN INCONNU");
    let by_other = sign_list(&other, Timestamp::now(), &pki.rows().unwrap()).unwrap();
    let html = "<html><body>Trop de requ\u{ea}tes</body></html>".to_owned().into_bytes();
    let cut = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", good.len()).into_bytes();
    let cut = [cut, good[..good.len() / 2].to_vec()].concat();
    let whole = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        move || Page::Whole("200 OK", vec!["Content-Type: text/html".to_owned()], bytes.clone())
    };
    let (first, half, html, altered, by_other) =
        (whole(&first), whole(&good[..good.len() / 2]), whole(&html), whole(&altered), whole(&by_other));
    let cases: Vec<(Box<Pages>, &str)> = vec![
        (Box::new(first), "before the one in force"),
        (Box::new(half), "cut off before its end"),
        (Box::new(html), "not a white list"),
        (Box::new(altered), "has been altered"),
        (Box::new(by_other), "not one of the accepted signers"),
        // what is no list at all is the host's trouble, until it lasts
        (Box::new(move || Page::Raw(cut.clone())), "the answer was cut off"),
        (Box::new(|| Page::Whole("403 Forbidden", Vec::new(), Vec::new())), "the host answered 403"),
        (Box::new(|| Page::Endless(500 << 20)), "larger than 67108864 bytes"),
        (
            Box::new(|| Page::Whole("302 Found", vec!["Location: http://localhost/x".into()], Vec::new())),
            "out of HTTPS",
        ),
    ];
    for (page, why) in cases {
        web.becomes(move |_| page());
        world.refresh(Site::Nord);
        let told = status(&world);
        assert!(told.lines().any(|line| line.contains(why)), "{why}:\n{told}");
        assert!(in_force(&told), "{told}");
        let shown = succeed(&mut world.command(&["trust", "show", NEW]));
        assert!(shown.contains(&third.host), "{shown}");
    }
    assert!(world.memory("VmHWM") < 600 << 10, "{} KiB", world.memory("VmHWM"));
    web.becomes(file(pki.list()));
    let told = world.refresh(Site::Nord);
    assert!(!told.contains("ALARM"), "{told}");
}

#[test]
fn the_host_of_the_list_shows_a_certificate_of_the_agencys_or_of_the_anchors_written_for_it() {
    let mut world = World::prepared();
    let now = Timestamp::now();
    let subject = Name::server("localhost", "1990000008", "AGENCE", "Paris (75)");
    let leaf = Leaf::server(subject, &["localhost"], now);
    let foreign = Hierarchy::new(Space::Foreign, now).unwrap();
    let issue = |leaf: &Leaf| world.pki().hierarchy().organisations.issue(leaf).unwrap();
    let hour = SignedDuration::from_hours(1);
    let expired = issue(&leaf.clone().lasting(now - hour * 2, now - hour));
    let other = issue(&Leaf { names: vec!["autre.invalid".to_owned()], ..leaf.clone() });
    let theirs = foreign.organisations.issue(&leaf).unwrap();
    for (shown, why) in [
        (&expired, "expired on"),
        (&other, "does not bear the host's name"),
        (&theirs, "does not lead to an authority trusted here"),
    ] {
        let web = Web::start(Some(shown), file(world.pki().list()));
        fetch_list(&world, &web);
        world.serve();
        let told = until(&world, |told| told.contains(why));
        assert!(told.contains("relaying is stopped") && told.contains("TLS with localhost fails"), "{told}");
        assert_eq!(web.heads(), Vec::<String>::new(), "it is asked for nothing");
        world.kill();
    }
    let anchors = world.dir().join("anchors.pem");
    fs::write(&anchors, foreign.root.certificate_pem()).unwrap();
    let web = Web::start(Some(&theirs), file(world.pki().list()));
    fetch_list(&world, &web);
    world.configure(Site::Nord, "trust", "list_anchors", &format!("{anchors:?}"));
    world.serve();
    until(&world, in_force);
}

/// Somebody whom the right authority certified to sign lists.
fn other_signer(world: &World, organisation: &str) -> Issued {
    let subject = Name::server("alb.demonstration.invalid", "1990000007", organisation, "Paris (75)");
    let leaf = Leaf::signer(subject, "alb@autre.invalid", Timestamp::now());
    world.pki().hierarchy().organisations.issue(&leaf).unwrap()
}

#[test]
fn a_new_signer_is_accepted_by_the_whole_name_alone_and_for_good() {
    let mut world = World::prepared();
    let pki = world.pki();
    let web = Web::start(Some(&host(&world)), file(pki.list()));
    fetch_list(&world, &web);
    world.serve();
    until(&world, in_force);
    let signer = other_signer(&world, "NOUVEAU PRESTATAIRE");
    let name = signer.subject.to_string();
    let third = world.credentials(NEW, Flaw::None);
    let mut rows = pki.rows().unwrap();
    rows.push(Row::new(NEW, &third.issued.subject.to_string(), Timestamp::now()));
    let theirs = sign_list(&signer, Timestamp::now(), &rows).unwrap();
    web.becomes(move |head| document(head, &theirs));
    let told = world.refresh(Site::Nord);
    assert!(
        told.contains("ALARM") && told.contains("NOUVEAU PRESTATAIRE")
            || told.contains("nouveau prestataire"),
        "{told}"
    );

    let accept =
        |confirm: &str| run(&mut world.command(&["trust", "accept-signer", &name, "--confirm", confirm]));
    for confirm in ["CN=alb.demonstration.invalid", "oui", &name.replace("NOUVEAU", "ANCIEN")] {
        let (told, good) = accept(confirm);
        assert!(!good, "{told}");
    }
    assert!(run(&mut world.command(&["trust", "show", NEW])).0.contains("is not in the white list"));
    let (told, good) = accept(&name);
    assert!(
        good && told.contains("a list signed under that name waits") && told.contains(&format!("+ {NEW}")),
        "{told}"
    );
    assert!(succeed(&mut world.command(&["trust", "show", NEW])).contains(&third.host));
    assert!(status(&world).contains("signer accepted"), "{}", status(&world));
    let trace = told.split("trace ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let traced = succeed(&mut world.command(&["trace", &trace]));
    assert!(traced.contains("accepted-signer") && traced.contains("administrator"), "{traced}");
    // for good: after a restart too, and for whoever checks a file
    world.kill();
    world.serve();
    assert!(succeed(&mut world.command(&["trust", "show", NEW])).contains(&third.host));
    let waiting = world.dir().join("theirs.xml");
    fs::write(&waiting, sign_list(&signer, Timestamp::now(), &rows).unwrap()).unwrap();
    succeed(world.command(&["trust", "check"]).arg(&waiting));
    assert!(succeed(&mut world.command(&["check-config"])).to_lowercase().contains("nouveau prestataire"));
}

/// A proxy in front of the demonstration's host of revocation lists, which exists nowhere.
fn crl_proxy(world: &World) -> impl Fn(&str) -> Page + Send + Sync + 'static {
    let crls = world.pki().crls();
    move |head| {
        let url = head.split(' ').nth(1).unwrap();
        let (_, name) =
            url.split_once("http://igc-sante.demonstration.invalid/CRL/").unwrap_or(("", "absent"));
        let tier = match name {
            "ACR-EL.crl" => Tier::Root,
            "ACI-EL-ORG.crl" => Tier::Organisations,
            "ACI-EL-PP.crl" => Tier::Personnes,
            _ => return Page::Whole("404 Not Found", Vec::new(), Vec::new()),
        };
        document(head, &fs::read(crls.join(format!("{}.crl", tier.id()))).unwrap())
    }
}

/// nord fetches its revocation lists through a proxy, and has no others; with another operator that is listed.
fn fetching_crls() -> (World, Web, Peer) {
    let world = World::prepared();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    let proxy = Web::start(None, crl_proxy(&world));
    let nowhere = world.dir().join("no-crls");
    for (key, value) in [
        ("crl_fetch", "\"on\"".to_owned()),
        ("crls", format!("{nowhere:?}")),
        ("proxy", format!("\"http://u:geheim@127.0.0.1:{}\"", proxy.port())),
        // no certificate here was issued by that authority
        ("crl_urls", "[\"http://igc-sante.demonstration.invalid/CRL/ACI-EL-PP.crl\"]".to_owned()),
    ] {
        world.configure(Site::Nord, "trust", key, &value);
    }
    (world, proxy, peer)
}

#[test]
fn revocation_lists_are_fetched_from_where_certificates_say_and_a_busy_host_changes_nothing() {
    let (mut world, proxy, peer) = fetching_crls();
    let checked = succeed(&mut world.command(&["check-config"]));
    assert!(
        checked.contains("ACR-EL.crl") && checked.contains("ACI-EL-ORG.crl") && !checked.contains("geheim"),
        "{checked}"
    );
    world.serve();
    let told = until(&world, |told| told.matches("revocation list  valid").count() == 3 && in_force(told));
    assert!(!told.contains("ALARM") && !told.contains("geheim"), "{told}");
    assert!(
        world.relay_as(Site::Nord, &peer).unwrap().command("MAIL FROM:<x@tiers.mssante.fr>").unwrap().0
            == 250
    );
    // the host has nothing new, and says so in few words
    world.refresh(Site::Nord);
    assert!(
        proxy.heads().iter().rev().take(3).all(|head| head.contains("if-none-match: ")),
        "{:?}",
        proxy.heads()
    );

    for (page, why) in [
        (
            Box::new(|| Page::Whole("200 OK", vec!["Content-Type: text/html".into()], vec![b'<'; 878]))
                as Box<Pages>,
            "it is not a certificate revocation list (it does not start as DER does) (the host calls it text/html)",
        ),
        (Box::new(|| Page::Whole("403 Forbidden", Vec::new(), Vec::new())), "the host answered 403"),
    ] {
        proxy.becomes(move |_| page());
        let told = world.refresh(Site::Nord);
        assert!(!told.contains("ALARM"), "a busy host is no alarm: {told}");
        let told = status(&world);
        assert!(told.contains(why) && told.matches("revocation list  valid").count() == 3, "{told}");
    }
    world.revoke(&peer);
    proxy.becomes(crl_proxy(&world));
    world.refresh(Site::Nord);
    let (code, text) =
        world.relay_as(Site::Nord, &peer).unwrap().command("MAIL FROM:<x@tiers.mssante.fr>").unwrap();
    assert!(code == 550 && text.contains("revoked: "), "{text}");
}

#[test]
fn a_fetched_revocation_list_that_is_false_is_an_alarm_and_the_last_good_one_serves() {
    let (mut world, proxy, peer) = fetching_crls();
    world.revoke(&peer);
    world.serve();
    until(&world, |told| told.matches("revocation list  valid").count() == 3);
    // one that is not what it should be is an alarm, and the one in force stays
    let now = Timestamp::now();
    let organisations = world.pki().hierarchy().organisations.clone();
    let (this, next) = (now - SignedDuration::from_secs(1), now + SignedDuration::from_hours(1));
    let older = organisations.crl(&[], 1, this, next).unwrap();
    let mut forged = organisations.crl(&[], 900, this, next).unwrap();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    for (bytes, why) in [(older, "does not follow"), (forged, "its signature is not that of")] {
        let others = crl_proxy(&world);
        proxy.becomes(move |head| {
            if head.contains("ACI-EL-ORG") {
                return Page::Whole("200 OK", Vec::new(), bytes.clone());
            }
            others(head)
        });
        let told = world.refresh(Site::Nord);
        assert!(told.lines().any(|line| line.contains("ALARM") && line.contains(why)), "{why}: {told}");
    }
    // after a restart without the host, what was fetched serves
    world.kill();
    proxy.becomes(|_| Page::Whole("503 Service Unavailable", Vec::new(), Vec::new()));
    world.serve();
    assert!(status(&world).matches("revocation list  valid").count() == 3);
    let reply = world.relay_as(Site::Nord, &peer).unwrap().command("MAIL FROM:<x@tiers.mssante.fr>").unwrap();
    assert!(reply.1.contains("revoked: "), "{}", reply.1);
}

#[test]
fn a_site_that_fetches_nothing_is_handed_its_revocation_lists() {
    let mut world = World::prepared();
    let crls = world.pki().crls();
    let empty = world.dir().join("empty");
    fs::create_dir(&empty).unwrap();
    world.configure(Site::Nord, "trust", "crls", &format!("{empty:?}"));
    world.serve();
    assert!(status(&world).contains("there is no revocation list of"));
    let import = |file: &str| run(world.command(&["crl", "import"]).arg(crls.join(file)));
    for tier in Tier::ALL {
        let (told, good) = import(&format!("{}.crl", tier.id()));
        assert!(good && told.contains("is in force"), "{told}");
    }
    let told = status(&world);
    assert!(in_force(&told) && !told.contains("ALARM"), "{told}");
    // what it replaces is told; what goes back or is none is refused, and traced
    let old = fs::read(crls.join("organisations.crl")).unwrap();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    world.revoke(&peer);
    let (told, good) = import("organisations.crl");
    assert!(good && told.contains("1 revoked") && told.contains("before: number 1"), "{told}");
    fs::write(crls.join("old.crl"), old).unwrap();
    fs::write(crls.join("page.crl"), "<html>").unwrap();
    for (file, why) in [
        ("old.crl", "does not follow"),
        ("page.crl", "it is not a certificate"),
        ("absent.crl", "cannot be read"),
    ] {
        let (told, good) = import(file);
        assert!(!good && told.contains(why), "{file}: {told}");
    }
    world.kill();
    world.serve();
    assert!(in_force(&status(&world)));
    let reply = world.relay_as(Site::Nord, &peer).unwrap().command("MAIL FROM:<x@tiers.mssante.fr>").unwrap();
    assert!(reply.1.contains("revoked: "), "{}", reply.1);
}

#[test]
fn mail_and_commands_go_on_while_a_host_trickles_and_so_does_the_end() {
    let mut world = World::prepared();
    let web = Web::start(Some(&host(&world)), |_| Page::Trickle);
    // the file is there too: the newest good one is in force
    let url = format!("\"https://localhost:{}/liste.xml\"", web.port());
    world.configure(Site::Nord, "trust", "list_url", &url);
    world.serve();
    let deadline = Instant::now() + PATIENCE;
    while web.heads().is_empty() {
        assert!(Instant::now() < deadline, "{}", world.log());
        sleep(Duration::from_millis(20));
    }
    world.serve_at(Site::Sud);
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let message = letter(EMERGENCIES, "lent@poste", "#med# lent", "Corps.");
    assert_eq!(smtp.submit(DOCTOR, &[EMERGENCIES], message.as_bytes()).unwrap().0, 250);
    let mut imap = world.imap_at(Site::Sud, &format!("{EMERGENCIES}*medecin.trois@clinique-sud.mssante.fr"));
    imap.wait_for(1, PATIENCE);
    assert!(in_force(&status(&world)));
    assert_eq!(web.heads().len(), 1, "one request in flight");
    world.terminate();
    assert!(world.wait(Duration::from_secs(30)).success(), "{}", world.log());
}
