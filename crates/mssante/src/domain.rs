//! Mail domains, kept as A-labels in lower case (RFC 5321 §4.1.2, RFC 5890).
//!
//! May use: `idna`. Must never touch: the DNS. A parsed [`Domain`] is well formed, not known to exist.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::{fold, texts::text_value};

/// A well-formed mail domain: A-labels, lower case, at most 253 octets, no trailing dot, not an IP address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(String);

/// Why a text is not a mail domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// Nothing was written.
    #[error("the domain is empty")]
    Empty,
    /// More than 253 octets once written in A-labels.
    #[error("the domain is longer than 253 octets")]
    TooLong,
    /// An empty or too long label, a character that no host name has, or a wrong U-label.
    #[error("the domain is not a valid host name")]
    Malformed,
    /// An address literal or a dotted number: mail of this service goes to names.
    #[error("the domain is an IP address: write a name")]
    IpAddress,
}

/// Longest domain, in octets (RFC 5321 §4.5.3.1.2 less the two that the DNS form needs).
const MAX_OCTETS: usize = 253;

impl Domain {
    /// Reads a domain written in A-labels or in U-labels (UTS 46, non-transitional).
    ///
    /// # Errors
    /// [`DomainError`] tells which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        if text.is_empty() {
            return Err(DomainError::Empty);
        }
        if text.starts_with('[') {
            return Err(DomainError::IpAddress);
        }
        // A U-label takes at most four octets for each character of its A-label.
        if text.len() > 4 * MAX_OCTETS {
            return Err(DomainError::TooLong);
        }
        let ascii = Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
            .map_err(|_| DomainError::Malformed)?;
        if ascii.len() > MAX_OCTETS {
            return Err(DomainError::TooLong);
        }
        let last = ascii.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DomainError::IpAddress);
        }
        Ok(Self(ascii.into_owned()))
    }

    /// The A-label form, lower case: what goes on the wire and what is compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The U-label form, for people.
    #[must_use]
    pub fn unicode(&self) -> String {
        idna::domain_to_unicode(&self.0).0
    }

    /// Whether this domain is `parent` or below it; `parent` is in A-labels, case does not matter.
    #[must_use]
    pub fn is_under(&self, parent: &str) -> bool {
        let Some(start) = self.0.len().checked_sub(parent.len()) else { return false };
        let (head, tail) = self.0.as_bytes().split_at(start);
        !parent.is_empty()
            && tail.eq_ignore_ascii_case(parent.as_bytes())
            && (head.is_empty() || head.ends_with(b"."))
    }

    /// Whether the name has `mssante` in it anywhere, accents and look-alike letters included (S-3.3).
    #[must_use]
    pub fn mentions_mssante(&self) -> bool {
        fold::skeleton(&self.unicode()).contains("mssante")
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_value!(Domain, DomainError, Domain::parse);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_kept_as_lower_case_a_labels() {
        for (text, kept) in [
            ("chu-nord.mssante.fr", "chu-nord.mssante.fr"),
            ("CHU-Nord.MSSante.FR", "chu-nord.mssante.fr"),
            ("hôpital.fr", "xn--hpital-ixa.fr"),
            ("XN--HPITAL-IXA.fr", "xn--hpital-ixa.fr"),
            ("localhost", "localhost"),
            ("r3---sn.example", "r3---sn.example"),
        ] {
            assert_eq!(Domain::parse(text).unwrap().as_str(), kept, "{text}");
        }
        assert_eq!(Domain::parse("xn--hpital-ixa.fr").unwrap().unicode(), "hôpital.fr");
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_reason() {
        let long = format!("{}.fr", vec!["a".repeat(60); 5].join("."));
        for (text, error) in [
            ("", DomainError::Empty),
            ("[127.0.0.1]", DomainError::IpAddress),
            ("127.0.0.1", DomainError::IpAddress),
            ("a..fr", DomainError::Malformed),
            (".fr", DomainError::Malformed),
            ("a.fr.", DomainError::Malformed),
            ("a b.fr", DomainError::Malformed),
            ("a_b.fr", DomainError::Malformed),
            ("-a.fr", DomainError::Malformed),
            ("a-.fr", DomainError::Malformed),
            ("xn--.fr", DomainError::Malformed),
            ("a\r\n.fr", DomainError::Malformed),
            (&"a".repeat(64), DomainError::Malformed),
            (&long, DomainError::Malformed),
            (&"é".repeat(600), DomainError::TooLong),
        ] {
            assert_eq!(Domain::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn the_longest_name_has_253_octets() {
        let longest = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".");
        assert_eq!(longest.len(), 253);
        assert!(Domain::parse(&longest).is_ok());
        assert!(Domain::parse(&format!("{longest}d")).is_err());
    }

    #[test]
    fn under_means_itself_or_below() {
        let domain = Domain::parse("chu-nord.mssante.fr").unwrap();
        for (parent, under) in [
            ("mssante.fr", true),
            ("MSSANTE.fr", true),
            ("chu-nord.mssante.fr", true),
            ("nord.mssante.fr", false),
            ("ssante.fr", false),
            ("x.chu-nord.mssante.fr", false),
            ("", false),
        ] {
            assert_eq!(domain.is_under(parent), under, "{parent}");
        }
    }

    #[test]
    fn look_alikes_of_mssante_are_seen() {
        for (text, mentions) in [
            ("chu.mssante.fr", true),
            ("mssante.com", true),
            ("notmssante-fr.example", true),
            ("mssanté.fr", true),
            ("мssante.fr", true),
            ("sante.fr", false),
            ("forms-sante.fr", false),
        ] {
            assert_eq!(Domain::parse(text).unwrap().mentions_mssante(), mentions, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_what_is_read_reads_back(text in any::<String>()) {
            if let Ok(domain) = Domain::parse(&text) {
                prop_assert_eq!(Domain::parse(domain.as_str()), Ok(domain.clone()));
                prop_assert!(domain.as_str().len() <= MAX_OCTETS);
                let _ = domain.mentions_mssante();
            }
        }

        #[test]
        fn host_names_read_back(text in "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\\.[a-zé]{2,8}){1,3}") {
            let domain = Domain::parse(&text);
            prop_assume!(domain.is_ok());
            let domain = domain.unwrap();
            prop_assert_eq!(Domain::parse(&domain.to_string()), Ok(domain.clone()));
            prop_assert_eq!(Domain::parse(&domain.unicode()), Ok(domain));
        }
    }
}
