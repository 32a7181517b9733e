//! Classes of differences in address fields. Dovecot fills what is missing with words of its own (`MISSING_MAILBOX`…) and stops at
//! the first fault of a field.

use crate::{compare::Difference, corpus::Case, value::Value};

use super::Class;

const FIELDS: [&str; 6] = ["From", "Sender", "Reply-To", "To", "Cc", "Bcc"];

/// What Dovecot writes where it found nothing.
const MARKERS: [&str; 4] = ["MISSING_MAILBOX", "MISSING_DOMAIN", "SYNTAX_ERROR", "INVALID_ROUTE"];

pub(super) const CLASSES: &[Class] = &[
    Class {
        why: "RFC 3501 §7.4.2: NIL for mailbox or host would mean a group, so what is missing is empty. Dovecot fills in words.",
        covers: |difference, _| is_field(difference) && unmarked(&difference.theirs) == difference.ours,
    },
    Class {
        why: "RFC 5322 §4.4 (obs-addr-list): nothing between commas is no address. Dovecot tells one for it.",
        covers: |difference, _| is_field(difference) && without_nobody(&difference.theirs) == difference.ours,
    },
    Class {
        why: "RFC 5322 §3.4 keeps the old habit of a name in a comment beside the address; it may stand before it or after the \
              brackets. Dovecot only takes one after a bare address.",
        covers: |difference, case| {
            is_field(difference)
                && ["(Anne) a@b.fr", "<a@b.fr> (Anne)"].iter().any(|form| is_form(case, form))
                && nameless(&difference.ours) == nameless(&difference.theirs)
        },
    },
    Class {
        why: "RFC 5322 §4.4 (obs-local-part): words with blanks and quotes between their dots are one local part. Dovecot drops them.",
        covers: |difference, case| {
            let forms = ["a . b @ c . fr", "\"a\".b@c.fr", "a.\"b\"@c.fr", "\"a\" . \"b\" @ c.fr"];
            is_field(difference) && forms.iter().any(|form| is_form(case, form))
        },
    },
    Class {
        why: "RFC 2047 §5 (3) forbids commas and comments in the word of a phrase; senders write them nevertheless, and the word is \
              only whole with them. Dovecot cuts there.",
        covers: |difference, case| {
            let forms = ["=?utf-8?Q?Petit,_Zo?= <z@b.fr>", "=?utf-8?Q?a(b)?= <a@b.fr>"];
            is_field(difference) && forms.iter().any(|form| is_form(case, form))
        },
    },
    Class {
        why: "RFC 5322 §3.4: a name without an address is nobody. It stays in sight where an address would be, as a single word does; \
              Dovecot tells it as the name of nobody.",
        covers: |difference, case| {
            is_field(difference) && ["Anne Petit", "\"Anne Petit\""].iter().any(|form| is_form(case, form))
        },
    },
    Class {
        why: "RFC 3501 §7.4.2: where Sender or Reply-To is empty it is what From is. Dovecot does so unless there is a comma.",
        covers: |difference, case| difference.what == "Reply-To" && case.name.ends_with("Reply-To: ,\""),
    },
    Class {
        why: "RFC 5322 §3.4 has no such form, so nothing says what it means. We go on at the next comma, so that nobody who was \
              written to is left out; Dovecot drops the rest of the field.",
        covers: |difference, case| is_field(difference) && WRONG.iter().any(|form| is_form(case, form)),
    },
];

/// Forms with a fault.
const WRONG: &[&str] = &[
    "\"open <a@b.fr>",
    ";",
    "<@b.fr>",
    "<a@>",
    "<a@b.fr>c@d.fr",
    "<a@b@c.fr>",
    "<mailto:a@b.fr>",
    "Anne <<a@b.fr>>",
    "Anne <a b@c.fr>",
    "Anne <a@b.fr",
    "Anne <a@b.fr, c@d.fr",
    "Anne <a@b.fr> <c@d.fr>",
    "Anne <a@b.fr> Petit",
    "Anne <a@b.fr> c@d.fr",
    "Anne <a@b.fr>; Zoe <c@d.fr>",
    "Anne <a@b.fr>>",
    "Anne [x] <a@b.fr>",
    "Anne a@b.fr>",
    "Anne) <a@b.fr>",
    "Anne\\ Petit <a@b.fr>",
    "Equipe: A: a@b.fr;;",
    "Equipe: a@b.fr; c@d.fr",
    "[a@b.fr]",
    "\\\"Anne\\\" <a@b.fr>",
    "a b@c.fr",
    "a@.b.fr",
    "a@[open",
    "a@b c.fr",
    "a@b..fr",
    "a@b.fr (open",
    "a@b.fr <c@d.fr>",
    "a@b.fr c@d.fr",
    "a@b.fr.",
    "a@b.fr; c@d.fr",
    "a@b@c.fr",
    "a@b]c.fr",
];

fn is_field(difference: &Difference) -> bool {
    FIELDS.contains(&difference.what)
}

fn is_form(case: &Case, form: &str) -> bool {
    case.name.strip_prefix("address ") == Some(form)
}

fn unmarked(value: &Value) -> Value {
    match value {
        Value::List(entries) => Value::List(entries.iter().map(unmarked).collect()),
        marker if MARKERS.iter().any(|word| marker.is(word)) => Value::Text(Vec::new()),
        other => other.clone(),
    }
}

/// Without the addresses that have neither mailbox nor host.
fn without_nobody(addresses: &Value) -> Value {
    let is_somebody = |address: &&Value| !matches!(address.entries(), [_, _, mailbox, host] if mailbox.is(MARKERS[0]) && host.is(MARKERS[1]));
    let left: Vec<Value> = addresses.entries().iter().filter(is_somebody).cloned().collect();
    if left.is_empty() { Value::Nil } else { Value::List(left) }
}

fn nameless(addresses: &Value) -> Vec<&[Value]> {
    addresses.entries().iter().map(|address| &address.entries()[1..]).collect()
}
