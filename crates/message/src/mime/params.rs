//! Values with parameters, `head; name=value; …` (RFC 2045 §5.1, RFC 2183 §2, RFC 2231), read leniently.
//!
//! May use: `words`, `decode`, comments of `header`. Knows no field by name. Linear in the length of the value.

use crate::{
    decode::{decode_charset, hex},
    header::address::comment_length,
    words,
};

/// Most parameters of one field that are kept.
pub(super) const MAX_PARAMS: usize = 64;

/// Parameters that hold file names: senders write them with blanks and without quotes.
const FILE_NAMES: [&[u8]; 2] = [b"name", b"filename"];

pub(crate) type Params = Vec<(Vec<u8>, Vec<u8>)>;

/// The value of the first parameter of this name.
pub(super) fn param<'a>(params: &'a Params, name: &[u8]) -> Option<&'a [u8]> {
    params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
}

/// Splits an unfolded value. Pieces of one parameter are put together (RFC 2231 §3), as §6 asks of IMAP servers.
pub(super) fn parameters(value: &[u8]) -> (Vec<u8>, Params) {
    let (head, mut rest) = piece(value);
    let mut params = Params::new();
    while !rest.is_empty() && params.len() < MAX_PARAMS {
        let (text, after) = piece(rest);
        rest = after;
        params.extend(parameter(text));
    }
    (without_comments(head), joined(params))
}

fn parameter(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let text = skip_comments(text);
    let equals = memchr::memchr(b'=', text)?;
    let name = without_comments(text.get(..equals)?);
    let legal = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    let value = param_value(&name, text.get(equals + 1..)?);
    legal.then_some((name, value))
}

/// Up to the next semicolon outside quotes and comments, and what follows it.
fn piece(value: &[u8]) -> (&[u8], &[u8]) {
    let (mut at, mut quoted) = (0, false);
    while let Some(byte) = value.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'(' if !quoted && may_begin_comment(value, at) => {
                at += comment_length(value.get(at..).unwrap_or_default());
                continue;
            }
            b';' if !quoted => {
                return (value.get(..at).unwrap_or_default(), value.get(at + 1..).unwrap_or_default());
            }
            _ => {}
        }
        at += 1;
    }
    (value, &[])
}

/// Within a word a parenthesis is a part of it, so that `report(1).pdf` stays whole.
fn may_begin_comment(value: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| value.get(before));
    before.is_none_or(|before| b" \t;=/)\"".contains(before))
}

/// What is left behind blanks and comments.
fn skip_comments(mut text: &[u8]) -> &[u8] {
    loop {
        text = text.trim_ascii_start();
        if !text.starts_with(b"(") {
            return text;
        }
        text = text.get(comment_length(text)..).unwrap_or_default();
    }
}

pub(super) fn without_comments(text: &[u8]) -> Vec<u8> {
    let (mut kept, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(byte) = text.get(at) {
        if *byte == b'(' && may_begin_comment(text, at) {
            at += comment_length(text.get(at..).unwrap_or_default());
        } else {
            kept.push(*byte);
            at += 1;
        }
    }
    kept.trim_ascii().to_vec()
}

/// A token, or a quoted string without quotes. A token ends at a blank, but in file names.
fn param_value(name: &[u8], value: &[u8]) -> Vec<u8> {
    let value = skip_comments(value);
    if let Some(quoted) = value.strip_prefix(b"\"") {
        return unquoted(quoted);
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let ends = |pair: &[u8]| blank(&pair[0]) && (pair[1] == b'(' || !is_file_name(name));
    let end = value.windows(2).position(ends).unwrap_or(value.len());
    value.get(..end).unwrap_or_default().trim_ascii().to_vec()
}

fn unquoted(quoted: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = quoted.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => out.extend(bytes.next()),
            b'"' => break,
            _ => out.push(*byte),
        }
    }
    out
}

fn is_file_name(name: &[u8]) -> bool {
    let base = name.split(|byte| *byte == b'*').next().unwrap_or_default();
    FILE_NAMES.iter().any(|file_name| base.eq_ignore_ascii_case(file_name))
}

/// A name cut into its parts: `name*7*` is piece 7 of `name`, with percent signs.
fn numbered(name: &[u8]) -> Option<(&[u8], usize, bool)> {
    let (name, extended) = name.strip_suffix(b"*").map_or((name, false), |name| (name, true));
    let star = name.iter().rposition(|byte| *byte == b'*').filter(|star| *star > 0)?;
    let digits = str::from_utf8(name.get(star + 1..)?).ok()?;
    let plain = digits == "0" || digits.starts_with(|digit| matches!(digit, '1'..='9'));
    let number = digits.parse().ok().filter(|number| plain && *number < MAX_PARAMS)?;
    Some((name.get(..star)?, number, extended))
}

/// Puts pieces together where they begin with number 0, in the place of the first; pieces that belong nowhere stay as they are.
fn joined(params: Params) -> Params {
    if !params.iter().any(|(name, _)| numbered(name).is_some()) {
        return params;
    }
    let mut out = Params::new();
    let mut used = vec![false; params.len()];
    for (at, (name, value)) in params.iter().enumerate() {
        let series = numbered(name).map(|(base, ..)| series(&params, base)).unwrap_or_default();
        if used.get(at) == Some(&true) {
            continue;
        }
        if !series.contains(&at) {
            out.push((name.clone(), value.clone()));
            continue;
        }
        out.push(whole(&params, &series));
        for at in series {
            if let Some(used) = used.get_mut(at) {
                *used = true;
            }
        }
    }
    out
}

