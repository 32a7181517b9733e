//! PEM text (RFC 7468), both ways, for what this crate writes itself.

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub(crate) const CERTIFICATE: &str = "CERTIFICATE";
pub(crate) const PRIVATE_KEY: &str = "PRIVATE KEY";

const LINE: usize = 64;

pub(crate) fn encode(der: &[u8], label: &str) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    lines(der, LINE, "\n", &mut text);
    text + "-----END " + label + "-----\n"
}

/// Base64 in lines of `length`, each ended by `end`.
pub(crate) fn lines(bytes: &[u8], length: usize, end: &str, text: &mut String) {
    let mut rest = STANDARD.encode(bytes);
    while !rest.is_empty() {
        let next = rest.split_off(rest.len().min(length));
        text.push_str(&rest);
        text.push_str(end);
        rest = next;
    }
}

/// The first block with `label`.
pub(crate) fn decode(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (inner, _) = rest.split_once(&format!("-----END {label}-----"))?;
    STANDARD.decode(inner.split_ascii_whitespace().collect::<String>()).ok()
}
