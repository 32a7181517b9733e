//! SEARCH against a plain model: any keys in any nesting, on messages with any flags, dates and texts (RFC 3501 §6.4.4, RFC
//! 4731, RFC 5182).

use proptest::{collection::vec, prelude::*};

use crate::stage::{Client, Stage};

/// What the model knows of a message.
#[derive(Debug, Clone)]
struct Message {
    flags: Vec<&'static str>,
    /// Day of November 2026 on which it came.
    day: u8,
    subject: Vec<&'static str>,
    body: Vec<&'static str>,
    html: bool,
}

/// Words as people write them.
const WORDS: [&str; 8] =
    ["Hémoglobine", "hemoglobine", "CŒUR", "cœur", "l\u{2019}hôpital", "He\u{301}mo", "reçu", "12 mg"];

/// What people look for.
const NEEDLES: [&str; 8] = ["hemo", "GLOBINE", "coeur", "l'hopital", "recu", "12  MG", "absent", "bine c"];

const FLAGS: [(&str, &str, &str); 5] = [
    ("\\Seen", "SEEN", "UNSEEN"),
    ("\\Flagged", "FLAGGED", "UNFLAGGED"),
    ("\\Deleted", "DELETED", "UNDELETED"),
    ("\\Draft", "DRAFT", "UNDRAFT"),
    ("Urgent", "KEYWORD urgent", "UNKEYWORD Urgent"),
];

#[derive(Debug, Clone)]
enum Key {
    All,
    Numbers(u32, u32),
    Uids(u32, u32),
    Saved,
    Has(usize),
    Lacks(usize),
    Before(u8),
    On(u8),
    Since(u8),
    Subject(&'static str),
    Body(&'static str),
    Text(&'static str),
    Not(Box<Key>),
    Or(Box<Key>, Box<Key>),
    And(Vec<Key>),
}

impl Key {
    fn spell(&self) -> String {
        match self {
            Self::All => "ALL".into(),
            Self::Numbers(from, to) => format!("{from}:{to}"),
            Self::Uids(from, to) => format!("UID {from}:{to}"),
            Self::Saved => "$".into(),
            Self::Has(flag) => FLAGS[*flag].1.into(),
            Self::Lacks(flag) => FLAGS[*flag].2.into(),
            Self::Before(day) => format!("BEFORE {day}-Nov-2026"),
            Self::On(day) => format!("ON {day}-Nov-2026"),
            Self::Since(day) => format!("SINCE {day}-Nov-2026"),
            Self::Subject(text) => format!("SUBJECT \"{text}\""),
            Self::Body(text) => format!("BODY \"{text}\""),
            Self::Text(text) => format!("TEXT \"{text}\""),
            Self::Not(key) => format!("NOT {}", key.spell()),
            Self::Or(one, other) => format!("OR {} {}", one.spell(), other.spell()),
            Self::And(keys) => format!("({})", keys.iter().map(Self::spell).collect::<Vec<_>>().join(" ")),
        }
    }

    /// Whether the message with this number and UID matches; `saved` are UIDs.
    fn finds(&self, (number, uid): (u32, u32), message: &Message, saved: &[u32]) -> bool {
        let within = |from: u32, to: u32, n: u32| (from.min(to)..=from.max(to)).contains(&n);
        let again = |key: &Self| key.finds((number, uid), message, saved);
        match self {
            Self::All => true,
            Self::Numbers(from, to) => within(*from, *to, number),
            Self::Uids(from, to) => within(*from, *to, uid),
            Self::Saved => saved.contains(&uid),
            Self::Has(flag) => message.flags.contains(&FLAGS[*flag].0),
            Self::Lacks(flag) => !message.flags.contains(&FLAGS[*flag].0),
            Self::Before(day) => message.day < *day,
            Self::On(day) => message.day == *day,
            Self::Since(day) => message.day >= *day,
            Self::Subject(text) => plain(&message.subject.join(" ")).contains(&plain(text)),
            Self::Body(text) => plain(&message.body.join(" ")).contains(&plain(text)),
            Self::Text(text) => again(&Self::Subject(text)) || again(&Self::Body(text)),
            Self::Not(key) => !again(key),
            Self::Or(one, other) => again(one) || again(other),
            Self::And(keys) => keys.iter().all(again),
        }
    }
}

/// The words of this test without case, accents and typography, one blank between them.
fn plain(text: &str) -> String {
    let lower = text.to_lowercase().replace('é', "e").replace('ô', "o").replace('ç', "c").replace('œ', "oe");
    let lower = lower.replace('\u{301}', "").replace('\u{2019}', "'");
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn message() -> impl Strategy<Value = Message> {
    let flags = prop::sample::subsequence(FLAGS.map(|flag| flag.0).to_vec(), 0..4);
    let words = || vec(prop::sample::select(WORDS.to_vec()), 1..4);
    (flags, 1..20_u8, words(), words(), any::<bool>()).prop_map(|(flags, day, subject, body, html)| Message {
        flags,
        day,
        subject,
        body,
        html,
    })
}

fn key() -> impl Strategy<Value = Key> {
    let needle = || prop::sample::select(NEEDLES.to_vec());
    let number = || 1..8_u32;
    let leaf = prop_oneof![
        Just(Key::All),
        Just(Key::Saved),
        (number(), number()).prop_map(|(from, to)| Key::Numbers(from, to)),
        (number(), number()).prop_map(|(from, to)| Key::Uids(from, to)),
        (0..FLAGS.len()).prop_map(Key::Has),
        (0..FLAGS.len()).prop_map(Key::Lacks),
        (1..20_u8).prop_map(Key::Before),
        (1..20_u8).prop_map(Key::On),
        (1..20_u8).prop_map(Key::Since),
        needle().prop_map(Key::Subject),
        needle().prop_map(Key::Body),
        needle().prop_map(Key::Text),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|key| Key::Not(Box::new(key))),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| Key::Or(Box::new(one), Box::new(other))),
            vec(inner, 1..4).prop_map(Key::And),
        ]
    })
}

