//! The paths of MAIL and RCPT as they were written (RFC 5321 §4.1.2, RFC 6531 §3.3). smtp-proto strips quotes from local parts and
//! gives the same empty text for `<>` and `<postmaster>`: the exact text is read here. Knows nothing of who exists.

use crate::Limits;

/// What stood between `<` and `>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Path {
    /// `<>`
    Null,
    /// `<postmaster>`, in any case (§4.5.1).
    Postmaster,
    /// The text of an addr-spec; a source route before it is gone (§3.6.1: it is to be ignored).
    Mailbox(String),
}

/// Cuts what follows the colon of MAIL FROM: or RCPT TO: into the path without its brackets and what follows. Quoted strings may hold a `>`.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    let inner = text.trim_start_matches(' ').strip_prefix('<')?;
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => {
                let rest = inner.get(at + 1..)?;
                return (rest.is_empty() || rest.starts_with(' ')).then_some((inner.get(..at)?, rest));
            }
            _ => {}
        }
    }
    None
}

impl Path {
    /// Reads the inside of a path; `None` if it is malformed or beyond a limit of §4.5.3.1.
    pub(crate) fn parse(text: &str, limits: &Limits) -> Option<Path> {
        if text.is_empty() {
            return Some(Path::Null);
        }
        if text.len() + 2 > limits.path {
            return None;
        }
        if text.eq_ignore_ascii_case("postmaster") {
            return Some(Path::Postmaster);
        }
        let mailbox = without_route(text)?;
        let (local, domain) = cut(mailbox)?;
        let fits = local_length(local)? <= limits.local_part && domain.len() <= limits.domain;
        (fits && is_domain(domain)).then(|| Path::Mailbox(mailbox.to_owned()))
    }
}

fn without_route(text: &str) -> Option<&str> {
    if !text.starts_with('@') {
        return Some(text);
    }
    let (route, mailbox) = text.split_once(':')?;
    let hops = route.split(',').all(|hop| hop.strip_prefix('@').is_some_and(is_domain));
    hops.then_some(mailbox)
}

/// Local part, quotes included, and domain.
fn cut(mailbox: &str) -> Option<(&str, &str)> {
    if !mailbox.starts_with('"') {
        return mailbox.split_once('@');
    }
    let mut escaped = false;
    for (at, c) in mailbox.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((mailbox.get(..=at)?, mailbox.get(at + 1..)?.strip_prefix('@')?)),
            _ => {}
        }
    }
    None
}

/// Octets of a local part without its quotes and backslashes; `None` if it is malformed.
fn local_length(local: &str) -> Option<usize> {
    let Some(inner) = local.strip_prefix('"') else {
        let atoms = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext));
        return atoms.then_some(local.len());
    };
    let inner = inner.strip_suffix('"')?;
    let mut length = 0;
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let c = if c == '\\' { chars.next().filter(char::is_ascii)? } else { c };
        if c.is_control() {
            return None;
        }
        length += c.len_utf8();
    }
    (length > 0).then_some(length)
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && !c.is_control())
}

fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        let inner = !label.starts_with('-') && !label.ends_with('-');
        let chars = label
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || (!c.is_ascii() && !c.is_control()));
        (1..=63).contains(&label.len()) && inner && chars
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Path> {
        Path::parse(text, &Limits::default())
    }

    fn mailbox(text: &str) -> Option<Path> {
        Some(Path::Mailbox(text.to_owned()))
    }

    #[test]
    fn paths_keep_their_text() {
        for text in [
            "a@b.fr",
            "O'Neil+x@chu-nord.fr",
            "\"a b\"@c.fr",
            "\"a\\\"@>b\"@c.fr",
            "é@santé.fr",
            "\".\"@c.fr",
        ] {
            assert_eq!(parse(text), mailbox(text));
            assert_eq!(split(&format!(" <{text}> SIZE=1")), Some((text, " SIZE=1")));
        }
        assert_eq!(parse("@relay.fr,@x.fr:a@b.fr"), mailbox("a@b.fr"));
    }

    #[test]
    fn null_and_postmaster_are_told_apart() {
        assert_eq!(parse(""), Some(Path::Null));
        assert_eq!(parse("PostMaster"), Some(Path::Postmaster));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for text in [
            "a",
            "a@",
            "@b.fr",
            "a@b@c",
            "a..b@c.fr",
            ".a@c.fr",
            "a b@c.fr",
            "a@b..fr",
            "a@-b.fr",
            "a@b_c.fr",
            "a@[127.0.0.1]",
            "\"a@b.fr",
            "\"a\"b@c.fr",
            "\"\"@c.fr",
            "\"a\\é\"@c.fr",
            "a\u{85}@c.fr",
            "a@b.fr.",
            "@x:a",
            "<a@b.fr",
            "@x;y:a@b.fr",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["<a@b.fr", "a@b.fr", "<a@b.fr>SIZE=1", "<\"a@b.fr>", ""] {
            assert_eq!(split(text), None, "{text}");
        }
    }

    #[test]
    fn lengths_are_those_of_rfc_5321() {
        let local = |n: usize| format!("{}@b.fr", "x".repeat(n));
        assert!(parse(&local(64)).is_some() && parse(&local(65)).is_none());
        assert!(
            parse(&format!("\"{}\\ \"@b.fr", "x".repeat(63))).is_some(),
            "quotes and backslashes do not count"
        );
        let label = "x".repeat(63);
        let long = format!("a@{label}.{label}.{label}.{}", "x".repeat(60));
        assert_eq!(long.len(), 254);
        assert!(
            parse(&long).is_some() && parse(&format!("{long}x")).is_none(),
            "path: 256 with its brackets"
        );
        let limits = Limits { domain: 5, ..Limits::default() };
        assert!(Path::parse("a@bb.fr", &limits).is_some() && Path::parse("a@bbb.fr", &limits).is_none());
    }
}
