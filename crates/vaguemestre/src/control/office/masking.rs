//! What an administrator may read of addresses: patients' numbers are masked in values and inside longer texts, such as the
//! words of another operator's server (M-11). Texts in, texts out.

use mssante::{Address, Ins};

/// What ends an address inside a text.
const AROUND: &[char] = &['<', '>', '(', ')', '[', ']', ',', ';', ':', '"', '\'', '/', '{', '}'];

/// A local part with so many digits could hold a patient's number, whatever else it holds.
const DIGITS: usize = 10;

/// `text` with every address in it masked, and with the numbers of `known` masked where they stand alone.
pub(super) fn words<'a>(text: &str, known: impl IntoIterator<Item = &'a Address>) -> String {
    let mut shown = text.to_owned();
    for address in known {
        let masked = address.masked().to_string();
        shown = shown.replace(&address.to_string(), &masked);
        // the local part alone, where masking hides it at all
        if let Some((stars, _)) = masked.split_once('@').filter(|(stars, _)| *stars != address.local()) {
            shown = shown.replace(address.local(), stars);
        }
    }
    each_word(&shown)
}

/// The details of one trace: what they name in one value is masked in all.
pub(super) fn details(details: Vec<(String, String)>) -> Vec<(String, String)> {
    let known: Vec<_> = details.iter().filter_map(|(_, value)| Address::parse(value).ok()).collect();
    details.into_iter().map(|(name, value)| (name, words(&value, &known))).collect()
}

/// `type;address`: an address that cannot be read could be anything, and is not shown.
pub(super) fn original(original: &str) -> String {
    let (kind, text) = original.split_once(';').unwrap_or(("", original));
    match Address::parse(text) {
        Ok(address) => format!("{kind};{}", address.masked()),
        Err(_) => format!("{kind};(not an address)"),
    }
}

fn each_word(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || AROUND.contains(&c);
    text.split_inclusive(ends)
        .map(|piece| match piece.strip_suffix(ends) {
            Some(word) => word_masked(word) + piece.get(word.len()..).unwrap_or_default(),
            None => word_masked(piece),
        })
        .collect()
}

/// Addresses that no grammar reads are masked like others: a refused one may be a mistyped number.
fn word_masked(word: &str) -> String {
    match word.rsplit_once('@') {
        Some((local, domain)) if local.chars().filter(|c| c.is_numeric()).count() >= DIGITS => {
            format!("***@{domain}")
        }
        Some(_) => word.to_owned(),
        None => {
            let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            if Ins::parse(bare).is_ok() { word.replace(bare, "***") } else { word.to_owned() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: &str = "269054958815780";

    fn patient() -> Address {
        Address::parse(&format!("{NUMBER}@patient.mssante.fr")).unwrap()
    }

    #[test]
    fn a_patients_number_is_shown_nowhere() {
        for text in [
            format!("550 5.1.1 <{NUMBER}@patient.mssante.fr>: no such box"),
            format!("550 5.1.1 <{NUMBER}@PATIENT.mssante.fr>: no such box"),
            format!("550 5.1.1 {NUMBER}: no such box"),
            format!("550 5.1.1 {NUMBER}. no such box"),
            format!("550 rcpt=\"{NUMBER}@patient.mssante.fr\" no such box"),
        ] {
            for known in [vec![patient()], vec![]] {
                let shown = words(&text, &known);
                assert!(!shown.contains(NUMBER) && shown.contains("no such box"), "{shown}");
            }
        }
        let mistyped = words("187059912345678@@patient", &[]);
        assert_eq!(mistyped, "***@patient", "what cannot be read is masked too");
        let masked = patient().masked().to_string();
        assert_eq!(original(&format!("rfc822;{NUMBER}@patient.mssante.fr")), format!("rfc822;{masked}"));
        assert_eq!(original(&format!("x400;{NUMBER}")), "x400;(not an address)");
    }

    #[test]
    fn what_one_detail_names_is_masked_in_all() {
        let number = "187059912345678";
        let pair = |name: &str, value: String| (name.to_owned(), value);
        let shown = details(vec![
            pair("to", format!("{number}@patient.mssante.fr")),
            pair("last", format!("550 {number} unknown")),
            pair("due", "2026-11-21T13:26:55.123456789Z".into()),
        ]);
        assert_eq!(shown[0].1, "***@patient.mssante.fr");
        assert_eq!(shown[1].1, "550 *** unknown");
        assert_eq!(shown[2].1, "2026-11-21T13:26:55.123456789Z");
    }

    #[test]
    fn what_hides_nothing_stays_as_it_is() {
        let jeanne = Address::parse("jeanne.sud@clinique-sud.mssante.fr").unwrap();
        for text in [
            "450 4.2.0 <jeanne.sud@clinique-sud.mssante.fr> busy",
            "CN=mail.chu-nord.fr,OU=347976684200724,O=CHU,C=FR",
            "01JD7ZK3M2X4V9Q8W6R5T1Y0BN",
            "",
        ] {
            assert_eq!(words(text, [&jeanne]), text);
        }
    }
}
