//! Two answers side by side, item by item (RFC 3501 §7.4.2): each difference with the place where it is.
//! May use `value`. Judges nothing but case, where names have none (RFC 2045 §5.1 and §6.1, RFC 2183 §2).

use crate::value::Value;

/// The items of both answers.
pub(crate) struct Answer {
    pub(crate) size: Value,
    pub(crate) envelope: Value,
    pub(crate) body: Value,
    pub(crate) bodystructure: Value,
}

/// One place where the two are not the same.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    /// Part numbers, empty for the message.
    pub(crate) path: String,
    /// What differs there: a field of the envelope, or an item of the structure.
    pub(crate) what: &'static str,
    pub(crate) ours: Value,
    pub(crate) theirs: Value,
}

const ENVELOPE: [&str; 10] =
    ["Date", "Subject", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-ID"];

/// All differences.
pub(crate) fn compare(ours: &Answer, theirs: &Answer) -> Vec<Difference> {
    let mut found = Found::default();
    found.leaf("", "RFC822.SIZE", &ours.size, &theirs.size);
    found.envelope("", &ours.envelope, &theirs.envelope);
    found.part("", &ours.bodystructure, &theirs.bodystructure);
    // BODY is BODYSTRUCTURE without its extensions, so it differs in the same places and is told if only it does.
    if found.differences.is_empty() {
        found.part("", &ours.body, &theirs.body);
    }
    found.differences
}

/// Whether two structures are made of the same parts, each of the same kind and as empty as the other.
pub(crate) fn same_parts(ours: &Value, theirs: &Value) -> bool {
    let mut found = Found::default();
    found.part("", ours, theirs);
    let is_empty = |value: &Value| *value == Value::number(0);
    !found.differences.iter().any(|difference| match difference.what {
        "kind" | "number of parts" => true,
        "octets" => is_empty(&difference.ours) || is_empty(&difference.theirs),
        _ => false,
    })
}

#[derive(Default)]
struct Found {
    differences: Vec<Difference>,
}

impl Found {
    fn add(&mut self, path: &str, what: &'static str, ours: &Value, theirs: &Value) {
        let (ours, theirs) = (ours.clone(), theirs.clone());
        self.differences.push(Difference { path: path.to_owned(), what, ours, theirs });
    }

    fn leaf(&mut self, path: &str, what: &'static str, ours: &Value, theirs: &Value) {
        if ours != theirs {
            self.add(path, what, ours, theirs);
        }
    }

    /// A name without case.
    fn name(&mut self, path: &str, what: &'static str, ours: &Value, theirs: &Value) {
        if ours.lower() != theirs.lower() {
            self.add(path, what, ours, theirs);
        }
    }

    fn envelope(&mut self, path: &str, ours: &Value, theirs: &Value) {
        let (ours, theirs) = (ours.entries(), theirs.entries());
        assert_eq!((ours.len(), theirs.len()), (ENVELOPE.len(), ENVELOPE.len()));
        for (what, (ours, theirs)) in ENVELOPE.into_iter().zip(ours.iter().zip(theirs)) {
            self.leaf(path, what, ours, theirs);
        }
    }

    fn part(&mut self, path: &str, ours: &Value, theirs: &Value) {
        let kind = |part: &Value| match part.entries() {
            [Value::List(_), ..] => "multipart",
            [kind, subtype, ..] if kind.is("message") && subtype.is("rfc822") => "message",
            [kind, ..] if kind.is("text") => "text",
            _ => "other",
        };
        match (kind(ours), kind(theirs)) {
            ("multipart", "multipart") => self.multipart(path, ours.entries(), theirs.entries()),
            ("message", "message") => self.message(path, ours.entries(), theirs.entries()),
            ("text", "text") => self.single(path, ours.entries(), theirs.entries(), &["lines"]),
            ("other", "other") => self.single(path, ours.entries(), theirs.entries(), &[]),
            _ => self.add(path, "kind", ours, theirs),
        }
    }

    fn multipart(&mut self, path: &str, ours: &[Value], theirs: &[Value]) {
        let parts =
            |entries: &[Value]| entries.iter().take_while(|entry| matches!(entry, Value::List(_))).count();
        let (ours, our_rest) = ours.split_at(parts(ours));
        let (theirs, their_rest) = theirs.split_at(parts(theirs));
        if ours.len() != theirs.len() {
            return self.add(
                path,
                "number of parts",
                &Value::List(ours.to_vec()),
                &Value::List(theirs.to_vec()),
            );
        }
        for (number, (ours, theirs)) in (1..).zip(ours.iter().zip(theirs)) {
            let path = if path.is_empty() { format!("{number}") } else { format!("{path}.{number}") };
            self.part(&path, ours, theirs);
        }
        self.items(path, &["subtype", "parameters"], our_rest, their_rest);
    }

    fn message(&mut self, path: &str, ours: &[Value], theirs: &[Value]) {
        // The envelope and the structure of the message within stand behind seven items.
        let inner = |entries: &[Value]| (entries[7].clone(), entries[8].clone());
        let ((our_envelope, our_body), (their_envelope, their_body)) = (inner(ours), inner(theirs));
        self.envelope(&format!("{path}>"), &our_envelope, &their_envelope);
        self.part(&format!("{path}>"), &our_body, &their_body);
        let outer = |entries: &[Value]| [&entries[..7], &entries[9..]].concat();
        self.single(path, &outer(ours), &outer(theirs), &["message lines"]);
    }

    fn single(&mut self, path: &str, ours: &[Value], theirs: &[Value], more: &[&'static str]) {
        let octets = if more == ["message lines"] { "message octets" } else { "octets" };
        let mut names = vec!["type", "subtype", "parameters", "id", "description", "encoding", octets];
        names.extend(more);
        names.push("md5");
        self.items(path, &names, ours, theirs);
    }

    /// Items by their names, and the extensions that both kinds of parts end with.
    fn items(&mut self, path: &str, names: &[&'static str], ours: &[Value], theirs: &[Value]) {
        assert_eq!(ours.len(), theirs.len(), "{path}");
        let names = names.iter().copied().chain(["disposition", "language", "location"]);
        for (what, (ours, theirs)) in names.zip(ours.iter().zip(theirs)) {
            match what {
                "type" | "subtype" | "encoding" => self.name(path, what, ours, theirs),
                "language" => self.name(path, what, &languages(ours), &languages(theirs)),
                "parameters" => self.leaf(path, what, &parameters(ours), &parameters(theirs)),
                "disposition" => self.leaf(path, what, &disposition(ours), &disposition(theirs)),
                _ => self.leaf(path, what, ours, theirs),
            }
        }
    }
}

/// Parameters with their names in lower case, sorted: their order means nothing (RFC 2045 §5.1).
fn parameters(value: &Value) -> Value {
    let Value::List(entries) = value else { return value.clone() };
    let mut pairs: Vec<[Value; 2]> =
        entries.chunks_exact(2).map(|pair| [pair[0].lower(), pair[1].clone()]).collect();
    pairs.sort();
    Value::List(pairs.into_iter().flatten().collect())
}

/// One language may stand alone or in a list (`body-fld-lang` of RFC 3501 §9).
fn languages(value: &Value) -> Value {
    match value {
        Value::List(entries) if entries.len() == 1 => entries[0].clone(),
        value => value.clone(),
    }
}

fn disposition(value: &Value) -> Value {
    match value.entries() {
        [kind, params] => Value::List(vec![kind.lower(), parameters(params)]),
        _ => value.clone(),
    }
}
