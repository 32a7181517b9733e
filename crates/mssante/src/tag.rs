//! The subject tag that asks for the secure path, and what only looks like it (S-3.3, S-3.4).
//!
//! May use: the folding of look-alikes. Must never touch: header bytes; subjects come decoded and unfolded.

use crate::fold;

/// What a subject says about the secure path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// The tag is there, as it must be written.
    Present,
    /// Something that a person may have meant as the tag (S-3.3: such a message is never sent in clear).
    NearMiss(NearMiss),
    /// Nothing like it.
    Absent,
}

/// How a would-be tag differs from the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NearMiss {
    /// The right characters, but not at the start or after reply and forward prefixes.
    Place,
    /// A space is missing after it, stands inside it, or is of another kind.
    Space,
    /// Accents, twins of letters from other alphabets, characters that cannot be seen, or a `#` left out.
    Letters,
}

/// What the tag is written with; the space after it belongs to the tag too.
pub const MARK: &str = "#med#";
/// The tag as it must be written, case aside: the space belongs to it.
const TAG: &str = "#med# ";
/// What mail programs put before the subject of an answer or of a forwarded message.
const PREFIXES: [&str; 4] = ["re", "tr", "fwd", "fw"];

/// Judges a decoded subject.
#[must_use]
pub fn tag(decoded_subject: &str) -> Tag {
    if Start::read(decoded_subject).tags > 0 {
        return Tag::Present;
    }
    near_miss(decoded_subject).map_or(Tag::Absent, Tag::NearMiss)
}

/// The subject without its tag, for copies relayed to other operators; nothing when there is no tag (S-3.4).
/// Prefixes stay, and so does whatever follows; a tag that answers have repeated goes each time.
#[must_use]
pub fn without_tag(decoded_subject: &str) -> Option<String> {
    let start = Start::read(decoded_subject);
    (start.tags > 0).then_some(start.kept)
}

/// The prefixes and tags that a subject starts with.
struct Start {
    tags: usize,
    /// The subject less its tags.
    kept: String,
}

impl Start {
    fn read(subject: &str) -> Self {
        let (mut tags, mut kept, mut rest) = (0, String::new(), subject);
        loop {
            // behind a tag, spaces hide no second one: it would stand at the start once the first is gone
            let behind_spaces = if tags > 0 { rest.trim_start_matches(is_space) } else { rest };
            if let Some(after) = after_tag(behind_spaces) {
                tags += 1;
                rest = after;
            } else if let Some(after) = after_prefix(rest) {
                kept.push_str(rest.strip_suffix(after).unwrap_or_default());
                rest = after;
            } else {
                kept.push_str(rest);
                return Self { tags, kept };
            }
        }
    }
}

fn after_tag(text: &str) -> Option<&str> {
    let (start, rest) = text.split_at_checked(TAG.len())?;
    start.eq_ignore_ascii_case(TAG).then_some(rest)
}

/// What follows `Re:`, `RE :` (French writes a space, often a no-break one, before the colon) and their like.
fn after_prefix(text: &str) -> Option<&str> {
    let text = text.trim_start_matches(is_space);
    let end = text.find(|c: char| !c.is_ascii_alphabetic())?;
    let (word, rest) = text.split_at_checked(end)?;
    if !PREFIXES.iter().any(|prefix| prefix.eq_ignore_ascii_case(word)) {
        return None;
    }
    Some(rest.trim_start_matches(is_space).strip_prefix(':')?.trim_start_matches(is_space))
}

/// Space, tab, no-break space and narrow no-break space.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{A0}' | '\u{202F}')
}

/// What a subject without a tag has that may have been meant as one.
fn near_miss(subject: &str) -> Option<NearMiss> {
    let seen = fold::skeleton(subject);
    let joined: String = seen.split_whitespace().collect();
    if !holds_tag(&joined) && !holds_tag(&joined.replace("rn", "m")) && !holds_half_tag(&seen) {
        return None;
    }
    let lower = subject.to_ascii_lowercase();
    if lower.contains(TAG) {
        return Some(NearMiss::Place);
    }
    let spaced: String = lower.split_whitespace().collect();
    Some(if spaced.contains("#med#") { NearMiss::Space } else { NearMiss::Letters })
}

/// `#med#` anywhere, one of its characters possibly lost to a wrong charset.
fn holds_tag(seen: &str) -> bool {
    let seen: Vec<char> = seen.chars().collect();
    seen.windows(5).any(|window| {
        let lost = window.iter().filter(|c| **c == char::REPLACEMENT_CHARACTER).count();
        let same = window.iter().zip("#med#".chars()).filter(|(c, tag)| **c == *tag).count();
        lost <= 1 && lost + same == 5
    })
}

