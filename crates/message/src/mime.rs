//! What the Content-* fields of one header say (RFC 2045, 2183, 2231, 3282, 2557), read leniently.
//!
//! May use: `header`, `words`, `decode`. Knows nothing of boundaries or of IMAP.

use crate::{
    decode::{Encoding, decode_charset, hex},
    header::Header,
    words,
};

/// Most parameters of one field that are kept.
const MAX_PARAMS: usize = 64;
/// Longest boundary that is obeyed, in bytes; the RFC allows 70.
pub(crate) const MAX_BOUNDARY: usize = 200;

pub(crate) type Params = Vec<(Vec<u8>, Vec<u8>)>;

/// The MIME fields of a part, in the bytes that the sender wrote.
#[derive(Debug, Clone)]
pub(crate) struct MimeInfo {
    pub(crate) kind: Vec<u8>,
    pub(crate) subtype: Vec<u8>,
    pub(crate) params: Params,
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) description: Option<Vec<u8>>,
    pub(crate) encoding: Option<Vec<u8>>,
    pub(crate) md5: Option<Vec<u8>>,
    pub(crate) disposition: Option<(Vec<u8>, Params)>,
    pub(crate) language: Vec<Vec<u8>>,
    pub(crate) location: Option<Vec<u8>>,
}

impl Default for MimeInfo {
    /// Plain ASCII text, what a part is that says nothing (RFC 2045 §5.2).
    fn default() -> Self {
        let params = vec![(b"charset".to_vec(), b"us-ascii".to_vec())];
        Self { params, ..Self::of_type(b"text", b"plain") }
    }
}

impl MimeInfo {
    /// Reads the fields; `in_digest` makes a part that names no type a message (RFC 2046 §5.1.5).
    pub(crate) fn parse(header: &Header, in_digest: bool) -> Self {
        let text = |name| header.values(name).next().map(words::unfold).filter(|text| !text.is_empty());
        let (head, params) = text("Content-Type").map(|value| parameters(&value)).unwrap_or_default();
        let typed = match split_type(&head) {
            Some((kind, subtype)) => Self { params, ..Self::of_type(kind, subtype) },
            None if in_digest && head.is_empty() => Self::of_type(b"message", b"rfc822"),
            None => Self::default(),
        };
        let language = text("Content-Language").unwrap_or_default();
        let language =
            language.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|tag| !tag.is_empty());
        Self {
            id: text("Content-ID"),
            description: text("Content-Description"),
            encoding: text("Content-Transfer-Encoding").map(|value| parameters(&value).0),
            md5: text("Content-MD5"),
            disposition: text("Content-Disposition")
                .map(|value| parameters(&value))
                .filter(|(kind, _)| !kind.is_empty()),
            language: language.take(MAX_PARAMS).map(<[u8]>::to_vec).collect(),
            location: text("Content-Location"),
            ..typed
        }
    }

    fn of_type(kind: &[u8], subtype: &[u8]) -> Self {
        Self {
            kind: kind.to_vec(),
            subtype: subtype.to_vec(),
            params: Vec::new(),
            id: None,
            description: None,
            encoding: None,
            md5: None,
            disposition: None,
            language: Vec::new(),
            location: None,
        }
    }

    /// A part of which nothing is known.
    pub(crate) fn opaque() -> Self {
        Self::of_type(b"application", b"octet-stream")
    }

    /// The same fields, under a type that promises nothing.
    pub(crate) fn into_opaque_type(self) -> Self {
        let opaque = Self::opaque();
        Self { kind: opaque.kind, subtype: opaque.subtype, ..self }
    }

    /// The same fields, as plain text: a multipart that holds no part.
    pub(crate) fn into_text(self) -> Self {
        let text = Self::default();
        Self { kind: text.kind, subtype: text.subtype, params: text.params, ..self }
    }

    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        let of = |params: &Params| params.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let texts = [&self.id, &self.description, &self.encoding, &self.md5, &self.location];
        self.kind.len()
            + self.subtype.len()
            + of(&self.params)
            + texts.into_iter().flatten().map(Vec::len).sum::<usize>()
            + self.disposition.as_ref().map_or(0, |(kind, params)| kind.len() + of(params))
            + self.language.iter().map(Vec::len).sum::<usize>()
    }

    pub(crate) fn is(&self, kind: &str, subtype: &str) -> bool {
        self.is_kind(kind) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    pub(crate) fn is_kind(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
    }

    pub(crate) fn transfer_encoding(&self) -> Encoding {
        self.encoding.as_deref().map(Encoding::parse).unwrap_or_default()
    }

    pub(crate) fn charset(&self) -> String {
        param(&self.params, b"charset")
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .unwrap_or_default()
    }

    /// The boundary of a multipart, if it has a usable one.
    pub(crate) fn boundary(&self) -> Option<&[u8]> {
        let boundary = param(&self.params, b"boundary")?.trim_ascii_end();
        (1..=MAX_BOUNDARY).contains(&boundary.len()).then_some(boundary)
    }

    /// The file name, decoded: of the disposition, else of the type.
    pub(crate) fn file_name(&self) -> Option<String> {
        let disposition = self.disposition.as_ref().and_then(|(_, params)| extended(params, "filename"));
        disposition.or_else(|| extended(&self.params, "name"))
    }

    /// Whether S-3.6 counts this leaf: all but a text body that is shown inline and has no file name.
    pub(crate) fn is_attachment(&self) -> bool {
        let body = self.is("text", "plain") || self.is("text", "html");
        let attached =
            self.disposition.as_ref().is_some_and(|(kind, _)| kind.eq_ignore_ascii_case(b"attachment"));
        !body || attached || self.file_name().is_some()
    }
}

