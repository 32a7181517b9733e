//! What a thief gets: the store's files, an old copy of them, altered ones. With everything but the right keys, and even
//! with the master key, an erased day stays erased (I-4), what was altered does not open, and nothing is written in clear
//! (I-5, M-11). Tests only; they look at the engine's rows and files as a thief would, past every reader.

use std::collections::BTreeMap;

use data_encoding::{BASE64, HEXLOWER};
use mssante::{Address, BoxType, Profile, State};

use crate::{
    AccountId, Action, Actor, Conversation, Delivery, FlagChange, FlagMode, Flags, MasterKey, Notify,
    Outgoing, OutgoingRecipient, Settlement, Store, StoreError, Uid, Variant,
    common::{
        World, address, body_bytes, deliver, delivery, files_under, hours, inbox, index, outgoing, profile,
        read_body,
    },
    day::Day,
    engine::{Change, Durability, Engine, Family, View as _},
    keyring::{KeyKind, Keyring},
    open::{self, KEY_FILE},
    seal::{CHUNK, Shape, StoreKey},
    settings::MEMORY_MIN,
};

/// Every row of a family.
fn rows(engine: &Engine, family: Family) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut rows = BTreeMap::new();
    let collect = &mut |key: &[u8], value: &[u8]| {
        rows.insert(key.to_vec(), value.to_vec());
        Ok(true)
    };
    engine.scan(family, &[], &[u8::MAX; 64], collect).unwrap();
    rows
}

fn put(engine: &Engine, family: Family, key: &[u8], value: &[u8]) {
    engine.write(&[Change::Put(family, key.to_vec(), value.to_vec())], Durability::Synced).unwrap();
}

/// How many header variants and chunks of a day open under any key of a key file.
fn readable(engine: &Engine, keyring: &Keyring, day: Day) -> usize {
    let of_day = |key: &[u8], at: usize| key.get(at..at + 4) == Some(&day.number().to_be_bytes());
    let keys: Vec<_> = [KeyKind::Message, KeyKind::Trace]
        .into_iter()
        .flat_map(|kind| keyring.days(kind).into_iter().map(move |day| (kind, day)))
        .map(|(kind, day)| keyring.day_key(kind, day).unwrap())
        .collect();
    let records = rows(engine, Family::Index)
        .into_iter()
        .filter(|(key, _)| matches!(key.first(), Some(b'h' | b'j')) && of_day(key, 1));
    let headers = records.filter(|(key, sealed)| keys.iter().any(|day| day.open_record(key, sealed).is_ok()));
    let chunks = rows(engine, Family::Bodies).into_iter().filter(|(key, _)| of_day(key, 0));
    // the identifier of a body is the sixteen bytes before the number of the chunk
    let chunks = chunks.filter(|(key, sealed)| {
        let id = key.get(key.len() - 20..key.len() - 4).and_then(|id| id.try_into().ok()).unwrap();
        keys.iter()
            .any(|day| day.body_opener(&id, Shape::Coded).unwrap().open(0, true, &mut sealed.clone()).is_ok())
    });
    headers.count() + chunks.count()
}

