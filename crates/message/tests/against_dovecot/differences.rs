//! Where we differ from Dovecot 2.3 on purpose: each class names the RFC that allows it. What no class covers fails, and so does
//! a class that covers nothing any more.
//! May use `compare` and the names of the corpus.

use crate::{
    compare::{Answer, Difference, compare},
    corpus::Case,
    value::Value,
};

mod addresses;

/// A class of differences.
struct Class {
    /// What the RFC says.
    why: &'static str,
    covers: fn(&Difference, &Case) -> bool,
}

const CLASSES: &[Class] = &[
    Class {
        why: "RFC 2045 §5.2 gives text/plain its charset when a part says nothing of itself; of a part that names its type it asks \
              no such thing, and RFC 2046 §4.1.2 has no default for text other than plain. Dovecot adds us-ascii to every text.",
        covers: |difference, _| {
            difference.what == "parameters" && without_charset(&difference.theirs) == difference.ours
        },
    },
    Class {
        why: "RFC 5322 §2.1 delimits a line by CRLF, and the last one of a part is delimited by the CRLF that RFC 2046 §5.1.1 gives \
              to the delimiter: it is a line, as is one that the end of the message delimits. Dovecot counts line breaks.",
        covers: |difference, _| {
            matches!(difference.what, "lines" | "message lines") && gap(difference) == Some(-1)
        },
    },
    Class {
        why: "RFC 2046 §5.1.1: the CRLF before a delimiter belongs to it, even where an embedded message ends with it, within or \
              just behind its header. Dovecot counts it to the message.",
        covers: |difference, _| match difference.what {
            "message octets" => gap(difference) == Some(2),
            "message lines" => gap(difference) == Some(1),
            _ => false,
        },
    },
    Class {
        why: "RFC 3501 §9: a multipart has at least one body (1*body), RFC 2046 §5.1.1 at least one part. What claims to be one and \
              opens none is shown as the text that it is; Dovecot makes a part of nothing, so that nobody sees the text.",
        covers: |difference, _| {
            difference.what == "kind" && is_plain(&difference.ours) && is_hollow(&difference.theirs)
        },
    },
    Class {
        why: "RFC 2045 §5.2: a Content-Type with wrong syntax is as good as none, text/plain in us-ascii. Dovecot tells what it could \
              read, be it empty.",
        covers: |difference, _| match difference.what {
            "kind" => is_plain(&difference.ours) && names_no_type(&difference.theirs),
            "subtype" => difference.ours.is("plain") && difference.theirs.is(""),
            _ => false,
        },
    },
    Class {
        why: "RFC 2046 §5.2.1 forbids an encoding on message/rfc822: what is encoded is no message that could be read. Dovecot reads \
              the encoded text as one.",
        covers: |difference, case| {
            difference.what == "kind"
                && case.name.starts_with("an embedded message in")
                && difference.ours.entries().first().is_some_and(|kind| kind.is("application"))
        },
    },
    Class {
        why: "RFC 2046 §5.1.1: a delimiter line is the boundary and transport padding (blanks), nothing else; an exact match is not \
              demanded of readers, but a boundary that begins with another is then mistaken for it. Dovecot matches the beginning.",
        covers: |difference, case| {
            matches!(difference.what, "kind" | "number of parts")
                && case.name.starts_with("text behind delimiters")
        },
    },
    Class {
        why: "RFC 2046 §5.1.1: a boundary does not end with a blank; one that seems to had it added on the way. Dovecot waits for it.",
        covers: |difference, case| {
            difference.what == "number of parts"
                && case.name.starts_with("a boundary with a blank at its end")
        },
    },
    Class {
        why: "RFC 2231 §4 allows a charset on any parameter, so the boundary may have one. Dovecot takes the multipart for one \
              without boundary.",
        covers: |difference, case| {
            matches!(difference.what, "octets" | "lines")
                && case.name.starts_with("a boundary in RFC 2231 form")
        },
    },
    Class {
        why: "RFC 2231 §3 numbers pieces 0, 1, 2… without gaps, zeros before or doubles. What goes together is put together, the rest \
              stays; Dovecot then leaves all of it, and reads 01 as 1.",
        covers: |difference, case| {
            difference.what == "parameters"
                && ["name*01=a", "name*0=a; name*0=b", "name*0=a; name*2=c"].iter().any(|end| ends(case, end))
        },
    },
    Class {
        why: "RFC 2045 §5.1 wants quotes around values with blanks and specials; without them we take what the sender meant, up to a \
              blank, and all of a file name. Dovecot stops at the first special, drops what follows, and gives a parameter no name.",
        covers: |difference, case| match difference.what {
            "parameters" | "disposition" => UNQUOTED.iter().any(|end| ends(case, end)),
            "number of parts" => case.name.starts_with("a boundary without quotes that needs them"),
            _ => false,
        },
    },
    Class {
        why: "RFC 2183 §2.8: an unknown disposition is an attachment; so is one without a name that has a file name, and one in quotes \
              is the one it names. An empty field is no disposition (RFC 3501 §9, body-fld-dsp). Dovecot gives it an empty name.",
        covers: |difference, case| {
            let forms =
                ["Disposition: ", "Disposition: ; filename=a.pdf", "\\\"attachment\\\"; filename=a.pdf"];
            difference.what == "disposition" && forms.iter().any(|end| ends(case, end))
        },
    },
    Class {
        why: "RFC 2045 §6.1: an encoding is one word. Of what is written around it nothing is told; Dovecot takes such a part for one \
              without encoding, so that clients show base64 as text.",
        covers: |difference, case| {
            let forms = ["\\\"base64\\\"", "base64 x", "base64;", "base64; x=y", "quoted-printable, base64"];
            difference.what == "encoding" && forms.iter().any(|end| ends(case, end))
        },
    },
    Class {
        why: "RFC 3282 §2: a language is a word without quotes; those around it are dropped. Dovecot drops the language.",
        covers: |difference, case| difference.what == "language" && ends(case, "\\\"fr\\\""),
    },
    Class {
        why: "RFC 5322 §3.6: these fields occur once. Of several we tell the first, as in all that we decide by them (S-3.4); \
              Dovecot tells the last.",
        covers: |difference, case| {
            let single = ["Date", "Subject", "In-Reply-To", "Message-ID", "disposition"];
            single.contains(&difference.what) && says_twice(case, difference.what)
        },
    },
    Class {
        why: "RFC 5322 §3.2.2 and §3.6.4: blanks around a value are no part of it; RFC 3501 §7.4.2 leaves open whether an empty \
              description is told as such. Dovecot keeps blanks at the end, and in a folded description those of the fold.",
        covers: |difference, _| {
            let fields = ["In-Reply-To", "Message-ID", "id", "description", "md5", "location"];
            fields.contains(&difference.what) && trimmed(&difference.theirs) == difference.ours
        },
    },
    Class {
        why: "RFC 5322 §2.2.3: unfolding takes line breaks away and nothing else. Dovecot makes one blank of any run of them, and of a \
              CR alone, which no field may hold (§2.2).",
        covers: |difference, _| {
            matches!(difference.what, "Subject" | "description")
                && without_blanks(&difference.ours) == without_blanks(&difference.theirs)
        },
    },
    Class {
        why: "RFC 2045 §4: what lacks MIME-Version need not be read as MIME, but may be, and receivers do. Dovecot does so only if it \
              has a Content-Type.",
        covers: |difference, case| {
            !contains(&case.raw, b"MIME-Version")
                && (difference.theirs == Value::Nil || difference.theirs.is("7bit"))
        },
    },
    Class {
        why: "RFC 3501 §2.3.4 and §7.4.2 count bytes as FETCH gives them: we give a line end as it came. Dovecot makes CRLF of LF.",
        covers: |difference, case| {
            let bare = case.raw.windows(2).filter(|pair| pair[1] == b'\n' && pair[0] != b'\r').count();
            matches!(difference.what, "octets" | "message octets" | "RFC822.SIZE")
                && gap(difference).is_some_and(|gap| 0 < gap && gap <= i64::try_from(bare).unwrap() + 2)
        },
    },
];

