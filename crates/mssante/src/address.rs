//! Mail addresses: `addr-spec` of RFC 5321 §4.1.2 as widened by RFC 6531 §3.3.
//!
//! May use: `unicode-normalization`. Must never touch: accounts, the DNS. No comments, no source routes, no
//! address literals: an address of this service is a local part and a domain name.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use unicode_normalization::UnicodeNormalization;

use crate::{
    domain::{Domain, DomainError},
    fold,
    texts::text_value,
};

/// A well-formed mail address. Two addresses are equal when their [`key`](Address::key)s are.
///
/// `Display` gives the wire form, quoted again when the local part needs it; `Debug` is masked (M-11).
#[derive(Clone)]
pub struct Address {
    /// Without quotes: `a b` for `"a b"@example.fr`.
    local: String,
    domain: Domain,
}

/// Why a text is not a mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `@` outside quotes.
    #[error("the address has no @ and domain")]
    NoDomain,
    /// Nothing before the `@`.
    #[error("the address has nothing before its @")]
    EmptyLocal,
    /// The local part, without quotes, has more than 64 octets (RFC 5321 §4.5.3.1.1).
    #[error("the part before the @ is longer than 64 octets")]
    LocalTooLong,
    /// The whole wire form has more than 254 octets (RFC 5321 §4.5.3.1.3).
    #[error("the address is longer than 254 octets")]
    TooLong,
    /// A character, a dot or a quote where the grammar has none.
    #[error("the part before the @ is not a valid local part")]
    BadLocal,
    /// The domain is wrong.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

/// Longest local part, in octets.
const MAX_LOCAL: usize = 64;
/// Longest address, in octets of its wire form.
const MAX_WHOLE: usize = 254;
/// From this many digits on, a local part may be a patient's number, right or mistyped (M-11).
const MASKED_FROM_DIGITS: usize = 10;

impl Address {
    /// Reads an address, without angle brackets; the local part is a dot-atom or a quoted string.
    ///
    /// # Errors
    /// [`AddressError`] tells which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (local, rest) = match text.strip_prefix('"') {
            Some(inside) => unquote(inside)?,
            None => dot_atom(text)?,
        };
        if local.is_empty() {
            return Err(AddressError::EmptyLocal);
        }
        if local.len() > MAX_LOCAL {
            return Err(AddressError::LocalTooLong);
        }
        let address = Self { local, domain: Domain::parse(rest)? };
        if address.to_string().len() > MAX_WHOLE {
            return Err(AddressError::TooLong);
        }
        Ok(address)
    }

    /// The local part, without quotes.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The form under which accounts are looked up: NFC, lower case, quotes gone. This service gives no two boxes
    /// names that differ only in that.
    #[must_use]
    pub fn key(&self) -> String {
        let mut key = lowered(&self.local).collect::<String>();
        key.push('@');
        key.push_str(self.domain.as_str());
        key
    }

    /// Whether every octet of the wire form is ASCII, so that no SMTPUTF8 is needed (RFC 6531 §3.4).
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii()
    }

    /// What logs, metrics and reports to others may show: a local part that could hold a patient's number is
    /// replaced by stars (M-11).
    pub fn masked(&self) -> impl fmt::Display + '_ {
        Masked(self)
    }
}

fn lowered(text: &str) -> impl Iterator<Item = char> + '_ {
    // Composed last: some letters lower-case to a letter and a mark.
    text.chars().flat_map(char::to_lowercase).nfc()
}

/// Takes a dot-atom and its `@` off the front; gives it and what follows.
fn dot_atom(text: &str) -> Result<(String, &str), AddressError> {
    let (local, rest) = text.split_once('@').ok_or(AddressError::NoDomain)?;
    if local.is_empty() {
        return Err(AddressError::EmptyLocal);
    }
    if !is_dot_atom(local) {
        return Err(AddressError::BadLocal);
    }
    Ok((local.to_owned(), rest))
}

fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// RFC 5321 `atext` and RFC 6531 `UTF8-non-ascii`, less what cannot be seen.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_other_text(c)
}

fn is_other_text(c: char) -> bool {
    !c.is_ascii() && !c.is_control() && !c.is_whitespace() && !fold::is_invisible(c)
}

