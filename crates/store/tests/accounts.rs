//! Accounts, addresses that are never given again, application passwords, traces; the store's own door.

use crate::common::*;
use mssante::State;
use store::{
    AccountId, Action, Actor, CREDENTIALS_PER_ACCOUNT, Conflict, Delivered, Kind, MasterKey, OpenError,
    Store, StoreError, TraceId,
};

#[test]
fn an_account_is_found_by_each_of_its_addresses_and_its_number() {
    let world = World::new();
    let store = world.open();
    let made = world.account(&store, "un");
    world.close(store);
    let store = world.open();
    let reader = store.reader();
    assert_eq!(reader.account(made.id).unwrap().as_ref(), Some(&made));
    for address in [&made.profile.login, made.profile.mssante.as_ref().unwrap()] {
        assert_eq!(reader.account_by_address(address).unwrap().as_ref(), Some(&made));
    }
    assert_eq!(reader.account_by_address(&address("deux")).unwrap(), None);
    let names: Vec<_> = reader.boxes(made.id).unwrap().into_iter().map(|b| (b.name, b.subscribed)).collect();
    assert_eq!(names, ["Drafts", "INBOX", "Sent", "Trash"].map(|n| (n.to_owned(), true)));
    drop(reader);
    world.close(store);
}

#[test]
fn an_address_is_never_given_to_another() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let create = |name: &str| {
        let trace = world.trace(Action::AccountCreate);
        world.run(store.create_account(profile(name), State::Valide, vec![], trace))
    };
    assert_eq!(create("un").unwrap_err(), StoreError::Taken(address("un")));
    assert_eq!(store.reader().accounts(None, 10).unwrap().len(), 1, "a refusal leaves nothing");
    world.run(store.remove_account(one.id, world.trace(Action::AccountRemove))).unwrap();
    assert_eq!(store.reader().account_by_address(&address("un")).unwrap(), None);
    assert_eq!(create("un").unwrap_err(), StoreError::Taken(address("un")));
    let two = create("deux").unwrap();
    assert!(two.id > one.id, "a number is never given again");
    assert_eq!(world.close(store).accounts, 1);
}

#[test]
fn an_update_needs_the_version_it_read_and_frees_no_address() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let mut watch = store.watch_account(one.id);
    let update = |account| world.run(store.update_account(account, world.trace(Action::AccountUpdate)));
    let mut renamed = one.clone();
    renamed.profile.login = address("autre");
    renamed.state = State::Suspendu;
    let now = update(renamed.clone()).unwrap();
    assert_eq!((now.version, now.state), (2, State::Suspendu));
    assert!(watch.has_changed().unwrap());
    watch.mark_unchanged();
    assert_eq!(update(renamed).unwrap_err(), StoreError::Conflict(Conflict::Version));
    assert!(!watch.has_changed().unwrap());
    assert_eq!(store.reader().account_by_address(&address("un")).unwrap(), None);
    let trace = world.trace(Action::AccountCreate);
    let taken = world.run(store.create_account(profile("un"), State::Valide, vec![], trace));
    assert_eq!(taken.unwrap_err(), StoreError::Taken(address("un")));
    let mut back = now.clone();
    back.profile.login = address("un");
    assert_eq!(update(back).unwrap().version, 3, "its own address it may take back");
    world.close(store);
}

#[test]
fn openers_are_other_accounts_that_exist() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let mut two = world.account(&store, "deux");
    for wrong in [two.id, AccountId::new(77)] {
        let mut account = two.clone();
        account.openers = vec![wrong];
        let result = world.run(store.update_account(account, world.trace(Action::AccountUpdate)));
        assert_eq!(result.unwrap_err(), StoreError::Conflict(Conflict::Opener));
    }
    two.openers = vec![one.id, one.id];
    let two = world.run(store.update_account(two, world.trace(Action::AccountUpdate))).unwrap();
    assert_eq!(two.openers, [one.id]);
    world.close(store);
}

