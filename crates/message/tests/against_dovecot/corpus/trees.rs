//! Trees of parts made at random from one seed, whole and then damaged: what a hand would not think of.

use fastrand::Rng;

use super::{Case, case};

/// How many trees there are.
const TREES: usize = 160;

/// Deepest tree: what Dovecot and we both take.
const DEPTH: usize = 6;

/// Boundaries, none of which begins with another: those are tried by hand.
const BOUNDARIES: &[&str] = &["b", "cd", "=_x", "a b", "e'()+_,-./:=?", "0", "f--", "----=_Part", "g", "h"];

const LEAF_HEADERS: &[&str] = &[
    "",
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
    "Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n",
    "Content-Type: application/pdf; name=\"a b.pdf\"\r\nContent-Disposition: attachment; filename=\"a b.pdf\"\r\n",
    "Content-Type: image/png\r\nContent-ID: <i@x>\r\nContent-Transfer-Encoding: base64\r\n",
    "Content-Type: text/x-odd; a=b; c=\"d;e\"\r\nContent-Language: fr, en\r\n",
];

const LINES: &[&str] =
    &["", "text", "été", "--", "-", "--x", " --a", "Subject: not a field", ".", "=", "QUJD"];

type Damage = fn(&mut Rng, String) -> String;

/// What happens to a message that was whole: each kind of damage, and none.
const DAMAGES: &[(&str, Damage)] = &[
    ("whole", |_, text| text),
    ("without its last delimiters", |_, text| {
        without_lines(&text, |line| line.starts_with("--") && line.ends_with("--"))
    }),
    ("cut", |random, text| text.chars().take(random.usize(..text.len())).collect()),
    ("without a line", |random, text| {
        let gone = random.usize(..text.lines().count());
        let mut number = 0;
        without_lines(&text, |_| {
            number += 1;
            number > gone && number - 1 == gone
        })
    }),
    ("without blank lines", |random, text| {
        without_lines(&text, |line| line.is_empty() && random.u8(..4) == 0)
    }),
    ("with a line twice", |random, text| {
        let again = random.usize(..text.lines().count());
        text.lines()
            .enumerate()
            .map(|(n, line)| format!("{line}\r\n").repeat(1 + usize::from(n == again)))
            .collect()
    }),
    ("with blanks at line ends", |random, text| {
        text.lines()
            .map(|line| {
                format!(
                    "{line}{}\r\n",
                    if line.is_empty() { "" } else { random.choice(["", "", " ", "\t"]).unwrap() }
                )
            })
            .collect()
    }),
];

pub(super) fn cases() -> Vec<Case> {
    let mut random = Rng::with_seed(20_261_121);
    (0..TREES)
        .map(|number| {
            let mut text = String::from("From: a@x.fr\r\nSubject: tree\r\nMIME-Version: 1.0\r\n");
            entity(&mut random, 0, &mut text);
            let (damage, damaged) = DAMAGES[number % DAMAGES.len()];
            let text = damaged(&mut random, text);
            case(format!("tree {number}, {damage}"), text)
        })
        .collect()
}

fn without_lines(text: &str, mut gone: impl FnMut(&str) -> bool) -> String {
    text.lines().filter(|line| !gone(line)).map(|line| format!("{line}\r\n")).collect()
}

/// The rest of a header, its blank line, and what it describes.
fn entity(random: &mut Rng, depth: usize, out: &mut String) {
    match random.u8(..6) {
        0..=2 if depth < DEPTH => multipart(random, depth, out),
        3 if depth < DEPTH => {
            out.push_str("Content-Type: message/rfc822\r\n\r\n");
            out.push_str(
                random
                    .choice([
                        "",
                        "Subject: inner\r\nFrom: Anne <a@x.fr>\r\nMIME-Version: 1.0\r\n",
                        "MIME-Version: 1.0\r\n",
                    ])
                    .unwrap(),
            );
            entity(random, depth + 1, out);
        }
        _ => {
            out.push_str(random.choice(LEAF_HEADERS).unwrap());
            out.push_str("\r\n");
            lines(random, out);
        }
    }
}

fn multipart(random: &mut Rng, depth: usize, out: &mut String) {
    let boundary = random.choice(BOUNDARIES).unwrap();
    let subtype = random.choice(["mixed", "mixed", "alternative", "digest", "related"]).unwrap();
    out.push_str(&format!("Content-Type: multipart/{subtype}; boundary=\"{boundary}\"\r\n\r\n"));
    if random.bool() {
        lines(random, out);
    }
    for _ in 0..random.usize(..4) {
        out.push_str(&format!("--{boundary}\r\n"));
        entity(random, depth + 1, out);
        out.push_str(random.choice(["\r\n", "\r\n", ""]).unwrap());
    }
    out.push_str(&format!("--{boundary}--\r\n"));
    if random.bool() {
        lines(random, out);
    }
}

fn lines(random: &mut Rng, out: &mut String) {
    for _ in 0..random.usize(..5) {
        out.push_str(random.choice(LINES).unwrap());
        out.push_str("\r\n");
    }
}