/// Takes a quoted string (whose first quote is gone) and its `@` off the front.
fn unquote(inside: &str) -> Result<(String, &str), AddressError> {
    let mut local = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        let c = match c {
            '"' => {
                let rest = inside.get(at + 1..).unwrap_or_default();
                let rest = rest.strip_prefix('@').ok_or(AddressError::NoDomain)?;
                return Ok((local, rest));
            }
            '\\' => match chars.next() {
                Some((_, c)) if is_printable(c) => c,
                _ => return Err(AddressError::BadLocal),
            },
            c if is_printable(c) || is_other_text(c) => c,
            _ => return Err(AddressError::BadLocal),
        };
        local.push(c);
    }
    Err(AddressError::BadLocal)
}

fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~')
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_atom(&self.local) {
            f.write_str(&self.local)?;
        } else {
            f.write_str("\"")?;
            for c in self.local.chars() {
                if matches!(c, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
            f.write_str("\"")?;
        }
        write!(f, "@{}", self.domain)
    }
}

struct Masked<'a>(&'a Address);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(address) = self;
        if address.local.chars().filter(|c| c.is_numeric()).count() >= MASKED_FROM_DIGITS {
            return write!(f, "***@{}", address.domain);
        }
        address.fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.masked())
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.domain == other.domain && lowered(&self.local).eq(lowered(&other.local))
    }
}

impl Eq for Address {}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

