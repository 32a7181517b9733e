//! The text of a Received field (RFC 5321 §4.4), from plain data.
//!
//! May use: nothing but its arguments. Must never touch: the clock; the instant is given.

use std::net::IpAddr;

use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter, tz::TimeZone};

/// Most characters of a certificate's name that are shown: the line stays within 998 octets (RFC 5322 §2.1.1).
const MAX_COMMENT: usize = 300;

/// What a Received field says (RFC 5321 §4.4).
#[derive(Debug, Clone)]
pub struct Received<'a> {
    /// Name that the client gave in EHLO; not trusted, what cannot stand in a field is dropped.
    pub helo: &'a str,
    /// Address of the client, if it is to be disclosed.
    pub peer: Option<IpAddr>,
    /// Whole name in the client's certificate, if it was judged good. Other characters than printable ASCII become `?`.
    pub certificate: Option<&'a str>,
    /// Name of this host.
    pub by: &'a str,
    /// Protocol (RFC 3848), such as `ESMTPSA`.
    pub with: &'a str,
    /// Identifier of the message here.
    pub id: &'a str,
    /// The one recipient, if naming it discloses nobody to others.
    pub recipient: Option<&'a str>,
    /// Instant of reception.
    pub at: Timestamp,
}

/// The value of a Received field, folded, without name or final line break: ready for
/// [`Editor::prepend`](crate::Editor::prepend).
pub fn received(facts: &Received<'_>) -> String {
    let mut value = format!("from {}", word(facts.helo));
    match facts.peer {
        Some(IpAddr::V4(peer)) => value.push_str(&format!(" ([{peer}])")),
        Some(IpAddr::V6(peer)) => value.push_str(&format!(" ([IPv6:{peer}])")),
        None => {}
    }
    if let Some(name) = facts.certificate {
        value.push_str(&format!("\r\n\t(certificate {})", comment(name)));
    }
    value.push_str(&format!("\r\n\tby {} with {} id {}", word(facts.by), word(facts.with), word(facts.id)));
    if let Some(recipient) = facts.recipient {
        let recipient: String = recipient.chars().filter(|c| !c.is_control() && !"<>".contains(*c)).collect();
        value.push_str(&format!("\r\n\tfor <{recipient}>"));
    }
    // The printer fails only on years that it cannot write in four digits; the field is then still legal text.
    let date = DateTimePrinter::new().zoned_to_string(&facts.at.to_zoned(TimeZone::UTC)).unwrap_or_default();
    value.push_str(&format!(";\r\n\t{date}"));
    value
}

/// A word that cannot break out of its place: anything but visible ASCII without delimiters is dropped.
fn word(text: &str) -> String {
    let kept: String =
        text.chars().filter(|c| c.is_ascii_graphic() && !"()<>;,\\\"".contains(*c)).take(255).collect();
    if kept.is_empty() { "unknown".to_owned() } else { kept }
}

/// Text that can stand in a comment (RFC 5322 §3.2.2), at most [`MAX_COMMENT`] characters of it.
fn comment(text: &str) -> String {
    let mut kept = String::new();
    for c in text.chars().take(MAX_COMMENT) {
        match c {
            '(' | ')' | '\\' => kept.extend(['\\', c]),
            ' '..='~' => kept.push(c),
            _ => kept.push('?'),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>(helo: &'a str, recipient: Option<&'a str>) -> Received<'a> {
        Received {
            helo,
            peer: Some("192.0.2.7".parse().unwrap()),
            certificate: None,
            by: "smtp.nord.example",
            with: "ESMTPSA",
            id: "01ABC",
            recipient,
            at: Timestamp::from_second(1_767_225_600).unwrap(),
        }
    }

    #[test]
    fn says_who_by_when() {
        assert_eq!(
            received(&facts("[10.0.0.1]", Some("a@b.example"))),
            "from [10.0.0.1] ([192.0.2.7])\r\n\tby smtp.nord.example with ESMTPSA id 01ABC\r\n\t\
             for <a@b.example>;\r\n\tThu, 1 Jan 2026 00:00:00 +0000"
        );
    }

    #[test]
    fn a_certificate_is_named_in_a_comment_that_nothing_leaves() {
        let named = |name: &'static str| received(&Received { certificate: Some(name), ..facts("x", None) });
        let value = named("CN=a\\,OU=(b),O=H\u{f4}pital\r\nSubject: y");
        let comment = r"(certificate CN=a\\,OU=\(b\),O=H?pital??Subject: y)";
        assert!(value.starts_with(&format!("from x ([192.0.2.7])\r\n\t{comment}\r\n\tby ")), "{value}");
        let long = "(".repeat(2 * MAX_COMMENT).leak();
        assert!(named(long).split("\r\n").all(|line| line.len() < 998));
    }

    #[test]
    fn a_hostile_name_stays_in_its_place() {
        let value = received(&facts("x\r\nSubject: y (", None));
        assert!(value.starts_with("from xSubject:y ([192.0.2.7])\r\n\tby "));
        assert!(received(&facts("é", None)).starts_with("from unknown "));
    }
}
