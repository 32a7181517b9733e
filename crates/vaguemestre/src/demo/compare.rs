//! What must not change between submission and reading, compared octet by octet.
//!
//! The body must be the same octets; so must every header field, in order, but for the trace fields that are put on top
//! and for the sender's address where it must be seen under its MSSanté one (S-3.5). Pure.

/// Fields that a delivery puts on top of the message (RFC 5321 §4.4).
const TRACE_FIELDS: [&str; 2] = ["return-path", "received"];

/// Fields in which the sender appears under the address that the recipient may answer to (S-3.5).
const SENDER_FIELDS: [&str; 4] = ["from", "sender", "reply-to", "disposition-notification-to"];

/// What was compared.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compared {
    /// Header fields that are the same octets.
    pub(super) same_fields: usize,
    /// Header fields in which only the sender's address changed, as it must.
    pub(super) rewritten_fields: usize,
    /// Trace fields put on top.
    pub(super) added_fields: usize,
    /// Octets of the body, all the same.
    pub(super) body: usize,
}

/// Compares what was `sent` by the address `from` with what was `received` as from `seen_as`.
///
/// # Errors
/// The first difference that must not be, in words.
pub(super) fn compare(sent: &[u8], received: &[u8], from: &str, seen_as: &str) -> Result<Compared, String> {
    let (sent_header, sent_body) = split(sent).ok_or("the message sent has no blank line")?;
    let (header, body) = split(received).ok_or("the message received has no blank line")?;
    let added =
        fields(header).iter().take_while(|field| TRACE_FIELDS.contains(&name(field).as_str())).count();
    let (sent_fields, fields) = (fields(sent_header), fields(header));
    let kept = fields.get(added..).unwrap_or_default();
    if sent_fields.len() != kept.len() {
        return Err(format!("{} header fields were sent, {} received", sent_fields.len(), kept.len()));
    }
    let mut compared =
        Compared { same_fields: 0, rewritten_fields: 0, added_fields: added, body: body.len() };
    for (sent, received) in sent_fields.iter().zip(kept) {
        let name = name(sent);
        if sent == received && !(SENDER_FIELDS.contains(&name.as_str()) && contains(sent, from)) {
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
        compare(SENT.as_bytes(), received.as_bytes(), "a@x.fr", "a@x.mssante.fr")
    }

    #[test]
    fn only_trace_fields_and_the_senders_address_may_differ() {
        assert_eq!(
            check(SEEN),
            Ok(Compared { same_fields: 1, rewritten_fields: 1, added_fields: 2, body: 11 })
        );
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
