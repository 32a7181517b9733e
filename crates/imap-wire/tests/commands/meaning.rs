//! What imap-codec understood of a command, in one form: two commands with the same meaning give the same text, whatever strings were
//! quoted, literal or bare, and whatever was said twice.
//! May use imap-codec's types only.

use imap_codec::{
    CommandCodec,
    encode::Encoder,
    imap_types::{
        command::{Command, CommandBody},
        core::Tag,
        fetch::{MacroOrMessageDataItemNames, MessageDataItemName, Section},
        search::SearchKey,
        sequence::{Sequence, SequenceSet},
    },
};
use imap_wire::mutf7;

/// The meaning, without the tag.
pub(crate) fn meaning(body: &CommandBody<'_>) -> String {
    match body {
        CommandBody::Search { criteria, uid, .. } => {
            format!("SEARCH uid={uid} {}", all_of(criteria.as_ref()))
        }
        CommandBody::Fetch { sequence_set, macro_or_item_names, uid, modifiers } => {
            let items = match macro_or_item_names {
                MacroOrMessageDataItemNames::Macro(name) => name.expand(),
                MacroOrMessageDataItemNames::MessageDataItemNames(items) => items.clone(),
            };
            // A UID FETCH tells the UID, asked for or not (RFC 3501 §6.4.8).
            let implied = uid.then_some(MessageDataItemName::Uid);
            let mut items: Vec<String> = items.iter().chain(&implied).map(item).collect();
            items.sort();
            items.dedup();
            let modifiers =
                said_once(&modifiers.iter().map(|modifier| format!("{modifier:?}\n")).collect::<String>());
            format!("FETCH uid={uid} {} {} {modifiers}", set(sequence_set), items.join(" "))
        }
        // No pair is as good as NIL (RFC 2971 §3.3).
        CommandBody::Id { parameters } if parameters.as_ref().is_none_or(Vec::is_empty) => {
            "ID NIL".to_owned()
        }
        // Mechanisms have no case, a name in upper case or not (RFC 4422 §3.1).
        CommandBody::Authenticate { mechanism, initial_response } => {
            let initial = initial_response.as_ref().map_or(0, |initial| initial.declassify().len());
            format!("AUTHENTICATE {} {initial}", mechanism.to_string().to_ascii_uppercase())
        }
        // Nobody may change a quota here, so nothing of it is kept.
        CommandBody::SetQuota { .. } => "SETQUOTA".to_owned(),
        CommandBody::Enable { .. } => said_once(&tokens(body).to_ascii_uppercase()),
        // What a client sends back of \Recent changes nothing (RFC 3501 §2.3.2).
        CommandBody::Store { .. } => said_once(&tokens(body).replace("\n\\Recent", "")),
        CommandBody::Select { .. }
        | CommandBody::Examine { .. }
        | CommandBody::Status { .. }
        | CommandBody::List { .. } => said_once(&tokens(body)),
        other => tokens(other),
    }
}

/// The command word and its arguments, each once.
fn said_once(tokens: &str) -> String {
    let mut words: Vec<&str> = tokens.split('\n').collect();
    words.sort_unstable();
    words.dedup();
    words.join("\n")
}

/// The wire form of imap-codec, one line a word or string, strings without quotes.
fn tokens(body: &CommandBody<'_>) -> String {
    let command = Command { tag: Tag::unvalidated("t"), body: body.clone() };
    let wire = CommandCodec::default().encode(&command).dump();
    let mut rest = wire.as_slice();
    let mut out = Vec::new();
    while let Some((&byte, after)) = rest.split_first() {
        let (token, after) = match byte {
            b' ' | b'(' | b')' | b'\r' | b'\n' => {
                rest = after;
                continue;
            }
            b'"' => quoted(after),
            b'{' => literal(after),
            _ => {
                let end = rest.iter().position(|byte| b" ()\r\n\"".contains(byte)).unwrap_or(rest.len());
                (rest[..end].to_vec(), &rest[end..])
            }
        };
        // A slash at the end says that there will be mailboxes below (RFC 3501 §6.3.3), and is no part of the name.
        let token = token.strip_suffix(b"/").unwrap_or(&token);
        let text = mutf7::decode(token).unwrap_or_else(|_| token.escape_ascii().to_string());
        // The one name without case (RFC 3501 §5.1).
        let text = without_ranges_of_one(&text);
        out.push(if text.eq_ignore_ascii_case("INBOX") { "INBOX".to_owned() } else { text });
        rest = after;
    }
    out.join("\n")
}

