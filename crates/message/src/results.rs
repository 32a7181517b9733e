//! The text of an Authentication-Results field (RFC 8601), from plain data, and in whose name one speaks.
//!
//! May use: nothing but its arguments. Must never touch: the judgement that it tells.

/// Most characters of a certificate's name that are told: the line stays within 998 octets (RFC 5322 §2.1.1).
const MAX_NAME: usize = 300;

/// What was verified of a message that another operator handed over.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a> {
    /// The name of this host, in which the field speaks (its authserv-id).
    pub by: &'a str,
    /// The whole name in the operator's certificate. Other characters than printable ASCII become `?`.
    pub certificate: &'a str,
    /// The reverse-path for which the operator may speak; `None` is the null path, with which nothing of From was judged.
    pub mail_from: Option<&'a str>,
    /// The domain of the From field, judged as well.
    pub from: Option<&'a str>,
}

/// The value of the field, folded, without name or final line break: ready for [`Editor::prepend`](crate::Editor::prepend). The method is
/// one of our own (RFC 8601 §2.7.7): no registered one says that an operator of the trust space was recognised.
#[must_use]
pub fn authentication_results(verified: &Verified<'_>) -> String {
    let mut value = format!("{};\r\n\tx-mssante=pass", word(verified.by));
    match verified.mail_from {
        Some(path) => value.push_str(&format!("\r\n\tsmtp.mailfrom={}", word(path))),
        None => value.push_str(" (null reverse-path: From was not judged)"),
    }
    if let Some(domain) = verified.from {
        value.push_str(&format!(" header.from={}", word(domain)));
    }
    value.push_str(&format!("\r\n\tpolicy.certificate=\"{}\"", quoted(verified.certificate)));
    value
}

/// In whose name an Authentication-Results field speaks: its authserv-id, without comments, quotes and a final dot. Takes the unfolded value.
#[must_use]
pub fn results_by(value: &str) -> String {
    let (mut name, mut depth, mut quoted) = (String::new(), 0_usize, false);
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted || depth > 0 => {
                let escaped = chars.next();
                name.extend(escaped.filter(|_| quoted));
            }
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            ';' if !quoted => break,
            // a version may follow, or junk: the name is over
            _ if c.is_whitespace() && !quoted && !name.is_empty() => break,
            _ if c.is_whitespace() && !quoted => {}
            _ => name.push(c),
        }
    }
    name.trim_end_matches('.').to_owned()
}

/// A value that cannot break out of its place.
fn word(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !c.is_whitespace() && !"()<>;,\\\"=".contains(*c)).collect()
}

/// The inside of a quoted string.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(MAX_NAME) {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_who_was_recognised_and_for_whom() {
        let verified = Verified {
            by: "mail.chu-nord.fr",
            certificate: "CN=smtp.sud.fr,O=H\u{f4}pital \"Sud\",C=FR",
            mail_from: Some("a@sud.mssante.fr"),
            from: Some("sud.mssante.fr"),
        };
        let value = authentication_results(&verified);
        assert_eq!(
            value,
            "mail.chu-nord.fr;\r\n\tx-mssante=pass\r\n\tsmtp.mailfrom=a@sud.mssante.fr header.from=sud.mssante.fr\r\n\t\
             policy.certificate=\"CN=smtp.sud.fr,O=H?pital \\\"Sud\\\",C=FR\""
        );
        assert_eq!(results_by(&value), "mail.chu-nord.fr");
        let report = authentication_results(&Verified { mail_from: None, from: None, ..verified });
        assert!(
            report.contains("x-mssante=pass (null reverse-path: From was not judged)\r\n\tpolicy."),
            "{report}"
        );
        let hostile = Verified { mail_from: Some("\"a\r\nX: y\"@b; dkim=pass"), ..verified };
        assert!(authentication_results(&hostile).contains("\r\n\tsmtp.mailfrom=aX:y@bdkimpass header"));
    }

    #[test]
    fn a_name_is_read_however_it_is_written() {
        for (value, name) in [
            (" Mail.CHU-nord.fr; none", "Mail.CHU-nord.fr"),
            (" (a (b) \\) c) mail.fr 1; spf=pass", "mail.fr"),
            ("\"mail.fr\" ; x", "mail.fr"),
            ("\"ma\\il.fr\"(x);", "mail.fr"),
            ("mail.(x)fr.;", "mail.fr"),
            ("mail.fr", "mail.fr"),
            ("mail.fr/1; x", "mail.fr/1"),
            ("", ""),
        ] {
            assert_eq!(results_by(value), name, "{value}");
        }
    }
}