async fn put(client: &mut Client, message: &Message) {
    let text = message.body.join("\r\n");
    let (kind, body) = if message.html {
        let page = text.replace('é', "&eacute;").replace('œ', "&#339;").replace('o', "<b>o</b>");
        ("html", format!("<p title=\"absent\">{page}</p><!-- absent -->\r\n"))
    } else {
        ("plain", format!("{text}\r\n"))
    };
    let subject = message.subject.join(" ");
    let whole = format!(
        "Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\n{body}"
    );
    let flags = message.flags.join(" ");
    let arguments = format!("INBOX ({flags}) \"{:02}-Nov-2026 12:00:00 +0000\"", message.day);
    let told = client.append(&arguments, whole.as_bytes(), 4096).await;
    assert!(told.starts_with("A OK"), "{told}");
}

/// The numbers of a SEARCH response.
fn found(told: &str) -> Vec<u32> {
    let line =
        told.lines().find_map(|line| line.strip_prefix("* SEARCH")).unwrap_or_else(|| panic!("{told}"));
    line.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

async fn play(messages: &[Message], keys: &[Key], gone: &[usize]) {
    let stage = Stage::new().await;
    let mut client = stage.client();
    for message in messages {
        put(&mut client, message).await;
    }
    client.say("SELECT INBOX").await;
    let mut left: Vec<(u32, &Message)> = (1..).zip(messages).collect();
    for at in gone {
        let Some(at) = at.checked_rem(left.len()) else { break };
        let (uid, _) = left.remove(at);
        client.say(&format!("UID MOVE {uid} Trash")).await;
    }
    let mut saved: Vec<u32> = Vec::new();
    for key in keys {
        let matches: Vec<(u32, u32)> = (1..)
            .zip(&left)
            .filter(|(number, (uid, message))| key.finds((*number, *uid), message, &saved))
            .map(|(number, (uid, _))| (number, *uid))
            .collect();
        let (numbers, uids): (Vec<u32>, Vec<u32>) = matches.into_iter().unzip();
        let spelled = key.spell();
        assert_eq!(found(&client.say(&format!("SEARCH {spelled}")).await), numbers, "{spelled}");
        assert_eq!(found(&client.say(&format!("UID SEARCH {spelled}")).await), uids, "{spelled}");
        let told = client.say(&format!("SEARCH RETURN (COUNT SAVE) {spelled}")).await;
        assert!(told.starts_with(&format!("* ESEARCH (TAG \"A\") COUNT {}\r\n", uids.len())), "{told}");
        saved = uids;
        assert_eq!(found(&client.say("SEARCH $").await), numbers, "{spelled}");
    }
    stage.end();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_found_is_what_matches(
        messages in vec(message(), 1..7),
        keys in vec(key(), 1..10),
        gone in vec(any::<usize>(), 0..3),
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(play(&messages, &keys, &gone));
    }
}
