//! What the Content-* fields of one header say (RFC 2045, 2183, 2231, 3282, 2557), read leniently.
//!
//! May use: `header`, `words`, `decode`. Knows nothing of boundaries or of IMAP.

use crate::{decode::Encoding, header::Header, words};

mod params;

pub(crate) use params::Params;
use params::{MAX_PARAMS, extended, param, parameters, without_comments};

/// Longest boundary that is obeyed, in bytes; the RFC allows 70.
pub(crate) const MAX_BOUNDARY: usize = 200;

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
        let language = text("Content-Language").map(|value| without_comments(&value)).unwrap_or_default();
        let tags = language.split(|byte| *byte == b',').map(|tag| first_token(tag.trim_ascii()));
        Self {
            id: text("Content-ID"),
            description: text("Content-Description"),
            encoding: text("Content-Transfer-Encoding").map(|value| first_token(&parameters(&value).0)),
            md5: text("Content-MD5"),
            disposition: text("Content-Disposition").and_then(|value| disposition(&value)),
            language: tags.filter(|tag| !tag.is_empty()).take(MAX_PARAMS).collect(),
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
    pub(crate) fn boundary(&self) -> Option<Vec<u8>> {
        let plain = param(&self.params, b"boundary").map(<[u8]>::to_vec);
        let mut boundary = plain.or_else(|| extended(&self.params, "boundary").map(String::into_bytes))?;
        boundary.truncate(boundary.trim_ascii_end().len());
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

/// A disposition of no name that can be read is an attachment, as unknown ones are (RFC 2183 §2.8).
fn disposition(value: &[u8]) -> Option<(Vec<u8>, Params)> {
    let (head, params) = parameters(value);
    let kind = first_token(&head);
    match (kind.is_empty(), params.is_empty()) {
        (false, _) => Some((kind, params)),
        (true, false) => Some((b"attachment".to_vec(), params)),
        (true, true) => None,
    }
}

/// The token that a value begins with, in quotes or not; nothing if it begins otherwise.
fn first_token(value: &[u8]) -> Vec<u8> {
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    value.iter().copied().take_while(|byte| is_token_byte(*byte)).collect()
}

/// RFC 2045 §5.1, and 8-bit bytes: what senders write is told as it is.
fn is_token_byte(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f && !b"()<>@,;:\\\"/[]?=".contains(&byte)
}

fn split_type(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = memchr::memchr(b'/', head)?;
    let kind = head.get(..slash)?.trim_ascii();
    let subtype = head.get(slash + 1..)?.trim_ascii();
    let token =
        |text: &[u8]| !text.is_empty() && text.iter().all(|byte| byte.is_ascii() && is_token_byte(*byte));
    (token(kind) && token(subtype)).then_some((kind, subtype))
}

/// The parameters of the first field of this name, decoded from the forms of RFC 2231 (charset, percent signs, numbered pieces):
/// what a search compares beside the text of the field. Never fails.
pub fn decoded_parameters(header: &Header, name: &str) -> Vec<String> {
    let Some(value) = header.values(name).next().map(words::unfold) else { return Vec::new() };
    let (_, params) = parameters(&value);
    let text = |key: &[u8]| {
        let base = key.split(|byte| *byte == b'*').next().unwrap_or_default();
        extended(&params, std::str::from_utf8(base).ok()?)
    };
    params.iter().filter_map(|(key, _)| text(key)).collect()
}

/// What a person is shown of a part beside its content: its description, and the names of its file, in whatever form they were
/// written (RFC 2183 §2.3, RFC 2231, encoded words). Never fails.
pub fn labels(header: &Header) -> Vec<String> {
    let mut labels: Vec<String> = header.text("Content-Description").into_iter().collect();
    for field in ["Content-Disposition", "Content-Type"] {
        let Some(value) = header.values(field).next().map(words::unfold) else { continue };
        let (_, params) = parameters(&value);
        labels.extend(["filename", "name"].iter().filter_map(|name| extended(&params, name)));
    }
    labels
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
        assert_eq!(info("Content-Language: fr (a), en").language, [b"fr", b"en"]);
        assert_eq!(info("Content-Transfer-Encoding: \"base64\" x").transfer_encoding(), Encoding::Base64);
        let name = vec![(b"filename".to_vec(), b"a".to_vec())];
        let disposition = |value: &str| info(&format!("Content-Disposition: {value}")).disposition;
        assert_eq!(disposition("inline filename=a"), Some((b"inline".to_vec(), vec![])));
        assert_eq!(disposition("\"Inline\"; filename=a"), Some((b"Inline".to_vec(), name.clone())));
        assert_eq!(disposition("; filename=a"), Some((b"attachment".to_vec(), name)));
        assert_eq!(disposition(" ;"), None);
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
    fn parameters_of_rfc_2231_are_read_as_text() {
        let of = |field: &str| decoded_parameters(&Header::parse(field.as_bytes()), "Content-Disposition");
        assert_eq!(
            of(
                "Content-Disposition: attachment; FileName*=utf-8'fr'%C3%A9cho.pdf; size=3; x*0*=''a; x*1*=%62"
            ),
            ["\u{e9}cho.pdf", "3", "ab"]
        );
        assert_eq!(of("Content-Disposition: attachment; filename=a.pdf"), ["a.pdf"]);
        assert!(of("Subject: x").is_empty());
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
        assert_eq!(info("Content-Type: multipart/mixed; boundary=\"a b \"").boundary().unwrap(), b"a b");
        assert_eq!(
            info("Content-Type: multipart/mixed; boundary*0=a; boundary*1=b").boundary().unwrap(),
            b"ab"
        );
        assert_eq!(
            info("Content-Type: multipart/mixed; boundary*=us-ascii''%61b").boundary().unwrap(),
            b"ab"
        );
        assert_eq!(info("Content-Type: multipart/mixed; boundary=\"\"").boundary(), None);
        let long = format!("Content-Type: multipart/mixed; boundary={}", "x".repeat(MAX_BOUNDARY + 1));
        assert_eq!(info(&long).boundary(), None);
    }

    #[test]
    fn a_part_is_labelled_by_its_description_and_its_file_names() {
        let of = |header: &str| labels(&Header::parse(header.as_bytes()));
        assert_eq!(of("Content-Type: text/plain; charset=utf-8\r\n"), [""; 0]);
        assert_eq!(
            of("Content-Disposition: attachment; filename*=utf-8''r%C3%A9sultat.pdf\r\n"),
            ["résultat.pdf"]
        );
        assert_eq!(
            of("Content-Description: Radio du =?utf-8?Q?f=C3=A9mur?=\r\nContent-Type: image/jpeg;\r\n \
                name=\"=?iso-8859-1?Q?f=E9mur.jpg?=\"\r\nContent-Disposition: inline; filename=a b.jpg\r\n"),
            ["Radio du fémur", "a b.jpg", "fémur.jpg"]
        );
    }
}