/// The same of a word that is a set; another one as it is.
fn without_ranges_of_one(word: &str) -> String {
    let one = |range: &str| match range.split_once(':') {
        Some((from, to)) if from == to && from.bytes().all(|byte| byte.is_ascii_digit()) => from.to_owned(),
        _ => range.to_owned(),
    };
    word.split(',').map(one).collect::<Vec<_>>().join(",")
}

fn quoted(mut rest: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut text = Vec::new();
    loop {
        match rest {
            [b'"', after @ ..] => return (text, after),
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                text.push(*byte);
                rest = after;
            }
            [] => panic!("imap-codec wrote an open string"),
        }
    }
}

fn literal(rest: &[u8]) -> (Vec<u8>, &[u8]) {
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let digits: String =
        rest[..end].iter().filter(|byte| byte.is_ascii_digit()).map(|byte| char::from(*byte)).collect();
    let (text, after) = rest[end..].split_at(digits.parse().unwrap());
    (text.to_vec(), after)
}

/// With names of fields as they are, bare or strings.
fn item(item: &MessageDataItemName<'_>) -> String {
    let MessageDataItemName::BodyExt { section: Some(section), partial, peek } = item else {
        return format!("{item:?}");
    };
    let (part, not, names) = match section {
        Section::HeaderFields(part, names) => (part, false, names),
        Section::HeaderFieldsNot(part, names) => (part, true, names),
        _ => return format!("{item:?}"),
    };
    let names: Vec<_> = names.as_ref().iter().map(|name| String::from_utf8_lossy(name.as_ref())).collect();
    format!("fields not={not} peek={peek} {partial:?} {part:?} {names:?}")
}

fn all_of(keys: &[SearchKey<'_>]) -> String {
    match keys {
        [key] => search_key(key),
        keys => format!("({})", keys.iter().map(search_key).collect::<Vec<_>>().join(" ")),
    }
}

/// With the keys that stand for others spelled out.
fn search_key(key: &SearchKey<'_>) -> String {
    let header = |name: &str, text: &[u8]| format!("{name:?} holds {text:?}");
    match key {
        SearchKey::And(keys) => all_of(keys.as_ref()),
        SearchKey::Or(one, other) => format!("OR {} {}", search_key(one), search_key(other)),
        SearchKey::Not(key) => format!("NOT {}", search_key(key)),
        SearchKey::New => all_of(&[SearchKey::Recent, SearchKey::Unseen]),
        SearchKey::Old => search_key(&SearchKey::Not(Box::new(SearchKey::Recent))),
        SearchKey::Bcc(text) => header("BCC", text.as_ref()),
        SearchKey::Cc(text) => header("CC", text.as_ref()),
        SearchKey::From(text) => header("FROM", text.as_ref()),
        SearchKey::Subject(text) => header("SUBJECT", text.as_ref()),
        SearchKey::To(text) => header("TO", text.as_ref()),
        SearchKey::Header(name, text) => header(&String::from_utf8_lossy(name.as_ref()), text.as_ref()),
        SearchKey::Body(text) => header("the body", text.as_ref()),
        SearchKey::Text(text) => header("header or body", text.as_ref()),
        SearchKey::SequenceSet(numbers) => set(numbers),
        SearchKey::Uid(uids) => format!("UID {}", set(uids)),
        other => format!("{other:?}"),
    }
}

/// A range from a number to itself is that number.
fn set(set: &SequenceSet) -> String {
    let ranges = set.0.as_ref().iter().map(|range| match range {
        Sequence::Range(from, to) if from == to => format!("{:?}", Sequence::Single(*from)),
        range => format!("{range:?}"),
    });
    ranges.collect::<Vec<_>>().join(",")
}