text_value!(Address, AddressError, Address::parse);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn local_parts_are_kept_unquoted_and_written_quoted_when_needed() {
        for (text, local, wire) in [
            ("jean.dupont@chu.fr", "jean.dupont", "jean.dupont@chu.fr"),
            ("Jean@CHU.fr", "Jean", "Jean@chu.fr"),
            ("\"jean.dupont\"@chu.fr", "jean.dupont", "jean.dupont@chu.fr"),
            ("\"jean dupont\"@chu.fr", "jean dupont", "\"jean dupont\"@chu.fr"),
            ("\"a@b\"@chu.fr", "a@b", "\"a@b\"@chu.fr"),
            ("\"a\\\"b\\\\\"@chu.fr", "a\"b\\", "\"a\\\"b\\\\\"@chu.fr"),
            ("\"a..b\"@chu.fr", "a..b", "\"a..b\"@chu.fr"),
            ("\"\\j\"@chu.fr", "j", "j@chu.fr"),
            ("rené@hôpital.fr", "rené", "rené@xn--hpital-ixa.fr"),
            ("a+b/c=d@chu.fr", "a+b/c=d", "a+b/c=d@chu.fr"),
        ] {
            let address = address(text);
            assert_eq!((address.local(), address.to_string().as_str()), (local, wire), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_reason() {
        let local = "a".repeat(65);
        let domain = ["a".repeat(63), "b".repeat(63), "c".repeat(63)].join(".");
        for (text, error) in [
            ("", AddressError::NoDomain),
            ("postmaster", AddressError::NoDomain),
            ("@chu.fr", AddressError::EmptyLocal),
            ("\"\"@chu.fr", AddressError::EmptyLocal),
            ("a@", AddressError::Domain(DomainError::Empty)),
            ("a@b@chu.fr", AddressError::Domain(DomainError::Malformed)),
            ("a@[10.0.0.1]", AddressError::Domain(DomainError::IpAddress)),
            (".a@chu.fr", AddressError::BadLocal),
            ("a.@chu.fr", AddressError::BadLocal),
            ("a..b@chu.fr", AddressError::BadLocal),
            ("a b@chu.fr", AddressError::BadLocal),
            ("a(b)@chu.fr", AddressError::BadLocal),
            ("<a@chu.fr>", AddressError::BadLocal),
            ("a\u{200B}b@chu.fr", AddressError::BadLocal),
            ("a\u{A0}b@chu.fr", AddressError::BadLocal),
            ("a\u{85}b@chu.fr", AddressError::BadLocal),
            ("a\r\n@chu.fr", AddressError::BadLocal),
            ("\"a\r\n\"@chu.fr", AddressError::BadLocal),
            ("\"a\0\"@chu.fr", AddressError::BadLocal),
            ("\"a\\\n\"@chu.fr", AddressError::BadLocal),
            ("\"a@chu.fr", AddressError::BadLocal),
            ("\"a\"b@chu.fr", AddressError::NoDomain),
            (&format!("{local}@chu.fr"), AddressError::LocalTooLong),
            (&format!("{}@{domain}", &local[..64]), AddressError::TooLong),
        ] {
            assert_eq!(Address::parse(text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn limits_are_reached_and_not_passed() {
        let domain = ["a".repeat(63), "b".repeat(63), "c".repeat(61)].join(".");
        let longest = format!("{}@{domain}", "l".repeat(64));
        assert_eq!(longest.len(), MAX_WHOLE);
        assert!(Address::parse(&longest).is_ok());
        assert_eq!(Address::parse(&format!("{longest}c")).unwrap_err(), AddressError::TooLong);
        assert_eq!(Address::parse(&longest.replace("@a", "@aa")).unwrap_err(), DomainError::Malformed.into());
    }

    #[test]
    fn equal_means_the_same_box() {
        for (a, b) in [
            ("Jean.Dupont@CHU.fr", "jean.dupont@chu.fr"),
            ("\"jean\"@chu.fr", "jean@chu.fr"),
            ("ren\u{e9}@chu.fr", "rene\u{301}@chu.fr"),
            ("REN\u{c9}@chu.fr", "rene\u{301}@chu.fr"),
            ("J\u{30c}@chu.fr", "\u{1f0}@chu.fr"),
        ] {
            assert_eq!(address(a), address(b));
            assert_eq!(address(a).key(), address(b).key());
        }
        assert_ne!(address("rene@chu.fr"), address("rené@chu.fr"));
        assert!(address("jean@hôpital.fr").is_ascii());
        assert!(!address("rené@chu.fr").is_ascii());
    }

    #[test]
    fn patient_numbers_are_masked_in_logs_and_debug() {
        for local in
            ["269054958815780", "26905495881578", "2690549588157801", "2.69.05.49.588.157", "12A0549588157"]
        {
            let patient = address(&format!("{local}@patient.mssante.fr"));
            assert_eq!(patient.masked().to_string(), "***@patient.mssante.fr");
            assert_eq!(format!("{patient:?}"), "<***@patient.mssante.fr>");
        }
        assert_eq!(address("0123456789@chu.fr").masked().to_string(), "***@chu.fr");
        assert_eq!(address("012345678@chu.fr").masked().to_string(), "012345678@chu.fr");
        assert_eq!(address("jean.dupont2@chu.fr").masked().to_string(), "jean.dupont2@chu.fr");
    }

    #[test]
    fn the_serde_form_is_the_wire_form() {
        let text = serde_json::to_string(&address("\"a b\"@Chu.fr")).unwrap();
        assert_eq!(text, r#""\"a b\"@chu.fr""#);
        assert_eq!(serde_json::from_str::<Address>(&text).unwrap(), address("\"a b\"@chu.fr"));
        assert!(serde_json::from_str::<Address>("\"nobody\"").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_what_is_read_reads_back(text in any::<String>()) {
            reads_back(&text)?;
        }

        #[test]
        fn odd_local_parts_read_back(local in "[a-zA-Zéß. @\"\\\\]{1,12}", quoted in any::<bool>()) {
            let text = if quoted { format!("\"{local}\"@chu.fr") } else { format!("{local}@chu.fr") };
            reads_back(&text)?;
        }

        #[test]
        fn every_printable_local_part_can_be_written(local in "[ -~é]{1,40}") {
            let escaped = local.replace('\\', "\\\\").replace('"', "\\\"");
            let address = Address::parse(&format!("\"{escaped}\"@chu.fr")).unwrap();
            prop_assert_eq!(address.local(), local.as_str());
            let again = Address::parse(&address.to_string()).unwrap();
            prop_assert_eq!(again.local(), local.as_str());
        }
    }

    fn reads_back(text: &str) -> Result<(), TestCaseError> {
        let Ok(first) = Address::parse(text) else { return Ok(()) };
        let again = Address::parse(&first.to_string());
        prop_assert!(again.is_ok());
        let again = again.unwrap();
        prop_assert_eq!(again.local(), first.local());
        prop_assert_eq!(again.key(), first.key());
        prop_assert_eq!(again == first, again.key() == first.key());
        Ok(())
    }
}