#[test]
fn an_old_copy_with_the_master_key_and_todays_key_file_reads_nothing_of_an_erased_day() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let erased = Day::of(world.clock_now());
    world.run(deliver(&store, world.clock_now(), 1, b"of the day that goes\r\n", &[account]));
    world.clock.advance(hours(24));
    let kept = Day::of(world.clock_now());
    world.run(deliver(&store, world.clock_now(), 2, b"of the day after\r\n", &[account]));
    world.close(store);
    let backup = world.copy();

    let store = world.open();
    store.core.keyring.erase(KeyKind::Message, erased).unwrap();
    store.core.keyring.erase(KeyKind::Trace, erased).unwrap();
    store.close().unwrap();

    // everything a thief may have: an old copy of the engine, today's key file, and the master key that opens both
    let master = MasterKey::load(&world.dir.path().join("master")).unwrap();
    let engine = open::open_engine(&backup.store_dir(), MEMORY_MIN, false).unwrap();
    let id = {
        let wrapped = rows(&engine, Family::Accounts).remove(crate::keys::STORE_KEY).unwrap();
        StoreKey::unwrap(&wrapped, &master).unwrap().store_id()
    };
    let opened = |world: &World| Keyring::open(&world.store_dir().join(KEY_FILE), &master, id).unwrap();
    let (then, today) = (opened(&backup), opened(&world));
    assert_eq!(readable(&engine, &then, erased), 3, "header, index record, body: with the keys of that time");
    assert_eq!(readable(&engine, &today, kept), 3, "and what was not erased with those of today");
    assert_eq!(readable(&engine, &today, erased), 0);
    engine.quiesce();
}

#[test]
fn a_chunk_that_was_altered_cut_moved_or_taken_from_elsewhere_does_not_open() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let body = body_bytes(3, 3 * CHUNK + 100);
    for number in 0..2 {
        world.run(deliver(&store, world.clock_now(), number, &body, &[account]));
    }
    let engine = &store.core.engine;
    let chunks: Vec<_> = rows(engine, Family::Bodies).into_iter().collect();
    let [one, two] = [&chunks[..4], &chunks[4..]];
    assert_eq!((one.len(), two.len()), (4, 4), "the first message's chunks, then the second's");
    let inbox = inbox(&store, account).id;
    let mut flipped = one[1].1.clone();
    flipped[10] ^= 1;
    let spoilt = [
        ("altered", vec![(1, flipped)]),
        ("cut", vec![(1, one[1].1[..100].to_vec())]),
        ("emptied", vec![(3, vec![])]),
        ("grown", vec![(1, [one[1].1.as_slice(), b"x"].concat())]),
        ("swapped", vec![(0, one[1].1.clone()), (1, one[0].1.clone())]),
        ("the last one first", vec![(0, one[3].1.clone())]),
        ("another message's", vec![(2, two[2].1.clone())]),
    ];
    for (what, changed) in spoilt {
        for (at, value) in &changed {
            put(engine, Family::Bodies, &one[*at].0, value);
        }
        let reader = store.reader();
        let source = reader.body(inbox, Uid::MIN).unwrap().unwrap();
        for (at, _) in &changed {
            let read = source.chunk((*at * CHUNK) as u64);
            assert!(read.is_err(), "{what}: {} bytes came out", read.unwrap().len());
        }
        assert!(store.prove().is_err(), "{what}");
        for (at, _) in changed {
            put(engine, Family::Bodies, &one[at].0, &one[at].1);
        }
    }
    engine.write(&[Change::Delete(Family::Bodies, one[3].0.clone())], Durability::Synced).unwrap();
    let source = store.reader().body(inbox, Uid::MIN).unwrap().unwrap();
    assert!(source.chunk(3 * CHUNK as u64).is_err(), "a body that ends early");
    put(engine, Family::Bodies, &one[3].0, &one[3].1);
    assert_eq!(read_body(&store, inbox, Uid::MIN), body);
    world.close(store);
}

#[test]
fn a_sealed_row_opens_in_its_own_place_alone() {
    let world = World::new();
    let store = world.open();
    let account = fill(&world, &store);
    for (family, prefix) in [
        (Family::Accounts, b'a'),
        (Family::Accounts, b'b'),
        (Family::Index, b'h'),
        (Family::Index, b'j'),
        (Family::Index, b'w'),
        (Family::Traces, b't'),
    ] {
        let two: Vec<_> = rows(&store.core.engine, family)
            .into_iter()
            .filter(|(key, _)| key.first() == Some(&prefix))
            .take(2)
            .collect();
        let [(first, one), (second, other)] = two.as_slice() else {
            panic!("two rows {}", char::from(prefix))
        };
        put(&store.core.engine, family, first, other);
        put(&store.core.engine, family, second, one);
        assert!(store.prove().is_err(), "{} {} swapped", family.name(), char::from(prefix));
        put(&store.core.engine, family, first, one);
        put(&store.core.engine, family, second, other);
    }
    assert_eq!(inbox(&store, account).exists, 2);
    world.close(store);
}

