//! Modified UTF-7, the form of mailbox names on the wire (RFC 3501 §5.1.3).
//! May use plain values only. Decoding is strict where two spellings could name one mailbox.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use thiserror::Error;

/// The alphabet with `,` for `/`, no padding, no stray bits.
const MODIFIED: GeneralPurpose = GeneralPurpose::new(
    &alphabet::IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Why bytes are not a name in modified UTF-7; the text is for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Mutf7Error {
    /// 8-bit bytes that are not UTF-8.
    #[error("the mailbox name is neither modified UTF-7 nor UTF-8")]
    NotUtf8,
    /// `&` without the `-` that ends it.
    #[error("the mailbox name is not modified UTF-7: an ampersand is written &-")]
    Unterminated,
    /// What stands between `&` and `-` is not base64 of UTF-16.
    #[error("the mailbox name is not modified UTF-7: bad base64 or UTF-16 after the ampersand")]
    BadShift,
    /// Printable ASCII was written in base64: a second spelling of the same name.
    #[error("the mailbox name is not modified UTF-7: printable ASCII must not be in base64")]
    NotShortest,
    /// Two shifts stand side by side: a second spelling, too.
    #[error("the mailbox name is not modified UTF-7: two shifts side by side must be one")]
    NullShift,
}

/// Writes a name in modified UTF-7.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut shifted: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            end_shift(&mut shifted, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            shifted.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    end_shift(&mut shifted, &mut out);
    out
}

fn end_shift(shifted: &mut Vec<u8>, out: &mut String) {
    if shifted.is_empty() {
        return;
    }
    out.push('&');
    out.push_str(&MODIFIED.encode(&*shifted));
    out.push('-');
    shifted.clear();
}

/// Reads a name. Raw UTF-8 outside the shifts stands for itself: clients that know RFC 6855 send it without having
/// enabled anything.
pub fn decode(bytes: &[u8]) -> Result<String, Mutf7Error> {
    let mut rest = std::str::from_utf8(bytes).map_err(|_| Mutf7Error::NotUtf8)?;
    let mut out = String::with_capacity(rest.len());
    let mut shifted = false;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (shift, next) = after.split_once('-').ok_or(Mutf7Error::Unterminated)?;
        match shift {
            "" => out.push('&'),
            // RFC 3501 §5.1.3 permits no null shift, which `-&` is.
            _ if shifted && before.is_empty() => return Err(Mutf7Error::NullShift),
            shift => unshift(shift, &mut out)?,
        }
        shifted = !shift.is_empty();
        rest = next;
    }
    out.push_str(rest);
    Ok(out)
}

fn unshift(shift: &str, out: &mut String) -> Result<(), Mutf7Error> {
    let bytes = MODIFIED.decode(shift).map_err(|_| Mutf7Error::BadShift)?;
    if bytes.len() % 2 != 0 {
        return Err(Mutf7Error::BadShift);
    }
    let units =
        bytes.chunks_exact(2).map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte)));
    for c in char::decode_utf16(units) {
        match c.map_err(|_| Mutf7Error::BadShift)? {
            ' '..='~' => return Err(Mutf7Error::NotShortest),
            c => out.push(c),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn writes_and_reads_names_of_real_boxes() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("Envoyés", "Envoy&AOk-s"),
            ("Éléments supprimés", "&AMk-l&AOk-ments supprim&AOk-s"),
            ("R&D", "R&-D"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("🩺", "&2D7eeg-"),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire.as_bytes()).as_deref(), Ok(name));
        }
    }

    #[test]
    fn raw_utf8_stands_for_itself() {
        assert_eq!(decode("Envoyés".as_bytes()).as_deref(), Ok("Envoyés"));
    }

    #[test]
    fn refuses_second_spellings_and_broken_shifts() {
        assert_eq!(decode(b"&AGE-"), Err(Mutf7Error::NotShortest));
        assert_eq!(decode(b"&U,BTFw-&2D7eeg-"), Err(Mutf7Error::NullShift));
        assert_eq!(decode(b"&U,BTFw-&-&2D7eeg-").as_deref(), Ok("台北&🩺"));
        assert_eq!(decode(b"R&D"), Err(Mutf7Error::Unterminated));
        assert_eq!(decode(b"&AO-"), Err(Mutf7Error::BadShift));
        assert_eq!(decode(b"&AOl-"), Err(Mutf7Error::BadShift));
        assert_eq!(decode(b"&2D4-"), Err(Mutf7Error::BadShift));
        assert_eq!(decode(b"Envoy\xe9s"), Err(Mutf7Error::NotUtf8));
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(name in any::<String>()) {
            let wire = encode(&name);
            prop_assert!(wire.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert_eq!(decode(wire.as_bytes()), Ok(name));
        }

        #[test]
        fn what_is_decoded_has_one_spelling(wire in "((&[A-Za-z0-9+,]{0,11}-)|[a&]){0,4}") {
            if let Ok(name) = decode(wire.as_bytes()) {
                prop_assert_eq!(encode(&name), wire);
            }
        }
    }
}
