//! The control socket from end to end: a real store, a real socket, the client of the command line.

mod queue;
mod retention;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use mssante::{
    Address, BoxType, Domain, Finess, NationalId, Profile, Responsible, Rpps, State, StructureId,
    dn::DistinguishedName,
};
use pki::TrustSpace;
use store::{Kind, ManualClock, MasterKey, OpenOptions, Store};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{
    client,
    office::{Chores, House, Office},
    protocol::{AccountView, Answer, LimitChange, REQUEST_OCTETS, RefusedKind, Request},
    server,
};
use crate::{
    config::{Administrator, Operator, Who},
    trust::Warden,
};

/// A daemon reduced to its store and control socket.
struct Daemon {
    socket: PathBuf,
    store: Store,
    serving: JoinHandle<()>,
    _dir: TempDir,
}

impl Daemon {
    fn start(who: Who) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap()));
        let store = Store::open(OpenOptions {
            dir: dir.path().join("store"),
            master: MasterKey::create(&dir.path().join("master.key")).unwrap(),
            clock: clock.clone(),
            settings: store::Settings::default(),
            create: Some(Kind::Production),
        })
        .unwrap();
        let socket = dir.path().join("control.sock");
        let bound = server::bind(&socket).unwrap();
        let operator = Operator {
            name: "Centre hospitalier Nord".into(),
            hostname: "mail.chu-nord.fr".into(),
            mssante_domains: vec![Domain::parse("chu-nord.mssante.fr").unwrap()],
            login_domains: vec![Domain::parse("chu-nord.fr").unwrap()],
            secure_structures: Vec::new(),
            time_zone: jiff::tz::TimeZone::UTC,
        };
        let certificate = pki::Description {
            subject: "CN=mail.chu-nord.fr".into(),
            names: vec!["mail.chu-nord.fr".into()],
            not_before: Timestamp::UNIX_EPOCH,
            not_after: Timestamp::from_second(1_800_000_000 + 10 * 86_400).unwrap(),
        };
        let started = Timestamp::from_second(1_800_000_000 - 60).unwrap();
        let own = DistinguishedName::parse("CN=mail.chu-nord.fr,C=FR").unwrap();
        let warden = Warden::new(
            TrustSpace::closed(),
            clock.clone(),
            move || own.clone(),
            operator.mssante_domains.clone(),
        );
        let office = Office {
            store: store.clone(),
            clock,
            operator,
            house: Arc::new(House {
                started,
                doors: Vec::new(),
                certificate: Box::new(move || certificate.clone()),
                relay_certificate: None,
            }),
            warden: Arc::new(warden),
            courier: None,
            chores: Chores::default(),
            connectors: Vec::new(),
            bouncer: delivery::Bouncer::new(store.clone(), delivery::RelaySettings::new("mail.chu-nord.fr")),
        };
        let administrators = vec![Administrator { name: "claire".into(), who }];
        let serving =
            tokio::spawn(async move { server::serve(&bound, administrators, Arc::new(office)).await });
        Self { socket, store, serving, _dir: dir }
    }

    async fn ask(&self, request: Request) -> Answer {
        let socket = self.socket.clone();
        tokio::task::spawn_blocking(move || client::call(&socket, &request).unwrap()).await.unwrap()
    }

    async fn add(&self, profile: Profile, openers: Vec<Address>) -> Answer {
        self.ask(Request::AccountAdd { profile: Box::new(profile), state: State::Valide, openers }).await
    }

    async fn stop(self) {
        self.serving.abort();
        let _ = self.serving.await;
        let store = self.store;
        tokio::task::spawn_blocking(move || {
            store.prove().unwrap();
            store.close().unwrap();
        })
        .await
        .unwrap();
    }
}

fn me() -> Who {
    // The files that a process makes are its user's.
    let file = tempfile::tempfile().unwrap();
    Who::Uid(std::os::unix::fs::MetadataExt::uid(&file.metadata().unwrap()))
}