/// Where the pieces 0, 1, 2… of a parameter are, as far as they go.
fn series(params: &Params, base: &[u8]) -> Vec<usize> {
    let find = |wanted: usize| {
        params.iter().position(|(name, _)| {
            numbered(name).is_some_and(|(own, number, _)| number == wanted && own.eq_ignore_ascii_case(base))
        })
    };
    (0..MAX_PARAMS).map_while(find).collect()
}

/// The parameter that pieces make: with percent signs all over if one of them has some (RFC 2231 §4.1).
fn whole(params: &Params, series: &[usize]) -> (Vec<u8>, Vec<u8>) {
    let pieces: Vec<(&[u8], bool, &[u8])> = series
        .iter()
        .filter_map(|at| params.get(*at))
        .filter_map(|(name, value)| {
            numbered(name).map(|(base, _, extended)| (base, extended, value.as_slice()))
        })
        .collect();
    let mut name = pieces.first().map(|(base, ..)| base.to_vec()).unwrap_or_default();
    if !pieces.iter().any(|(_, extended, _)| *extended) {
        return (name, pieces.iter().flat_map(|(.., value)| value.iter().copied()).collect());
    }
    name.push(b'*');
    // Charset and language stand before the first piece: if that has none, they are unknown.
    let mut value = if matches!(pieces.first(), Some((_, false, _))) { b"''".to_vec() } else { Vec::new() };
    for (_, extended, text) in pieces {
        match extended {
            true => value.extend_from_slice(text),
            false => text.iter().for_each(|byte| percent_signed(*byte, &mut value)),
        }
    }
    (name, value)
}

/// `attribute-char` of RFC 2231 §7, or a percent sign and two digits.
fn percent_signed(byte: u8, out: &mut Vec<u8>) {
    if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`{|}~".contains(&byte) {
        out.push(byte);
    } else {
        out.extend_from_slice(format!("%{byte:02X}").as_bytes());
    }
}

/// A parameter that may be in RFC 2231 form (charset and percent signs), or in encoded words.
pub(super) fn extended(params: &Params, name: &str) -> Option<String> {
    match param(params, format!("{name}*").as_bytes()) {
        Some(value) => Some(percent(value)),
        None => param(params, name.as_bytes()).map(words::decode),
    }
}

/// `charset'language'text` with percent signs (RFC 2231 §4).
fn percent(value: &[u8]) -> String {
    let mut pieces = value.splitn(3, |byte| *byte == b'\'');
    let (charset, text) = match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(charset), Some(_), Some(text)) => (charset, text),
        _ => (&b"utf-8"[..], value),
    };
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                out.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                rest = after;
            }
            _ => out.push(byte),
        }
    }
    decode_charset(&out, charset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Vec<String> {
        let (head, params) = parameters(value.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        [text(&head)]
            .into_iter()
            .chain(params.iter().map(|(name, value)| format!("{}={}", text(name), text(value))))
            .collect()
    }

    #[test]
    fn comments_stand_anywhere_but_in_words_and_quotes() {
        assert_eq!(of("(a) text (b) / (c) plain (d); (e) x (f) = (g) y (h)"), ["text  /  plain", "x=y"]);
        assert_eq!(of("a/b (; x=y); z=\"(w)\""), ["a/b", "z=(w)"]);
        assert_eq!(of("a/b; x=c(1).pdf; y=z"), ["a/b", "x=c(1).pdf", "y=z"]);
    }

    #[test]
    fn only_file_names_keep_blanks_without_quotes() {
        assert_eq!(of("a/b; charset=utf-8 format=flowed"), ["a/b", "charset=utf-8"]);
        assert_eq!(of("a/b; Name=my file.pdf"), ["a/b", "Name=my file.pdf"]);
    }

    #[test]
    fn pieces_are_put_together() {
        assert_eq!(of("a/b; n*1=c; x=y; N*0=\"b \""), ["a/b", "N=b c", "x=y"]);
        assert_eq!(of("a/b; n*0*=utf-8''%C3; n*1*=%A9; n*2=\"z é\""), ["a/b", "n*=utf-8''%C3%A9z%20%C3%A9"]);
        assert_eq!(of("a/b; n*0=a; n*1*=%C3%A9"), ["a/b", "n*=''a%C3%A9"]);
        assert_eq!(of("a/b; n*0=a; n*2=c; n*0=d"), ["a/b", "n=a", "n*2=c", "n*0=d"]);
        assert_eq!(of("a/b; n*1=a; n*01=b; n*x=c; *0=d"), ["a/b", "n*1=a", "n*01=b", "n*x=c", "*0=d"]);
    }

    #[test]
    fn parameters_are_bounded() {
        assert_eq!(of(&format!("a/b{}", "; x=y".repeat(MAX_PARAMS + 5))).len(), 1 + MAX_PARAMS);
    }

    proptest::proptest! {
        #[test]
        fn no_value_panics(value in "[ab*012=;/ ()\"\\\\%']{0,60}") {
            let (_, params) = parameters(value.as_bytes());
            let _ = extended(&params, "a");
        }
    }
}