// What the store is filled with, and what none of its files may show.
const NAME: &str = "Reconnaissable";
const FIRST_NAME: &str = "Hippolyte-Anselme";
const SUBJECT: &str = "Compte rendu operatoire Zylberstein";
const WORDS: &str = "adenocarcinome lieberkuhnien metastatique";
const MESSAGE_ID: &str = "identifiant-retrouvable@poste-cardio";
const PATIENT: &str = "269054958815780";
const FILE: &str = "radiographie-thorax-zylberstein.pdf";
const ENVELOPE_ID: &str = "enveloppe-retrouvable-314";
const SAID: &str = "reponse-du-pair-retrouvable";
const DETAIL: &str = "detail-de-trace-retrouvable";
const KEYWORD: &str = "motcle-retrouvable";
const FOLDER: &str = "Dossier-Zylberstein-Urgences";
const PASSWORD_NAME: &str = "tablette-retrouvable";
const PASSWORD: &str = "secret-de-lapplication-retrouvable";
const ELSEWHERE: &str = "correspondant.lointain@clinique-sud.mssante.fr";

const NEEDLES: [&str; 18] = [
    NAME,
    FIRST_NAME,
    SUBJECT,
    WORDS,
    MESSAGE_ID,
    PATIENT,
    FILE,
    ENVELOPE_ID,
    SAID,
    DETAIL,
    KEYWORD,
    FOLDER,
    PASSWORD_NAME,
    PASSWORD,
    ELSEWHERE,
    "chu-nord.mssante.fr",
    "chu-nord.fr",
    "Zylberstein",
];

fn traced(world: &World, action: Action) -> crate::Trace {
    crate::Trace {
        detail: vec![("to".into(), DETAIL.into()), ("from".into(), ELSEWHERE.into())],
        ..world.trace(action)
    }
}

