//! Text made comparable: no case, no accents, no typography (I18NLEVEL=1 in spirit, RFC 5255 §4.2).
//! May use Unicode tables only. Must never know where text comes from.
//!
//! Folding works character by character but for runs of white space, so a text may be folded in pieces of any size.

use memchr::memmem::Finder;
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Folds a text that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Folder {
    after_space: bool,
}

impl Folder {
    /// Appends the folded form of the next piece.
    pub(super) fn push(&mut self, piece: &str, out: &mut String) {
        for c in piece.chars() {
            if c.is_ascii() {
                self.push_plain(c, out);
            } else {
                decompose_compatible(c, |c| self.push_decomposed(c, out));
            }
        }
    }

    fn push_decomposed(&mut self, c: char, out: &mut String) {
        match c {
            c if is_combining_mark(c) => {}
            // Invisible: soft hyphen, zero-width characters, byte-order mark.
            '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {}
            // Word processors type these where people search for the plain ones.
            '\u{2018}' | '\u{2019}' => self.push_plain('\'', out),
            '\u{201c}' | '\u{201d}' => self.push_plain('"', out),
            '\u{2010}'..='\u{2015}' => self.push_plain('-', out),
            'œ' | 'Œ' => self.push_str("oe", out),
            'æ' | 'Æ' => self.push_str("ae", out),
            'ß' | 'ẞ' => self.push_str("ss", out),
            c => c.to_lowercase().for_each(|c| self.push_plain(c, out)),
        }
    }

    fn push_str(&mut self, text: &str, out: &mut String) {
        text.chars().for_each(|c| self.push_plain(c, out));
    }

    /// Runs of white space, line ends included, are one space: a phrase is found across a wrapped line.
    fn push_plain(&mut self, c: char, out: &mut String) {
        let space = c.is_whitespace();
        if !space {
            out.push(c.to_ascii_lowercase());
        } else if !self.after_space {
            out.push(' ');
        }
        self.after_space = space;
    }
}

/// A text looked for, folded once.
#[derive(Debug)]
pub(super) struct Needle {
    finder: Finder<'static>,
}

impl Needle {
    /// Folds what the client wrote.
    pub(super) fn new(text: &str) -> Self {
        Self { finder: Finder::new(fold(text).as_bytes()).into_owned() }
    }

    /// Whether anything at all holds it.
    pub(super) fn is_empty(&self) -> bool {
        self.finder.needle().is_empty()
    }

    /// Whether a whole text, not folded yet, holds it.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.is_empty() || self.finder.find(fold(text).as_bytes()).is_some()
    }

    fn len(&self) -> usize {
        self.finder.needle().len()
    }
}

/// Looks for several needles in one text that comes in pieces; keeps only as much as the longest needle.
#[derive(Debug)]
pub(super) struct Scan<'n> {
    needles: Vec<(&'n Needle, bool)>,
    folder: Folder,
    window: String,
    keep: usize,
}

impl<'n> Scan<'n> {
    /// Starts at the beginning of a text.
    pub(super) fn new(needles: impl IntoIterator<Item = &'n Needle>) -> Self {
        let needles: Vec<_> = needles.into_iter().map(|needle| (needle, needle.is_empty())).collect();
        let keep = needles.iter().map(|(needle, _)| needle.len()).max().unwrap_or(0).saturating_sub(1);
        Self { needles, folder: Folder::default(), window: String::new(), keep }
    }

    /// Looks at the next piece.
    pub(super) fn push(&mut self, piece: &str) {
        self.folder.push(piece, &mut self.window);
        for (needle, found) in &mut self.needles {
            *found = *found || needle.finder.find(self.window.as_bytes()).is_some();
        }
        let mut cut = self.window.len().saturating_sub(self.keep);
        while !self.window.is_char_boundary(cut) {
            cut -= 1;
        }
        self.window.drain(..cut);
    }

    /// A new text begins (another field, another part): nothing is found across the border.
    pub(super) fn next_text(&mut self) {
        self.folder = Folder::default();
        self.window.clear();
    }

    /// Whether each needle was found; no need to read on.
    pub(super) fn is_complete(&self) -> bool {
        self.needles.iter().all(|(_, found)| *found)
    }

    /// Which needles were found, in the order given.
    pub(super) fn found(&self) -> impl Iterator<Item = bool> + '_ {
        self.needles.iter().map(|(_, found)| *found)
    }
}

fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    Folder::default().push(text, &mut folded);
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_accents_and_typography_do_not_count() {
        for (needle, text) in [
            ("hopital", "L’Hôpital Nord"),
            ("HÔPITAL", "hopital"),
            ("l'hôpital", "à l\u{2019}hopital"),
            ("coeur", "insuffisance du CŒUR"),
            ("cœur", "coeur"),
            ("compte rendu", "compte\u{a0}rendu"),
            ("compte rendu", "compte\r\n rendu"),
            ("éte", "E\u{301}TE\u{301}"),
            ("strasse", "Straße"),
            ("œdème aigu", "OEDEME   AIGU"),
            ("fibrillation", "fi\u{ad}brillation"),
            ("finances", "\u{fb01}nances"),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
        ] {
            assert!(Needle::new(needle).is_in(text), "{needle} in {text}");
        }
        assert!(!Needle::new("compterendu").is_in("compte rendu"));
        assert!(Needle::new("").is_in(""));
    }

    #[test]
    fn nothing_is_found_across_two_texts() {
        let needle = Needle::new("ab");
        let mut scan = Scan::new([&needle]);
        scan.push("a");
        scan.next_text();
        scan.push("b");
        assert!(!scan.is_complete());
        scan.push("ab");
        assert!(scan.is_complete());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// Cutting a text anywhere changes neither its folded form nor what is found in it.
        #[test]
        fn pieces_do_not_matter(text in "[aAéÉœ \r\n’\u{301}ß]{0,40}", needle in "[aeoE ’é]{0,4}", size in 1usize..7) {
            let needle = Needle::new(&needle);
            let chars: Vec<char> = text.chars().collect();
            let mut scan = Scan::new([&needle]);
            let mut folded = String::new();
            let mut folder = Folder::default();
            for piece in chars.chunks(size) {
                let piece: String = piece.iter().collect();
                scan.push(&piece);
                folder.push(&piece, &mut folded);
                prop_assert!(scan.window.len() <= needle.len().max(1));
            }
            prop_assert_eq!(&folded, &fold(&text));
            prop_assert_eq!(scan.found().next(), Some(needle.is_in(&text)));
        }
    }
}
