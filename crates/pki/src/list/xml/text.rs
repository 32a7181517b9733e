//! Characters: which may stand in a document, what references stand for, how line ends and attribute values are normalised
//! (XML 1.0 §2.2, §2.11, §3.3.3, §4.1).

use std::borrow::Cow;

use super::Wrong;

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether an octet of `text` is such; by blocks without a way out, which compilers turn into wide instructions.
pub(in crate::list) fn has_octet(text: &str, such: impl Fn(u8) -> bool) -> bool {
    text.as_bytes().chunks(64).any(|block| block.iter().fold(false, |found, octet| found | such(*octet)))
}

/// The first character of `text` that no document may hold.
pub(super) fn forbidden(text: &str) -> Option<char> {
    // the two that are no control start with this octet in UTF-8, and little else does
    let odd = has_octet(text, |octet| (octet < b' ' && !is_space(octet)) || octet == 0xEF);
    odd.then(|| text.chars().find(|character| !is_allowed(*character))).flatten()
}

fn is_allowed(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        _ => character >= ' ',
    }
}

/// Text between tags, without references.
pub(super) fn plain(raw: Cow<'_, str>) -> Result<Cow<'_, str>, Wrong> {
    // the single one is looked for much faster, and is rare
    if raw.contains(']') && raw.contains("]]>") {
        return Err(Wrong::Form("\"]]>\" stands in text"));
    }
    Ok(line_ends(raw))
}

/// CR LF and a lone CR are LF.
pub(super) fn line_ends(raw: Cow<'_, str>) -> Cow<'_, str> {
    if raw.contains('\r') { Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n")) } else { raw }
}

/// What `&reference;` stands for.
pub(super) fn resolved(reference: &str) -> Result<char, Wrong> {
    let number = match reference {
        "amp" => return Ok('&'),
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "apos" => return Ok('\''),
        "quot" => return Ok('"'),
        _ => reference.strip_prefix('#').ok_or(Wrong::Entity)?,
    };
    let bad = Wrong::Form("a reference to no character");
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // from_str_radix takes a sign
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(bad);
    }
    let code = u32::from_str_radix(digits, radix).map_err(|_| bad)?;
    char::from_u32(code).filter(|character| is_allowed(*character)).ok_or(bad)
}

/// An attribute's value as it is meant: literal white space is a space, a line end one space, references stand for
/// themselves. All attributes are of type CDATA where there is no DTD.
pub(super) fn attribute_value(raw: &str) -> Result<Cow<'_, str>, Wrong> {
    if raw.contains('<') {
        return Err(Wrong::Form("\"<\" stands in an attribute's value"));
    }
    if !raw.contains(['\t', '\r', '\n', '&']) {
        return Ok(Cow::Borrowed(raw));
    }
    let raw = line_ends(Cow::Borrowed(raw));
    let mut value = String::with_capacity(raw.len());
    let mut rest = &*raw;
    while let Some(at) = rest.find(['\t', '\n', '&']) {
        let (before, from) = rest.split_at(at);
        value.push_str(before);
        rest = if let Some(reference) = from.strip_prefix('&') {
            let (name, after) = reference.split_once(';').ok_or(Wrong::Form("an open reference"))?;
            value.push(resolved(name)?);
            after
        } else {
            value.push(' ');
            from.get(1..).unwrap_or_default()
        };
    }
    value.push_str(rest);
    Ok(Cow::Owned(value))
}