#[test]
fn a_removed_account_takes_its_mail_along_and_tells_its_watchers() {
    let world = World::new();
    let store = world.open();
    let (one, two) = (world.account(&store, "un"), world.account(&store, "deux"));
    world.run(deliver(&store, world.clock_now(), 1, &body_bytes(1, 100_000), &[one.id, two.id]));
    world.run(deliver(&store, world.clock_now(), 2, b"x\r\n", &[one.id]));
    let inbox_id = inbox(&store, one.id).id;
    let watch = store.watch_account(one.id);
    world.run(store.remove_account(one.id, world.trace(Action::AccountRemove))).unwrap();
    assert!(watch.has_changed().unwrap());
    assert_eq!(store.reader().box_info(inbox_id).unwrap(), None);
    assert_eq!(store.reader().messages(inbox_id).unwrap(), []);
    let again = world.run(store.remove_account(one.id, world.trace(Action::AccountRemove)));
    assert_eq!(again.unwrap_err(), StoreError::NotFound);
    let report = world.close(store);
    assert_eq!((report.accounts, report.boxes, report.messages, report.bodies), (1, 4, 1, 1));
}

#[test]
fn a_password_opens_its_account_until_it_is_revoked() {
    let world = World::new();
    let store = world.open();
    let (one, two) = (world.account(&store, "un"), world.account(&store, "deux"));
    let create = |account: AccountId, name: &str, secret: &[u8]| {
        world.run(store.create_password(account, name.into(), secret, world.trace(Action::PasswordCreate)))
    };
    let phone = create(one.id, "téléphone", b"secret").unwrap();
    let desk = create(one.id, "bureau", b"other").unwrap();
    let verify =
        |account: &store::Account, secret: &[u8]| store.reader().verify_password(account.id, secret).unwrap();
    assert_eq!(verify(&one, b"secret"), Some(phone));
    assert_eq!(verify(&one, b"other"), Some(desk));
    assert_eq!(verify(&one, b"Secret"), None);
    assert_eq!(verify(&two, b"secret"), None);
    let names: Vec<_> = store.reader().credentials(one.id).unwrap().into_iter().map(|c| c.name).collect();
    assert_eq!(names, ["téléphone", "bureau"]);
    let watch = store.watch_account(one.id);
    let revoke =
        |id| world.run(store.revoke_password(one.id, id, world.trace(Action::PasswordRevoke))).unwrap();
    assert!(revoke(phone) && !revoke(phone));
    assert!(watch.has_changed().unwrap());
    assert_eq!(verify(&one, b"secret"), None);
    assert_eq!(create(AccountId::new(9), "x", b"x").unwrap_err(), StoreError::NotFound);
    world.close(store);
}

#[test]
fn a_connector_has_one_password_of_its_own_which_outlives_the_process() {
    let world = World::new();
    let store = world.open();
    let trace = || world.trace(Action::PasswordCreate);
    assert_eq!(store.reader().verify_connector("chu", b"").unwrap(), None);
    world.run(store.set_connector_password("chu", b"first", trace())).unwrap();
    let first = store.reader().verify_connector("chu", b"first").unwrap().unwrap();
    assert_eq!(store.reader().connector_password("chu").unwrap(), Some(first));
    assert_eq!(store.reader().verify_connector("clinique", b"first").unwrap(), None, "its own");
    world.clock.advance(hours(1));
    world.run(store.set_connector_password("chu", b"second", trace())).unwrap();
    world.close(store);
    let store = world.open();
    assert_eq!(store.reader().verify_connector("chu", b"first").unwrap(), None);
    assert!(store.reader().verify_connector("chu", b"second").unwrap().is_some_and(|second| second > first));
    let revoke = || world.run(store.revoke_connector_password("chu", trace())).unwrap();
    assert!(revoke() && !revoke());
    assert_eq!(store.reader().connector_password("chu").unwrap(), None);
    world.close(store);
}

#[test]
fn passwords_are_bounded() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let create = |name: String| {
        world.run(store.create_password(one.id, name, b"x", world.trace(Action::PasswordCreate)))
    };
    for number in 0..CREDENTIALS_PER_ACCOUNT {
        create(number.to_string()).unwrap();
    }
    assert!(matches!(create("more".into()), Err(StoreError::Limit(_))));
    assert!(matches!(create("n".repeat(store::CREDENTIAL_NAME_BYTES + 1)), Err(StoreError::Limit(_))));
    world.close(store);
}