/// `#med` or `med#` as a word of its own; `#medecine` is none.
fn holds_half_tag(seen: &str) -> bool {
    let ends_word = |text: &str| !text.starts_with(char::is_alphanumeric);
    let starts_word = |text: &str| !text.ends_with(char::is_alphanumeric);
    seen.match_indices("#med").any(|(at, half)| ends_word(seen.get(at + half.len()..).unwrap_or_default()))
        || seen.match_indices("med#").any(|(at, _)| starts_word(seen.get(..at).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_tag_stands_at_the_start_or_after_prefixes() {
        for (subject, without) in [
            ("#med# Compte rendu", "Compte rendu"),
            ("#MED# Compte rendu", "Compte rendu"),
            ("#Med# Compte rendu", "Compte rendu"),
            ("#med#  deux espaces", " deux espaces"),
            ("#med# ", ""),
            ("Re: #med# x", "Re: x"),
            ("RE : #med# x", "RE : x"),
            ("Re\u{A0}: #MED# x", "Re\u{A0}: x"),
            ("Re\u{202F}:\u{A0}#med# x", "Re\u{202F}:\u{A0}x"),
            ("TR: #med# x", "TR: x"),
            ("Tr :#med# x", "Tr :x"),
            ("Fwd: #med# x", "Fwd: x"),
            ("FW: #med# x", "FW: x"),
            ("fw:re:TR : Fwd : #med# x", "fw:re:TR : Fwd : x"),
            ("Re: #med# RE: #med# x", "Re: RE: x"),
            ("#med# #med# x", "x"),
            ("#med#  #med# x", "x"),
            ("Re:#med#  #med# x", "Re:x"),
            ("Re: #med# \u{A0}#med# x", "Re: x"),
            ("#med# Re: x", "Re: x"),
            ("#med# Re: #med# x", "Re: x"),
            ("Re:  #med# é", "Re:  é"),
            ("#med# voir #med# ici", "voir #med# ici"),
        ] {
            assert_eq!(tag(subject), Tag::Present, "{subject:?}");
            assert_eq!(without_tag(subject).as_deref(), Some(without), "{subject:?}");
        }
    }

    #[test]
    fn what_only_looks_like_the_tag_is_seen() {
        use NearMiss::{Letters, Place, Space};
        for (subject, miss) in [
            (" #med# x", Place),
            ("Bonjour #med# x", Place),
            ("x #MED# ", Place),
            ("AW: #med# x", Place),
            ("Re[2]: #med# x", Place),
            ("Re #med# x", Place),
            ("re;#med# x", Place),
            ("#med#", Space),
            ("#med#x", Space),
            ("#MED#:x", Space),
            ("Re: #med#x", Space),
            ("x #med#", Space),
            ("#med#\u{A0}x", Space),
            ("#med#\tx", Space),
            ("#med#_x", Space),
            ("# med# x", Space),
            ("#med # x", Space),
            ("# m e d # x", Space),
            ("#méd# x", Letters),
            ("#мed# x", Letters),
            ("#mеd# x", Letters),
            ("#MЕD# x", Letters),
            ("#meԁ# x", Letters),
            ("#rned# x", Letters),
            ("＃med＃ x", Letters),
            ("♯med♯ x", Letters),
            ("#️⃣med#️⃣ x", Letters),
            ("#𝗺𝗲𝗱# x", Letters),
            ("#m\u{200B}ed# x", Letters),
            ("\u{FEFF}#med\u{AD}# x", Letters),
            ("#m\u{FFFD}d# x", Letters),
            ("#me\0d# x", Letters),
            ("#med x", Letters),
            ("#med", Letters),
            ("med# x", Letters),
            ("Re: #Med, x", Letters),
        ] {
            assert_eq!(tag(subject), Tag::NearMiss(miss), "{subject:?}");
            assert_eq!(without_tag(subject), None, "{subject:?}");
        }
    }

    #[test]
    fn ordinary_subjects_have_no_tag() {
        for subject in [
            "",
            "Compte rendu",
            "Re: Fwd: bonjour",
            "#medecine générale",
            "#Medimail",
            "remed#",
            "Dr Smed #3",
            "[med] x",
            "C# medium",
            "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}",
            "#m\u{FFFD}\u{FFFD}# x",
            "XDM/1.0/DDM+CR DUPONT Jean",
        ] {
            assert_eq!(tag(subject), Tag::Absent, "{subject:?}");
            assert_eq!(without_tag(subject), None);
        }
    }

    fn prefix() -> impl Strategy<Value = String> {
        "([Rr][Ee]|[Tt][Rr]|[Ff][Ww]|[Ff][Ww][Dd])[ \u{A0}\u{202F}]?:[ \u{A0}]{0,2}"
    }

    proptest! {
        #[test]
        fn any_subject_is_judged_without_panic(subject in any::<String>()) {
            prop_assert_eq!(tag(&subject) == Tag::Present, without_tag(&subject).is_some());
        }

        #[test]
        fn a_tag_that_was_removed_is_gone(pieces in prop::collection::vec("#med# |#med#|Re|:| |\u{A0}|x", 0..12)) {
            if let Some(rest) = without_tag(&pieces.concat()) {
                prop_assert_ne!(tag(&rest), Tag::Present);
                prop_assert_ne!(tag(rest.trim_start()), Tag::Present);
            }
        }

        #[test]
        fn any_prefixes_keep_the_tag(prefixes in prop::collection::vec(prefix(), 0..5), upper in any::<bool>(), rest in "[a-zé ]{0,12}") {
            let prefixes = prefixes.concat();
            let subject = format!("{prefixes}{}{rest}", if upper { "#MED# " } else { "#med# " });
            prop_assert_eq!(tag(&subject), Tag::Present);
            prop_assert_eq!(without_tag(&subject), Some(format!("{prefixes}{rest}")));
        }

        #[test]
        fn one_change_to_the_tag_is_never_taken_for_nothing(at in 0_usize..5, c in "[ \u{200B}\u{AD}\u{A0}\u{2060}]", rest in "[a-zé ]{0,12}") {
            let mut tagged = "#med# ".to_owned();
            tagged.insert_str(at, &c);
            prop_assert_ne!(tag(&format!("{tagged}{rest}")), Tag::Absent);
            prop_assert_ne!(tag(&format!("{rest}#med#{rest}")), Tag::Absent);
        }
    }
}
