//! What a DKIM signature covers, in its canonical form (RFC 6376 §3.4, relaxed for header and body), and the field that carries it.
//!
//! May use: the parsed header. Must never touch: keys, digests, the clock; the caller hashes and signs what this gives.

use crate::Header;

/// The fields that are signed, where they are there (RFC 6376 §5.4.1): what people read, and what mail programs act on.
const SIGNED: [&str; 14] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Disposition-Notification-To",
];

/// Makes a body canonical piece by piece, however it is cut.
#[derive(Debug, Default)]
pub struct Relaxed {
    /// A CR that may be half of a line break.
    after_cr: bool,
    blank: bool,
    /// Line breaks that count only if something follows.
    line_breaks: u64,
    /// Whether anything but line breaks came.
    any: bool,
}

impl Relaxed {
    /// Takes the next bytes of the body and hands on what is canonical of them.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for byte in bytes {
            if std::mem::take(&mut self.after_cr) {
                if *byte == b'\n' {
                    self.blank = false;
                    self.line_breaks += 1;
                    continue;
                }
                self.text(b'\r', out);
            }
            match byte {
                b'\r' => self.after_cr = true,
                b' ' | b'\t' => self.blank = true,
                _ => self.text(*byte, out),
            }
        }
    }

    /// Ends the body: empty lines at its end count as none.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.after_cr) {
            self.text(b'\r', out);
        }
        if self.any {
            out.extend_from_slice(b"\r\n");
        }
    }

    fn text(&mut self, byte: u8, out: &mut Vec<u8>) {
        for _ in 0..std::mem::take(&mut self.line_breaks) {
            out.extend_from_slice(b"\r\n");
        }
        if std::mem::take(&mut self.blank) {
            out.push(b' ');
        }
        out.push(byte);
        self.any = true;
    }
}

/// What a signature says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// `rsa-sha256` or `ed25519-sha256` (RFC 8463).
    pub algorithm: &'a str,
    /// The domain that signs.
    pub domain: &'a str,
    /// Where its key is, below `_domainkey`.
    pub selector: &'a str,
    /// Seconds since 1970.
    pub at: i64,
    /// The digest of the canonical body, in base64.
    pub body_hash: &'a str,
}

/// The value of the field up to its signature, and what is to be signed.
#[must_use]
pub fn claim(header: &Header, claim: &Claim<'_>) -> (String, Vec<u8>) {
    let Claim { algorithm, domain, selector, at, body_hash } = claim;
    let mut names = Vec::new();
    let mut signed = Vec::new();
    for name in SIGNED {
        // the last field of a name first (RFC 6376 §5.4.2)
        let values: Vec<&[u8]> = header.values(name).collect();
        for value in values.into_iter().rev() {
            names.push(name.to_ascii_lowercase());
            field(name, value, &mut signed);
            signed.extend_from_slice(b"\r\n");
        }
        if name == "From" {
            // one more than there are: nobody adds another From behind our back (RFC 6376 §8.15)
            names.push("from".to_owned());
        }
    }
    let value = format!(
        "v=1; a={algorithm}; c=relaxed/relaxed;\r\n\td={domain}; s={selector}; t={at};\r\n\th={};\r\n\tbh={body_hash};\r\n\tb=",
        names.join(":\r\n\t ")
    );
    field("DKIM-Signature", value.as_bytes(), &mut signed);
    (value, signed)
}

/// The whole value: the claim and its signature in base64, folded.
#[must_use]
pub fn signed(claim: &str, signature: &str) -> String {
    let mut value = claim.to_owned();
    for (at, c) in signature.chars().enumerate() {
        if at > 0 && at % 70 == 0 {
            value.push_str("\r\n\t");
        }
        value.push(c);
    }
    value
}

/// A field in relaxed form, without a line break at its end (RFC 6376 §3.4.2).
fn field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.to_ascii_lowercase().as_bytes());
    out.push(b':');
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (at, word) in words.enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(text: &str, cut: usize) -> String {
        let (mut relaxed, mut out) = (Relaxed::default(), Vec::new());
        text.as_bytes().chunks(cut).for_each(|piece| relaxed.feed(piece, &mut out));
        relaxed.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(body(" C \r\nD \t E\r\n\r\n\r\n", 1), " C\r\nD E\r\n", "RFC 6376 section 3.4.5");
        let header = Header::parse(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n");
        let mut out = Vec::new();
        header.values("B").for_each(|value| field("B", value, &mut out));
        assert_eq!(out, b"b:Y Z");
        for (text, canonical) in [
            ("", ""),
            ("\r\n \r\n", ""),
            ("a", "a\r\n"),
            ("\r\n\r\na\r\n", "\r\n\r\na\r\n"),
            ("a\rb\r", "a\rb\r\r\n"),
        ] {
            assert_eq!(body(text, 2), canonical, "{text:?}");
        }
    }

    #[test]
    fn a_claim_names_what_it_covers_from_the_last_field_on() {
        let header = Header::parse(
            b"From:  a@b.fr\r\nX-MSS-NIL: 1\r\nTo: c@d.fr\r\nto:\r\n e@f.fr\r\nSubject: \xc3\xa9\r\n\r\n",
        );
        let facts =
            Claim { algorithm: "rsa-sha256", domain: "b.fr", selector: "s1", at: 7, body_hash: "aGFzaA==" };
        let (value, data) = claim(&header, &facts);
        assert!(value.contains("h=from:\r\n\t from:\r\n\t to:\r\n\t to:\r\n\t subject;"), "{value}");
        let data = String::from_utf8(data).unwrap();
        assert_eq!(
            data,
            "from:a@b.fr\r\nto:e@f.fr\r\nto:c@d.fr\r\nsubject:\u{e9}\r\ndkim-signature:v=1; a=rsa-sha256; c=relaxed/relaxed; d=b.fr; s=s1; t=7; \
             h=from: from: to: to: subject; bh=aGFzaA==; b="
        );
        let whole = signed(&value, &"x".repeat(150));
        assert!(whole.starts_with(&value) && whole.split("\r\n").all(|line| line.len() < 78), "{whole}");
    }

    proptest! {
        #[test]
        fn it_is_the_same_however_it_is_cut(text in "[ab \t\r\n]{0,40}", cut in 1..10_usize) {
            prop_assert_eq!(body(&text, cut), body(&text, 100));
        }
    }
}