fn split_type(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = memchr::memchr(b'/', head)?;
    let kind = head.get(..slash)?.trim_ascii();
    let subtype = head.get(slash + 1..)?.trim_ascii();
    let token = |text: &[u8]| {
        !text.is_empty()
            && text.iter().all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(byte))
    };
    (token(kind) && token(subtype)).then_some((kind, subtype))
}

fn param<'a>(params: &'a Params, name: &[u8]) -> Option<&'a [u8]> {
    params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
}

/// Splits an unfolded value `head; name=value; …`.
fn parameters(value: &[u8]) -> (Vec<u8>, Params) {
    let (head, mut rest) = piece(value);
    let mut params = Params::new();
    while !rest.is_empty() && params.len() < MAX_PARAMS {
        let (text, after) = piece(rest);
        rest = after;
        if let Some(equals) = memchr::memchr(b'=', text) {
            let name = text.get(..equals).unwrap_or_default().trim_ascii();
            let value = text.get(equals + 1..).unwrap_or_default();
            if !name.is_empty() && name.iter().all(u8::is_ascii_graphic) {
                params.push((name.to_vec(), param_value(value)));
            }
        }
    }
    (without_comment(head).to_vec(), params)
}

/// Up to the next semicolon outside quotes, and what follows it.
fn piece(value: &[u8]) -> (&[u8], &[u8]) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in value.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => {
                return (value.get(..at).unwrap_or_default(), value.get(at + 1..).unwrap_or_default());
            }
            _ => {}
        }
    }
    (value, &[])
}

