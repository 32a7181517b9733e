//! The commands MAIL and RCPT as they go on the wire, and what keeps a message from being offered at all: a size, bytes or an
//! address that the peer does not take. Nothing is converted to fit (M-6).

use super::{Extensions, Outgoing, Recipient};
use crate::{Body, Limits, Reply, dsn::to_xtext, path::Path};

/// Longest ENVID, encoded (RFC 3461 §4.4); a longer one is left out.
const ENVID: usize = 100;

/// Longest ORCPT, encoded (RFC 3461 §4.2); a longer one is left out.
const ORCPT: usize = 500;

/// What is known of a content before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) size: u64,
    pub(super) body: Body,
}

/// The MAIL command, or why this peer cannot take the message.
pub(super) fn mail<R>(
    envelope: &Outgoing<R>,
    measure: Measure,
    offered: &Extensions,
) -> Result<String, Reply> {
    let Measure { size, body } = measure;
    if let Some(limit) = offered.size_limit.filter(|&limit| size > limit) {
        return Err(too_large(size, limit));
    }
    match body {
        Body::EightBit if !offered.eight_bit => return Err(eight_bit_needed()),
        Body::Binary if !(offered.chunking && offered.binary_mime) => return Err(binary_needed()),
        _ => {}
    }
    if envelope.require_tls && !offered.require_tls {
        return Err(require_tls_needed());
    }
    if envelope.smtputf8 && !offered.smtputf8 {
        return Err(utf8_needed());
    }
    let from = envelope.from.as_deref().unwrap_or_default();
    if !from.is_empty() {
        check(from, envelope.smtputf8, "5.1.7")?;
    }
    let mut line = format!("MAIL FROM:<{from}>");
    if offered.size {
        line.push_str(&format!(" SIZE={size}"));
    }
    match body {
        Body::SevenBit => {}
        Body::EightBit => line.push_str(" BODY=8BITMIME"),
        Body::Binary => line.push_str(" BODY=BINARYMIME"),
    }
    if envelope.smtputf8 {
        line.push_str(" SMTPUTF8");
    }
    if envelope.require_tls {
        line.push_str(" REQUIRETLS");
    }
    if offered.dsn {
        if let Some(ret) = envelope.ret {
            line.push_str(&format!(" RET={ret}"));
        }
        if let Some(envid) = envelope.envid.as_deref().map(to_xtext).filter(|id| fits(id, ENVID)) {
            line.push_str(&format!(" ENVID={envid}"));
        }
    }
    line.push_str("\r\n");
    Ok(line)
}

/// The RCPT command, or why this recipient cannot be named to this peer.
pub(super) fn rcpt<R: AsRef<str>>(
    recipient: &Recipient<R>,
    smtputf8: bool,
    offered: &Extensions,
) -> Result<String, Reply> {
    let to = recipient.to.as_ref();
    check(to, smtputf8, "5.1.3")?;
    let mut line = format!("RCPT TO:<{to}>");
    if offered.dsn {
        if let Some(notify) = recipient.notify {
            line.push_str(&format!(" NOTIFY={notify}"));
        }
        if let Some(original) = recipient.original.as_deref().and_then(orcpt) {
            line.push_str(&format!(" ORCPT={original}"));
        }
    }
    line.push_str("\r\n");
    Ok(line)
}

/// `type;address` with its address as xtext.
fn orcpt(original: &str) -> Option<String> {
    let (kind, address) = original.split_once(';')?;
    let atom = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    Some(format!("{kind};{}", to_xtext(address))).filter(|text| atom && fits(text, ORCPT))
}

fn fits(text: &str, limit: usize) -> bool {
    (1..=limit).contains(&text.len())
}

/// An address that is well-formed, so that nothing in it ends the command, and in ASCII unless SMTPUTF8 is said.
fn check(address: &str, smtputf8: bool, status: &'static str) -> Result<(), Reply> {
    if !matches!(Path::parse(address, &Limits::default()), Some(Path::Mailbox(read)) if read == address) {
        return Err(Reply::new(
            553,
            status,
            [
                "an address of this message is malformed and was not sent",
                "une adresse de ce message est mal formee",
            ],
        ));
    }
    if address.is_ascii() || smtputf8 { Ok(()) } else { Err(utf8_needed()) }
}

fn too_large(size: u64, limit: u64) -> Reply {
    Reply::new(
        552,
        "5.3.4",
        [
            format!(
                "the message has {size} bytes and the recipient's operator takes {limit}: send less at once"
            ),
            format!(
                "le message fait {size} octets et l'operateur du destinataire en accepte {limit} : envoyez-en moins"
            ),
        ],
    )
}

fn eight_bit_needed() -> Reply {
    Reply::new(
        554,
        "5.6.3",
        [
            "the message has 8-bit content, which the recipient's operator does not take: send it as base64",
            "le message contient des octets de 8 bits que l'operateur du destinataire n'accepte pas : utilisez base64",
        ],
    )
}

fn binary_needed() -> Reply {
    Reply::new(
        554,
        "5.6.3",
        [
            "the message has binary parts, which the recipient's operator does not take: send them as base64",
            "le message contient des parties binaires que l'operateur du destinataire n'accepte pas : utilisez base64",
        ],
    )
}

/// RFC 8689 §4.2.2.
fn require_tls_needed() -> Reply {
    Reply::new(
        550,
        "5.7.30",
        [
            "the sender requires REQUIRETLS of every server, which the recipient's operator does not promise: send without it",
            "l'expediteur exige REQUIRETLS de chaque serveur, ce que l'operateur du destinataire ne promet pas : envoyez sans cette exigence",
        ],
    )
}

fn utf8_needed() -> Reply {
    Reply::new(
        553,
        "5.6.7",
        [
            "the message has addresses or header fields in UTF-8, which the recipient's operator does not take",
            "le message a des adresses ou des champs en UTF-8 que l'operateur du destinataire n'accepte pas",
        ],
    )
}

#[cfg(test)]
mod tests;