fn stranger() -> Who {
    let Who::Uid(own) = me() else { panic!() };
    Who::Uid(own + 1)
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn secretary(login: &str) -> Profile {
    serde_json::from_value(serde_json::json!({
        "box_type": "MED", "login": login, "mssante": null, "last_name": "Nord", "first_name": "Secrétariat",
        "region": "Hauts-de-France", "profession": "Secrétaire médicale", "national_id": null, "structure": null,
        "local_id": null, "responsible": null, "description": null, "return_address": null
    }))
    .unwrap()
}

fn account(answer: Answer) -> Box<AccountView> {
    match answer {
        Answer::Account(view) => view,
        Answer::Refused(refused) => panic!("{}", refused.message),
        _ => panic!("another answer"),
    }
}

fn refused(answer: Answer) -> (RefusedKind, String) {
    match answer {
        Answer::Refused(refused) => (refused.kind, refused.message),
        _ => panic!("not refused"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_added_listed_shown_traced_and_removed() {
    let daemon = Daemon::start(me());
    let added = account(daemon.add(secretary("secretariat@chu-nord.fr"), Vec::new()).await);
    assert_eq!(added.state, State::Valide);
    let Answer::Accounts { accounts, next: None } = daemon.ask(Request::AccountList { after: None }).await
    else {
        panic!()
    };
    assert_eq!(accounts.len(), 1);
    let shown =
        account(daemon.ask(Request::AccountShow { address: address("SECRETARIAT@chu-nord.fr") }).await);
    assert_eq!((shown.id, shown.profile.box_type), (added.id, BoxType::Med));
    let Answer::Traces(traces) = daemon.ask(Request::Trace { id: added.trace.unwrap() }).await else {
        panic!()
    };
    assert!(traces[0].detail.contains(&("administrator".into(), "claire".into())));
    // Nothing is traced of what the person did: nobody logged in.
    let of = |day| Request::TracesOf { address: address("secretariat@chu-nord.fr"), day, after: None };
    for day in [None, Some(jiff::civil::date(2026, 1, 1))] {
        let Answer::TracesOf { traces, next: None } = daemon.ask(of(day)).await else { panic!() };
        assert!(traces.is_empty(), "{traces:?}");
    }
    let removed = daemon.ask(Request::AccountRemove { address: address("secretariat@chu-nord.fr") }).await;
    assert!(matches!(removed, Answer::Removed { .. }));
    let (kind, text) =
        refused(daemon.ask(Request::AccountShow { address: address("secretariat@chu-nord.fr") }).await);
    assert_eq!(kind, RefusedKind::Refused);
    assert!(text.contains("no account has the address"), "{text}");
    let (_, text) = refused(daemon.add(secretary("secretariat@chu-nord.fr"), Vec::new()).await);
    assert!(text.contains("S-1.3"), "a removed account's address is never given again: {text}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_given_a_quota_and_loses_it_again() {
    let daemon = Daemon::start(me());
    let login = || address("secretariat@chu-nord.fr");
    let added = account(daemon.add(secretary("secretariat@chu-nord.fr"), Vec::new()).await);
    let usual = store::Settings::default();
    let limits =
        |view: &AccountView| (view.mailbox.bytes_limit, view.mailbox.messages_limit, view.mailbox.own_quota);
    assert_eq!(limits(&added), (usual.account_bytes, usual.account_messages, false));
    let quota = |bytes, messages| Request::AccountQuota { address: login(), bytes, messages };
    let set = account(daemon.ask(quota(Some(LimitChange::Own(7_000)), None)).await);
    assert_eq!(limits(&set), (7_000, usual.account_messages, true));
    let Answer::Traces(traces) = daemon.ask(Request::Trace { id: set.trace.unwrap() }).await else {
        panic!()
    };
    assert_eq!(traces[0].action, "account-update");
    for pair in [("administrator", "claire"), ("quota-bytes", "7000"), ("quota-messages", "usual")] {
        assert!(traces[0].detail.contains(&(pair.0.into(), pair.1.into())), "{pair:?}");
    }
    let set = account(daemon.ask(quota(None, Some(LimitChange::Own(0)))).await);
    assert_eq!(limits(&set), (7_000, 0, true), "what is left out stays");
    assert!(account(daemon.ask(Request::AccountShow { address: login() }).await).mailbox.full);
    let set = account(daemon.ask(quota(Some(LimitChange::Usual), Some(LimitChange::Usual))).await);
    assert_eq!(limits(&set), (usual.account_bytes, usual.account_messages, false));
    assert!(!set.mailbox.full);
    daemon.stop().await;
}

#[test]
fn a_request_changes_or_only_looks() {
    let address = || address("a@chu-nord.fr");
    assert!(Request::AccountShow { address: address() }.only_looks());
    assert!(!Request::AccountRemove { address: address() }.only_looks());
    assert!(!Request::Status {}.only_looks(), "monitoring asks every few seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_account_is_refused_with_everything_that_is_missing() {
    let daemon = Daemon::start(me());
    let profile = Profile { box_type: BoxType::Org, ..secretary("cardiologie@chu-nord.fr") };
    let (_, text) = refused(daemon.add(profile, Vec::new()).await);
    for missing in ["structure", "responsible", "description", "openers"] {
        assert!(text.contains(missing), "{missing}: {text}");
    }
    let (_, text) = refused(daemon.add(secretary("secretariat@elsewhere.fr"), Vec::new()).await);
    assert!(text.contains("login domain of this operator (chu-nord.fr)"), "{text}");
    let openers = vec![address("nobody@chu-nord.fr")];
    let (_, text) = refused(daemon.add(secretary("secretariat@chu-nord.fr"), openers).await);
    assert!(text.contains("no account has the address nobody@chu-nord.fr"), "{text}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_homonym_is_told_which_address_to_try() {
    let daemon = Daemon::start(me());
    let doctor = |login: &str, mssante: &str| Profile {
        box_type: BoxType::Per,
        mssante: Some(address(mssante)),
        last_name: "Trois".into(),
        first_name: "Zoé".into(),
        national_id: Some(mssante::NationalId::Rpps(mssante::Rpps::parse("10001001022").unwrap())),
        ..secretary(login)
    };
    for (login, mssante) in [
        ("z3@chu-nord.fr", "zoe.trois@chu-nord.mssante.fr"),
        ("z4@chu-nord.fr", "zoe.trois2@chu-nord.mssante.fr"),
    ] {
        account(daemon.add(doctor(login, mssante), Vec::new()).await);
    }
    let (_, text) =
        refused(daemon.add(doctor("z5@chu-nord.fr", "zoe.trois@chu-nord.mssante.fr"), Vec::new()).await);
    assert!(text.ends_with("; try zoe.trois3@chu-nord.mssante.fr"), "{text}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_shown_once_announced_in_the_box_and_revocable() {
    let daemon = Daemon::start(me());
    let login = address("secretariat@chu-nord.fr");
    let added = account(daemon.add(secretary("secretariat@chu-nord.fr"), Vec::new()).await);
    let create = Request::PasswordCreate { address: login.clone(), name: "Téléphone".into() };
    let Answer::Password(new) = daemon.ask(create).await else { panic!() };
    assert!(new.notified && new.password.len() >= 20);
    let id = store::AccountId::new(added.id);
    let secret = new.password.clone();
    let (verified, notice) = daemon
        .store
        .read(move |reader| {
            let inbox = reader.box_by_name(id, "INBOX")?.unwrap();
            let uid = reader.messages(inbox.id)?[0].uid;
            let mut text = reader.header(inbox.id, uid)?.unwrap().to_vec();
            text.extend_from_slice(&reader.body(inbox.id, uid)?.unwrap().chunk(0)?);
            Ok((reader.verify_password(id, secret.as_bytes())?, String::from_utf8(text).unwrap()))
        })
        .await
        .unwrap();
    assert_eq!(verified.map(store::CredentialId::get), Some(new.id));
    assert!(notice.contains("Auto-Submitted: auto-generated"), "{notice}");
    assert!(notice.contains("From: ") && notice.contains("postmaster@chu-nord.mssante.fr"), "{notice}");
    assert!(!notice.contains(&new.password), "the notice never holds the password");
    let Answer::Passwords { passwords, .. } =
        daemon.ask(Request::PasswordList { address: login.clone() }).await
    else {
        panic!()
    };
    assert_eq!((passwords.len(), passwords[0].name.as_str()), (1, "Téléphone"));
    let revoke = || Request::PasswordRevoke { address: login.clone(), id: new.id };
    assert!(matches!(daemon.ask(revoke()).await, Answer::Revoked { .. }));
    let (_, text) = refused(daemon.ask(revoke()).await);
    assert!(text.contains("has no application password"), "{text}");
    let unnamed = Request::PasswordCreate { address: login.clone(), name: "x\ny".into() };
    assert!(refused(daemon.ask(unnamed).await).1.contains("no line break"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_administrator_is_refused_whatever_they_ask() {
    let daemon = Daemon::start(stranger());
    let (kind, text) = refused(daemon.ask(Request::Status {}).await);
    assert_eq!(kind, RefusedKind::NotAdministrator);
    assert!(text.contains("is no administrator of this service"), "{text}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_what_an_operator_must_know() {
    let daemon = Daemon::start(me());
    let Answer::Status(status) = daemon.ask(Request::Status {}).await else { panic!() };
    assert!(!status.demonstration);
    assert_eq!((status.uptime_seconds, status.certificate.days_left), (60, 10));
    assert!(status.store.is_object());
    let [alarm] = &status.alarms[..] else { panic!("{:?}", status.alarms) };
    assert!(alarm.contains("has no box postmaster@chu-nord.mssante.fr") && alarm.contains("M-12"), "{alarm}");
    let structure = Some(StructureId::Finess(Finess::parse("590000014").unwrap()));
    let intern = Profile {
        box_type: BoxType::Int,
        mssante: Some(address("secretariat.nord@chu-nord.mssante.fr")),
        structure: structure.clone(),
        local_id: Some("INT-1".into()),
        ..secretary("un@chu-nord.fr")
    };
    account(daemon.add(intern, vec![]).await);
    let made = Profile {
        box_type: BoxType::Org,
        mssante: Some(address("postmaster@chu-nord.mssante.fr")),
        structure,
        responsible: Some(Responsible {
            name: "Camille Exemple".into(),
            profession: "Médecin".into(),
            national_id: NationalId::Rpps(Rpps::parse("10001001030").unwrap()),
        }),
        description: Some("Messages des autres opérateurs".into()),
        ..secretary("postmaster@chu-nord.fr")
    };
    account(daemon.add(made, vec![address("un@chu-nord.fr")]).await);
    let Answer::Status(status) = daemon.ask(Request::Status {}).await else { panic!() };
    assert_eq!(status.alarms, Vec::<String>::new());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_request_is_answered_and_one_too_long_ends_the_connection() {
    let daemon = Daemon::start(me());
    let socket = daemon.socket.clone();
    let exchange = move || {
        let mut stream = UnixStream::connect(socket).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        stream.write_all(b"hello\n").unwrap();
        let first = lines.next().unwrap().unwrap();
        stream.write_all(&vec![b'x'; usize::try_from(REQUEST_OCTETS).unwrap()]).unwrap();
        (first, lines.next().unwrap().unwrap(), lines.next().is_none())
    };
    let (first, second, ended) = tokio::task::spawn_blocking(exchange).await.unwrap();
    assert!(first.contains("not a request"), "{first}");
    assert!(second.contains("at most 65536 octets"), "{second}");
    assert!(ended);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_for_its_group_replaces_a_dead_one_and_goes_with_the_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let socket = server::bind(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    drop(socket);
    assert!(!path.exists());
    fs::write(&path, "a file").unwrap();
    assert!(server::bind(&path).unwrap_err().to_string().contains("a file that is no socket is there"));
}

#[test]
fn an_absent_daemon_is_said_to_be_absent() {
    let error = client::call(Path::new("/does/not/exist.sock"), &Request::Status {}).err().unwrap();
    assert!(error.to_string().contains("start it with `vaguemestre serve`"), "{error}");
}