/// A token, or a quoted string without quotes. Unquoted blanks are wrong, but senders write such file names.
fn param_value(value: &[u8]) -> Vec<u8> {
    let value = value.trim_ascii();
    let Some(quoted) = value.strip_prefix(b"\"") else { return without_comment(value).to_vec() };
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

/// A comment can only follow a blank here, so that `report(1).pdf` stays whole.
fn without_comment(text: &[u8]) -> &[u8] {
    let end = text.windows(2).position(|pair| matches!(pair, [b' ' | b'\t', b'(']));
    text.get(..end.unwrap_or(text.len())).unwrap_or(text).trim_ascii()
}

/// A parameter that may be in RFC 2231 form (charset, percent signs, numbered pieces), or in encoded words.
fn extended(params: &Params, name: &str) -> Option<String> {
    if let Some(value) = param(params, format!("{name}*").as_bytes()) {
        return Some(percent(value));
    }
    let (mut joined, mut is_extended) = (Vec::new(), false);
    for number in 0..MAX_PARAMS {
        if let Some(value) = param(params, format!("{name}*{number}*").as_bytes()) {
            is_extended = true;
            joined.extend_from_slice(value);
        } else if let Some(value) = param(params, format!("{name}*{number}").as_bytes()) {
            joined.extend_from_slice(value);
        } else {
            break;
        }
    }
    match joined.is_empty() {
        false if is_extended => Some(percent(&joined)),
        false => Some(words::decode(&joined)),
        true => param(params, name.as_bytes()).map(words::decode),
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

    fn info(header: &str) -> MimeInfo {
        MimeInfo::parse(&Header::parse(header.as_bytes()), false)
    }

    #[test]
    fn types_and_parameters() {
        let plain = info("Content-type: text/plain; charset=us-ascii (Plain text); x=\"a;\\\"b\"");
        assert!(plain.is("TEXT", "plain"));
        assert_eq!(plain.charset(), "us-ascii");
        assert_eq!(param(&plain.params, b"X"), Some(&b"a;\"b"[..]));
        assert!(info("Content-Type: nonsense").is("text", "plain"));
        assert!(info("Content-Type: multi part/x").is("text", "plain"));
        let digest = MimeInfo::parse(&Header::parse(b""), true);
        assert!(digest.is("message", "rfc822"));
        assert_eq!(info("Content-Transfer-Encoding: Base64 (x)").transfer_encoding(), Encoding::Base64);
        assert_eq!(info("Content-Language: fr, en").language, [b"fr", b"en"]);
    }

    #[test]
    fn file_names() {
        let name = |field: &str| info(field).file_name();
        assert_eq!(name("Content-Disposition: attachment; filename=my file (1).pdf").unwrap(), "my file");
        assert_eq!(name("Content-Disposition: attachment; filename*=utf-8''%C3%A9.zip").unwrap(), "é.zip");
        assert_eq!(
            name("Content-Disposition: x; filename*0=\"IHE_\"; filename*1=XDM.zip").unwrap(),
            "IHE_XDM.zip"
        );
        assert_eq!(name("Content-Disposition: x; filename*0*=iso-8859-1''%E9; filename*1=a").unwrap(), "éa");
        assert_eq!(name("Content-Type: a/b; name=\"=?utf-8?Q?IHE=5FXDM.zip?=\"").unwrap(), "IHE_XDM.zip");
        assert_eq!(name("Content-Type: a/b"), None);
    }

    #[test]
    fn what_counts_as_attachment() {
        assert!(!info("Content-Type: text/html").is_attachment());
        assert!(!info("Content-Type: text/html\nContent-Disposition: inline").is_attachment());
        assert!(info("Content-Type: text/html; name=a.html").is_attachment());
        assert!(info("Content-Disposition: attachment").is_attachment());
        assert!(info("Content-Type: text/calendar").is_attachment());
        assert!(info("Content-Type: image/png\nContent-Disposition: inline").is_attachment());
    }

    #[test]
    fn boundaries_have_a_length() {
        assert_eq!(info("Content-Type: multipart/mixed; boundary=\"a b \"").boundary(), Some(&b"a b"[..]));
        assert_eq!(info("Content-Type: multipart/mixed; boundary=\"\"").boundary(), None);
        let long = format!("Content-Type: multipart/mixed; boundary={}", "x".repeat(MAX_BOUNDARY + 1));
        assert_eq!(info(&long).boundary(), None);
    }

    #[test]
    fn parameters_are_bounded() {
        let many = format!("Content-Type: a/b{}", "; x=y".repeat(MAX_PARAMS + 5));
        assert_eq!(info(&many).params.len(), MAX_PARAMS);
    }
}