/// Ends of the names of cases whose values lack quotes.
const UNQUOTED: &[&str] = &[
    "; ; charset=utf-8",
    "; =utf-8",
    "; charset=\\\"utf-8",
    "; x=<a@b>",
    "; x=[a]",
    "; x=a(1).pdf",
    "; x=a/b",
    "; x=a=b",
    "; x=a b c",
    "name=my file.pdf",
    "filename=a b.pdf",
    "name==?utf-8?Q?=C3=A9t=C3=A9.pdf?=",
    "; charset=utf-8 (c)",
];

/// Gathers what no class covers.
pub(crate) struct Judge {
    used: Vec<bool>,
    failures: Vec<String>,
}

impl Judge {
    pub(crate) fn new() -> Self {
        Self { used: vec![false; CLASSES.len() + addresses::CLASSES.len()], failures: Vec::new() }
    }

    pub(crate) fn compare(&mut self, case: &Case, ours: &Answer, theirs: &Answer) {
        for difference in compare(ours, theirs) {
            let mut classes = CLASSES.iter().chain(addresses::CLASSES);
            match classes.position(|class| (class.covers)(&difference, case)) {
                Some(class) => self.used[class] = true,
                None => self.failures.push(told(case, &difference)),
            }
        }
    }

    /// Fails with all that is not listed.
    pub(crate) fn verdict(self) {
        let idle = CLASSES.iter().chain(addresses::CLASSES).zip(&self.used).filter(|(_, used)| !**used);
        let idle: Vec<&str> = idle.map(|(class, _)| class.why).collect();
        assert!(
            self.failures.is_empty(),
            "{} unlisted differences:\n{}",
            self.failures.len(),
            self.failures.join("\n")
        );
        assert!(idle.is_empty(), "classes that cover nothing: {idle:#?}");
    }
}

