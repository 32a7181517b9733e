//! The part of the original that goes back: fields of its header, never a byte of its body (M-7).
//!
//! May use: the header parser. Must never touch: what a field says.

use super::MAX_HEADER;
use crate::Header;

/// What no copy of a message shows its reader: other readers, and the path of another delivery.
const KEPT_BACK: [&str; 2] = ["Bcc", "Return-Path"];

/// Whole fields in order, as many as [`MAX_HEADER`] holds. Lines that are no field may be a body whose header never
/// ended: they stay behind.
pub(super) fn header(original: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, field) in Header::parse(original).whole_fields() {
        let kept_back = KEPT_BACK.iter().any(|kept| name.eq_ignore_ascii_case(kept.as_bytes()));
        if !kept_back && out.len() + field.len() <= MAX_HEADER {
            out.extend_from_slice(field);
        }
    }
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}
