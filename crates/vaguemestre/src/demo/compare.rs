//! What must not change between submission and reading, compared octet by octet.
//!
//! The body must be the same octets; so must every header field, in order, but for the trace fields that are put on top,
//! for the sender's address where it must be seen under its MSSanté one (S-3.5), and for the tag, which does not leave its
//! operator (S-3.4). Pure.

/// Fields that a delivery puts on top of the message (RFC 5321 §4.4, RFC 8601 §5).
const TRACE_FIELDS: [&str; 3] = ["return-path", "authentication-results", "received"];

/// Fields in which the sender appears under the address that the recipient may answer to (S-3.5).
const SENDER_FIELDS: [&str; 4] = ["from", "sender", "reply-to", "disposition-notification-to"];

/// What was compared.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compared {
    /// Header fields that are the same octets.
    pub(super) same_fields: usize,
    /// Header fields in which only the sender's address changed, as it must.
    pub(super) rewritten_fields: usize,
    /// Subjects that lost their tag and nothing else.
    pub(super) untagged_fields: usize,
    /// Trace fields put on top.
    pub(super) added_fields: usize,
    /// Octets of the body, all the same.
    pub(super) body: usize,
}

/// What the recipient must see otherwise than it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// The sender's address, as sent.
    pub(super) from: &'static str,
    /// The address under which it must be seen.
    pub(super) seen_as: &'static str,
    /// Whether the message went to another operator: its tag stayed here.
    pub(super) relayed: bool,
}

/// Compares what was `sent` with what was `received`.
///
/// # Errors
/// The first difference that must not be, or that must be and is not, in words.
pub(super) fn compare(sent: &[u8], received: &[u8], seen: Seen) -> Result<Compared, String> {
    let Seen { from, seen_as, relayed } = seen;
    let (sent_header, sent_body) = split(sent).ok_or("the message sent has no blank line")?;
    let (header, body) = split(received).ok_or("the message received has no blank line")?;
    let added =
        fields(header).iter().take_while(|field| TRACE_FIELDS.contains(&name(field).as_str())).count();
    let (sent_fields, fields) = (fields(sent_header), fields(header));
    let kept = fields.get(added..).unwrap_or_default();
    if sent_fields.len() != kept.len() {
        return Err(format!("{} header fields were sent, {} received", sent_fields.len(), kept.len()));
    }
    let mut compared = Compared {
        same_fields: 0,
        rewritten_fields: 0,
        untagged_fields: 0,
        added_fields: added,
        body: body.len(),
    };
    for (sent, received) in sent_fields.iter().zip(kept) {
        let name = name(sent);
        if relayed && name == "subject" {
            if !lost_its_tag(sent, received) {
                return Err("the subject is not what was sent without its tag".to_owned());
            }
            compared.untagged_fields += 1;
        } else if sent == received && !(SENDER_FIELDS.contains(&name.as_str()) && contains(sent, from)) {
            compared.same_fields += 1;
        } else if SENDER_FIELDS.contains(&name.as_str()) && replaced(sent, from, seen_as) == *received {
            compared.rewritten_fields += 1;
        } else {
            return Err(format!("the header field {name} changed"));
        }
    }
    match sent_body.iter().zip(body).position(|(sent, received)| sent != received) {
        Some(offset) => Err(format!("the body differs from octet {offset} on")),
        None if sent_body.len() != body.len() => {
            Err(format!("{} octets of body were sent, {} received", sent_body.len(), body.len()))
        }
        None => Ok(compared),
    }
}

fn split(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((message.get(..end + 2)?, message.get(end + 4..)?))
}

/// The fields with their folded lines, unchanged.
fn fields(header: &[u8]) -> Vec<Vec<u8>> {
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for line in header.split_inclusive(|octet| *octet == b'\n') {
        match fields.last_mut() {
            Some(field) if line.starts_with(b" ") || line.starts_with(b"\t") => field.extend_from_slice(line),
            _ => fields.push(line.to_vec()),
        }
    }
    fields
}

fn name(field: &[u8]) -> String {
    let name = field.split(|octet| *octet == b':').next().unwrap_or_default();
    String::from_utf8_lossy(name).trim().to_ascii_lowercase()
}

/// Whether `received` reads as `sent` without the tag at its start.
fn lost_its_tag(sent: &[u8], received: &[u8]) -> bool {
    let decoded = |field: &[u8]| message::Header::parse(&[field, b"\r\n"].concat()).subject();
    match (decoded(sent), decoded(received)) {
        (Some(sent), Some(received)) => sent.strip_prefix("#med# ") == Some(received.as_ref()),
        _ => false,
    }
}

fn contains(field: &[u8], text: &str) -> bool {
    field.windows(text.len()).any(|window| window == text.as_bytes())
}

fn replaced(field: &[u8], from: &str, to: &str) -> Vec<u8> {
    let Some(at) = field.windows(from.len()).position(|window| window == from.as_bytes()) else {
        return field.to_vec();
    };
    let (before, rest) = field.split_at(at);
    let after = rest.get(from.len()..).unwrap_or_default();
    [before, to.as_bytes(), after].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str =
        "From: Un <a@x.fr>\r\nSubject: =?utf-8?q?#med#_?=\r\n =?utf-8?q?x?=\r\n\r\nBody\r\nend\r\n";
    const SEEN: &str = "Return-Path: <a@x.mssante.fr>\r\nReceived: from y\r\n\tby z\r\nFrom: Un <a@x.mssante.fr>\r\n\
                        Subject: =?utf-8?q?#med#_?=\r\n =?utf-8?q?x?=\r\n\r\nBody\r\nend\r\n";

    fn check(received: &str) -> Result<Compared, String> {
        let seen = Seen { from: "a@x.fr", seen_as: "a@x.mssante.fr", relayed: false };
        compare(SENT.as_bytes(), received.as_bytes(), seen)
    }

    #[test]
    fn only_trace_fields_and_the_senders_address_may_differ() {
        let expected =
            Compared { same_fields: 1, rewritten_fields: 1, untagged_fields: 0, added_fields: 2, body: 11 };
        assert_eq!(check(SEEN), Ok(expected));
    }

    #[test]
    fn at_another_operator_the_subject_has_no_tag_and_is_the_same_else() {
        let seen = Seen { from: "a@x.fr", seen_as: "a@x.mssante.fr", relayed: true };
        let relayed = |subject: &str| {
            let received = SEEN.replace("=?utf-8?q?#med#_?=\r\n =?utf-8?q?x?=", subject);
            compare(SENT.as_bytes(), received.as_bytes(), seen)
        };
        assert_eq!(relayed("=?utf-8?q?x?=").unwrap().untagged_fields, 1);
        for wrong in ["#med# x", "=?utf-8?q?y?=", "=?utf-8?q?#med#_?=\r\n =?utf-8?q?x?="] {
            assert!(relayed(wrong).unwrap_err().contains("without its tag"), "{wrong}");
        }
    }

    #[test]
    fn each_other_change_is_found() {
        for (from, to, what) in [
            ("Body", "body", "the body differs from octet 0"),
            ("end\r\n", "end\r\n\r\n", "octets of body"),
            ("_?=\r\n =?utf-8?q?x", "_x", "header field subject changed"),
            ("Subject:", "X-Added: y\r\nSubject:", "header fields were sent"),
            ("From: Un <a@x.mssante.fr>", "From: Un <a@x.fr>", "header field from changed"),
        ] {
            let error = check(&SEEN.replace(from, to)).unwrap_err();
            assert!(error.contains(what), "{what}: {error}");
        }
    }
}