fn told(case: &Case, difference: &Difference) -> String {
    let short = |value: &Value| format!("{value:?}").chars().take(500).collect::<String>();
    let Difference { path, what, ours, theirs } = difference;
    format!("{} [{path}] {what}\n  ours   {}\n  theirs {}", case.name, short(ours), short(theirs))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn ends(case: &Case, with: &str) -> bool {
    case.name.strip_suffix('"').is_some_and(|name| name.ends_with(with))
}

/// Theirs less ours.
fn gap(difference: &Difference) -> Option<i64> {
    let number = |value: &Value| match value {
        Value::Word(word) => word.parse::<i64>().ok(),
        _ => None,
    };
    Some(number(&difference.theirs)? - number(&difference.ours)?)
}

fn without_charset(params: &Value) -> Value {
    let mut left: Vec<Value> = Vec::new();
    for pair in params.entries().chunks(2) {
        if !(pair[0].is("charset") && pair[1].is("us-ascii")) {
            left.extend_from_slice(pair);
        }
    }
    if left.is_empty() { Value::Nil } else { Value::List(left) }
}

fn is_plain(part: &Value) -> bool {
    matches!(part.entries(), [kind, subtype, ..] if kind.is("text") && subtype.is("plain"))
}

/// A multipart whose only part is empty.
fn is_hollow(part: &Value) -> bool {
    match part.entries() {
        [inner, Value::Text(_), ..] => is_plain(inner) && inner.entries()[6] == Value::number(0),
        _ => false,
    }
}

fn names_no_type(part: &Value) -> bool {
    match part.entries() {
        [kind, subtype, ..] => kind.is("") || subtype.is("") || subtype.is("octet-stream"),
        _ => false,
    }
}

fn says_twice(case: &Case, field: &str) -> bool {
    let raw = String::from_utf8_lossy(&case.raw).to_lowercase();
    raw.matches(&format!("{}:", field.to_lowercase())).count() > 1
}

/// Without blanks around it; an empty text is none.
fn trimmed(value: &Value) -> Value {
    match value {
        Value::Text(text) if text.trim_ascii().is_empty() => Value::Nil,
        Value::Text(text) => Value::Text(text.trim_ascii().to_vec()),
        other => other.clone(),
    }
}

fn without_blanks(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Text(text) => Some(text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()),
        _ => None,
    }
}