/// A message with all that must not be found, for a box here and two people elsewhere.
async fn telling(world: &World, store: &Store, account: AccountId, number: u64) -> Delivery {
    let header = format!(
        "Message-ID: <{MESSAGE_ID}>\r\nSubject: {SUBJECT}\r\nFrom: {FIRST_NAME} {NAME} <hippolyte@chu-nord.mssante.fr>\r\n\
         To: <{PATIENT}@patient.mssante.fr>\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf; name=\"{FILE}\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    );
    let body = format!("{}\r\n{WORDS}\r\n{PATIENT}\r\n", BASE64.encode(WORDS.as_bytes()));
    let recipient = |text: &str| OutgoingRecipient {
        address: Address::parse(text).unwrap(),
        notify: Some(Notify { success: true, failure: true, delay: true }),
        original: Some(format!("rfc822;{ELSEWHERE}")),
    };
    let outgoing = Outgoing {
        reverse_path: Some(address("hippolyte.reconnaissable")),
        envid: Some(ENVELOPE_ID.into()),
        recipients: vec![recipient(ELSEWHERE), recipient(&format!("{PATIENT}@patient.mssante.fr"))],
        ..outgoing(world.clock_now(), &[])
    };
    let index = index(header.as_bytes(), body.as_bytes());
    Delivery {
        variants: vec![Variant { header: header.into_bytes(), index }],
        outgoing: vec![outgoing],
        traces: vec![traced(world, Action::Send)],
        carried: vec![(account, format!("<{MESSAGE_ID}>"))],
        once: Some([7 + number as u8; 32]),
        conversations: vec![Conversation {
            account,
            patient: Address::parse(&format!("{PATIENT}@patient.mssante.fr")).unwrap(),
            ended: true,
        }],
        ..delivery(store, world.clock_now(), number, body.as_bytes(), &[account]).await
    }
}

/// Fills a store with all that must not be found; gives the account that has the messages.
fn fill(world: &World, store: &Store) -> AccountId {
    let person = Profile {
        box_type: BoxType::Per,
        last_name: NAME.into(),
        first_name: FIRST_NAME.into(),
        ..profile("hippolyte.reconnaissable")
    };
    let trace = |action| traced(world, action);
    world.run(async {
        let create =
            |profile| store.create_account(profile, State::Valide, vec![], trace(Action::AccountCreate));
        let account = create(person).await.unwrap().id;
        create(profile("autre")).await.unwrap();
        for number in 0..2 {
            store.deliver(telling(world, store, account, number).await).await.unwrap();
        }
        let first = store.reader().queue_list(None, 1).unwrap()[0].id;
        let due = world.clock_now() + hours(1);
        let later = Settlement::Later { due, last: SAID.into(), distrusted_since: None, delay_told: false };
        store.settle(vec![(first, later)], None, vec![trace(Action::Defer)]).await.unwrap();
        let folder = store.create_box(account, FOLDER, None, Actor::default()).await.unwrap().id;
        store.subscribe(account, FOLDER, true, Actor::default()).await.unwrap();
        let inbox = inbox(store, account).id;
        store.copy(inbox, vec![Uid::MIN], folder, Actor::default()).await.unwrap();
        let mut flags = Flags::new();
        flags.add_keyword(KEYWORD).unwrap();
        flags.add_keyword("autre-motcle").unwrap();
        store
            .store_flags(inbox, vec![Uid::MIN], FlagChange { mode: FlagMode::Add, flags }, Actor::default())
            .await
            .unwrap();
        let password = PASSWORD.as_bytes();
        let made =
            store.create_password(account, PASSWORD_NAME.into(), password, trace(Action::PasswordCreate));
        made.await.unwrap();
        account
    })
}

/// The needles found in bytes: as they are, in whatever case, as base64 at any offset, as hexadecimal digits, in UTF-16.
fn found(bytes: &[u8]) -> Vec<String> {
    let lower = bytes.to_ascii_lowercase();
    let has = |hay: &[u8], needle: &[u8]| hay.windows(needle.len()).any(|window| window == needle);
    let forms = |needle: &str| {
        let base64 = (0..3).map(|offset| {
            // characters that the neighbours of the needle have a part in are left out
            let padded = [&b"xx"[..offset], needle.as_bytes()].concat();
            let text = BASE64.encode(&padded[..padded.len() / 3 * 3]);
            text.as_bytes()[[0, 2, 3][offset]..].to_vec()
        });
        let wide: Vec<u8> = needle.to_ascii_lowercase().bytes().flat_map(|byte| [byte, 0]).collect();
        let hex = HEXLOWER.encode(needle.as_bytes()).into_bytes();
        (base64.collect::<Vec<_>>(), vec![needle.to_ascii_lowercase().into_bytes(), wide, hex])
    };
    let is_found = |needle: &&&str| {
        let (exact, any_case) = forms(needle);
        exact.iter().any(|form| has(bytes, form)) || any_case.iter().any(|form| has(&lower, form))
    };
    NEEDLES.iter().filter(is_found).map(ToString::to_string).collect()
}

/// Every live row of the engine, keys and values, as they are before the engine compresses them.
fn dump(engine: &Engine) -> Vec<u8> {
    let mut all = vec![];
    for family in Family::ALL {
        for (key, value) in rows(engine, family) {
            all.extend_from_slice(&key);
            all.push(b'\n');
            all.extend_from_slice(&value);
            all.push(b'\n');
        }
    }
    all
}

fn found_in_files(world: &World) -> Vec<(String, Vec<String>)> {
    let files = files_under(&world.store_dir()).into_iter();
    let found = files.map(|(path, bytes)| (path.display().to_string(), found(&bytes)));
    found.filter(|(_, needles)| !needles.is_empty()).collect()
}

#[test]
fn no_file_of_the_store_shows_an_address_a_name_a_number_or_a_word() {
    let world = World::new();
    let store = world.open();
    fill(&world, &store);
    let files = files_under(&world.store_dir());
    let tables = files.iter().filter(|(path, _)| path.extension().is_some_and(|kind| kind == "sst")).count();
    assert_eq!(tables, 0, "the log, which nothing compresses, holds every write since the store was made");
    assert_eq!(found_in_files(&world), []);
    assert_eq!(found(&dump(&store.core.engine)), [""; 0]);
    scrub(&store);
    assert_eq!(found_in_files(&world), [], "nor do the tables");
    assert_eq!(found(&dump(&store.core.engine)), [""; 0], "nor what the tables hold, uncompressed");

    // The search itself: what is written in clear it finds, in the log and in the tables' rows.
    let clear = NEEDLES.join(" ");
    for family in Family::ALL {
        put(&store.core.engine, family, b"~clear", clear.as_bytes());
    }
    let all: Vec<_> = NEEDLES.iter().map(ToString::to_string).collect();
    let in_files = found_in_files(&world);
    assert!(in_files.iter().any(|(path, needles)| path.ends_with(".log") && *needles == all), "{in_files:?}");
    scrub(&store);
    assert_eq!(found(&dump(&store.core.engine)), all);
    for family in Family::ALL {
        store.core.engine.write(&[Change::Delete(family, b"~clear".to_vec())], Durability::Synced).unwrap();
    }
    world.close(store);
}

fn scrub(store: &Store) {
    for family in Family::ALL {
        store.core.engine.scrub(family, &[], &[u8::MAX; 64]).unwrap();
    }
}

#[test]
fn the_search_finds_every_form_of_a_needle() {
    for needle in NEEDLES {
        for before in ["", "a", "bc", "def"] {
            let text = format!("{before}{needle}xyz");
            for form in [
                text.clone(),
                text.to_uppercase(),
                BASE64.encode(text.as_bytes()),
                HEXLOWER.encode(text.as_bytes()),
                text.chars().flat_map(|c| [c, '\0']).collect(),
            ] {
                assert!(found(form.as_bytes()).contains(&needle.to_owned()), "{needle}: {form}");
            }
        }
    }
    assert!(found(&body_bytes(1, 100_000)).is_empty());
}

#[test]
fn no_key_is_shown_by_debug_or_in_an_error() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    world.run(deliver(&store, world.clock_now(), 1, b"x\r\n", &[account]));
    let (core, day) = (&store.core, Day::of(world.clock_now()));
    let master = MasterKey::load(&world.dir.path().join("master")).unwrap();
    let day_key = core.keyring.day_key(KeyKind::Message, day).unwrap();
    let view = crate::show_keys(&world.store_dir(), &master).unwrap();
    let other =
        Keyring::open(&world.store_dir().join(KEY_FILE), &master, crate::StoreId([1; 16])).unwrap_err();
    let shown = [
        format!("{:?} {:?}", core.keyring, core.keys),
        format!("{day_key:?} {master:?} {view:?}"),
        format!(
            "{other} {other:?} {}",
            core.keyring.day_key(KeyKind::Trace, Day::from_number(1)).unwrap_err()
        ),
        format!("{:?}", StoreError::Erased),
    ]
    .concat();
    for secret in [day_key.secret(), master.bytes()] {
        let decimal = format!("{:?}", &secret[..8]);
        let forms = [
            HEXLOWER.encode(&secret[..8]),
            BASE64.encode(&secret[..6]),
            decimal.trim_matches(['[', ']']).to_owned(),
        ];
        assert!(forms.iter().all(|form| !shown.to_lowercase().contains(&form.to_lowercase())), "{shown}");
    }
    world.close(store);
}
