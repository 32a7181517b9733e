//! What the local part of an MSSanté address may be (S-1.2, S-1.3).
//!
//! May use: the folding of names. Must never touch: the list of taken addresses; whoever keeps it is asked.

use crate::fold::letters;

/// How many homonyms get a suffix before [`suggest`] gives up.
const MAX_SUFFIX: u32 = 999;

/// Whether `local` is `first.last` or `last.first`, accents, hyphens and case aside, with or without the number
/// that tells a homonym apart (S-1.3).
#[must_use]
pub fn is_nominative(local: &str, last_name: &str, first_name: &str) -> bool {
    let (last, first) = (letters(last_name), letters(first_name));
    if last.is_empty() || first.is_empty() {
        return false;
    }
    let is_last = |text: &str| text == last || without_suffix(text).is_some_and(|text| text == last);
    local.match_indices('.').any(|(dot, _)| {
        let (Some(a), Some(b)) = (local.get(..dot), local.get(dot + 1..)) else { return false };
        let (a, b) = (letters(a), letters(b));
        (a == first && is_last(&b)) || (b == first && is_last(&a))
    })
}

/// Whether `local` names the person whose full name is `name`: two of its words with a dot between (S-1.2, ORG).
#[must_use]
pub fn names_person(local: &str, name: &str) -> bool {
    let words: Vec<&str> = name.split_whitespace().collect();
    let pairs = words.iter().enumerate().flat_map(|(at, last)| {
        words.iter().enumerate().filter(move |(other, _)| *other != at).map(move |(_, first)| (*last, *first))
    });
    pairs.into_iter().any(|(last, first)| is_nominative(local, last, first))
}

/// Whether `local` begins as the address of software must (S-1.2, APP).
#[must_use]
pub fn is_software(local: &str) -> bool {
    let local = local.to_lowercase();
    ["noreply", "nepasrepondre"].iter().any(|start| local.starts_with(start))
}

/// The first free `first.last`, `first.last2`, `first.last3`… (S-1.3). `is_taken` also answers for addresses that
/// were given once and may not be given again. Nothing when a name has no letter or all are taken.
pub fn suggest(last_name: &str, first_name: &str, is_taken: impl Fn(&str) -> bool) -> Option<String> {
    let (last, first) = (part(last_name), part(first_name));
    if last.is_empty() || first.is_empty() {
        return None;
    }
    let plain = format!("{first}.{last}");
    let numbered = (2..=MAX_SUFFIX).map(|n| format!("{plain}{n}"));
    std::iter::once(plain.clone()).chain(numbered).find(|local| !is_taken(local))
}

/// A name as written in an address: words joined by hyphens.
fn part(name: &str) -> String {
    let words =
        name.split(|c: char| !c.is_alphanumeric() && !unicode_normalization::char::is_combining_mark(c));
    words.map(letters).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// `text` less a number of 2 or more at its end.
fn without_suffix(text: &str) -> Option<&str> {
    let name = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = text.get(name.len()..)?;
    (!number.starts_with('0') && number.parse::<u32>().ok()? >= 2).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nominative_addresses_hold_first_and_last_name() {
        for (local, last, first, is) in [
            ("jean.dupont", "Dupont", "Jean", true),
            ("dupont.jean", "Dupont", "Jean", true),
            ("Jean.Dupont2", "DUPONT", "jean", true),
            ("dupont12.jean", "Dupont", "Jean", true),
            ("jean-francois.le-goff", "Le Goff", "Jean-François", true),
            ("jeanfrancois.legoff", "Le Goff", "Jean-François", true),
            ("marie.d.aramitz", "d'Aramitz", "Marie", true),
            ("louis.henri4", "Henri4", "Louis", true),
            ("jean.dupont1", "Dupont", "Jean", false),
            ("jean.dupont02", "Dupont", "Jean", false),
            ("jean2.dupont", "Dupont", "Jean", false),
            ("jeandupont", "Dupont", "Jean", false),
            ("j.dupont", "Dupont", "Jean", false),
            ("jean.durand", "Dupont", "Jean", false),
            ("cardiologie", "Dupont", "Jean", false),
            ("jean.", "-", "Jean", false),
        ] {
            assert_eq!(is_nominative(local, last, first), is, "{local}");
        }
    }

    #[test]
    fn a_generic_address_names_nobody() {
        assert!(names_person("jean.dupont", "Dr Jean DUPONT"));
        assert!(names_person("dupont.jean2", "Dr Jean DUPONT"));
        assert!(!names_person("cardiologie.secretariat", "Dr Jean DUPONT"));
        assert!(!names_person("cardiologie", ""));
    }

    #[test]
    fn software_says_so() {
        assert!(is_software("noreply-labo") && is_software("NePasRepondre") && !is_software("labo-noreply"));
    }

    #[test]
    fn a_homonym_gets_the_next_number() {
        let taken = ["jean-francois.le-goff", "jean-francois.le-goff2"];
        assert_eq!(
            suggest("Le Goff", "Jean-François", |l| taken.contains(&l)).as_deref(),
            Some("jean-francois.le-goff3")
        );
        assert_eq!(suggest("Dupont", "Jean", |_| false).as_deref(), Some("jean.dupont"));
        assert_eq!(suggest("Dupont", "Jean", |_| true), None);
        assert_eq!(suggest("", "Jean", |_| false), None);
    }

    proptest! {
        #[test]
        fn what_is_suggested_is_nominative(last in "[A-Za-zéèÉœ' -]{1,12}", first in "[A-Za-zéçÎ' -]{1,12}", n in 0_usize..4) {
            let taken = std::cell::Cell::new(0);
            let local = suggest(&last, &first, |_| taken.replace(taken.get() + 1) < n);
            if let Some(local) = local {
                prop_assert!(is_nominative(&local, &last, &first), "{local}");
                let address = format!("{local}@chu.mssante.fr");
                prop_assert!(crate::Address::parse(&address).is_ok());
            }
        }

        #[test]
        fn any_text_is_judged_without_panic(local in any::<String>(), last in any::<String>(), first in any::<String>()) {
            let _ = is_nominative(&local, &last, &first);
            let _ = names_person(&local, &last);
            suggest(&last, &first, |_| false);
        }
    }
}