#[test]
fn a_journey_gives_its_traces_in_order_days_later_too() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let mut first = world.trace(Action::Send);
    first.person = Some(one.id);
    first.detail = vec![("to".into(), "x".into())];
    let mut opening = first.clone();
    opening.action = Action::FirstOpening;
    opening.at += hours(24 * 40);
    world.run(async {
        let mut delivery = delivery(&store, world.clock_now(), 1, b"x\r\n", &[one.id]).await;
        delivery.traces = vec![first.clone()];
        delivery.carried = vec![(one.id, "<1@test>".into())];
        assert!(matches!(store.deliver(delivery).await.unwrap(), Delivered::New(..)));
        store.trace(opening.clone()).await.unwrap();
    });
    world.close(store);
    let store = world.open();
    assert_eq!(store.reader().traces(&first.id).unwrap(), [first, opening]);
    assert_eq!(store.reader().traces(&TraceId::new(world.clock_now())).unwrap(), []);
    let carried = |account, id: &str| store.reader().carried(account, id).unwrap();
    assert!(
        carried(one.id, "<1@test>")
            && !carried(one.id, "<2@test>")
            && !carried(AccountId::new(2), "<1@test>")
    );
    world.clock.advance(hours(24 * 440));
    assert!(carried(one.id, "<1@test>"));
    world.clock.advance(hours(24 * 60));
    assert!(!carried(one.id, "<1@test>"));
    world.close(store);
}

#[test]
fn a_store_keeps_its_kind_and_admits_one_process() {
    let world = World::new();
    let mut options = world.options();
    options.create = None;
    assert!(matches!(Store::open(options), Err(OpenError::Absent(_))));
    let store = world.open();
    assert!(matches!(Store::open(world.options()), Err(OpenError::InUse(_))));
    world.close(store);
    let mut options = world.options();
    options.create = Some(Kind::Production);
    let store = Store::open(options).unwrap();
    assert_eq!(store.kind(), Kind::Demonstration);
    world.close(store);
}

#[test]
fn another_master_key_opens_nothing() {
    let world = World::new();
    world.close(world.open());
    let mut options = world.options();
    options.master = MasterKey::create(&world.dir.path().join("other")).unwrap();
    assert!(matches!(Store::open(options), Err(OpenError::Keys(_))));
    world.close(world.open());
}

#[test]
fn a_closed_store_refuses_and_a_dropped_one_lets_go() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let other = store.clone();
    world.close(store);
    assert_eq!(
        world.run(other.create_box(one.id, "x", None, Actor::default())).unwrap_err(),
        StoreError::Busy
    );
    drop(other);
    // The committer's thread lets go a moment after the last clone.
    drop(world.open());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let _ = loop {
        match Store::open(world.options()) {
            Ok(store) => break world.close(store),
            Err(OpenError::InUse(_)) if std::time::Instant::now() < deadline => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    };
}

#[test]
fn no_name_address_or_content_lies_in_the_clear() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "reconnaissable");
    let body = body_bytes(4, 200_000);
    world.run(async {
        deliver(&store, world.clock_now(), 424_242, &body, &[one.id]).await;
        store.create_box(one.id, "Patientèle/Durand", None, Actor::default()).await.unwrap();
        let mut flags = store::Flags::new();
        flags.add_keyword("motcle-durand").unwrap();
        let change = store::FlagChange { mode: store::FlagMode::Add, flags };
        store
            .store_flags(inbox(&store, one.id).id, vec![store::Uid::MIN], change, Actor::default())
            .await
            .unwrap();
        let mut trace = world.trace(Action::Send);
        trace.detail = vec![("to".into(), "destinataire-visible".into())];
        store.trace(trace).await.unwrap();
        let secret = b"mot-de-passe-lisible";
        store.create_password(one.id, "nom-du-mot".into(), secret, world.trace(Action::Login)).await.unwrap();
    });
    world.close(store);
    let needles = [
        "reconnaissable",
        "chu-nord",
        "Patient",
        "Durand",
        "424242",
        "motcle",
        "destinataire",
        "lisible",
        "nom-du-mot",
    ];
    let piece = &body[100_000..100_032];
    let mut stack = vec![world.store_dir()];
    while let Some(dir) = stack.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                stack.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap();
            let found = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!found(piece), "{:?}", entry.path());
            for needle in needles {
                assert!(!found(needle.as_bytes()), "{needle} in {:?}", entry.path());
            }
        }
    }
}
