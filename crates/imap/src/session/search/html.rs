//! The text of an HTML part for SEARCH, piece by piece: tags, comments, scripts and styles left out, entities decoded.
//! May use plain values only. Must never hold more than a tag's name or an entity, nor fail: what is broken is text.

use encoding_rs::WINDOWS_1252;

/// Longest name of a tag that is looked at; those that matter are shorter.
const TAG_NAME: usize = 16;

/// Longest entity, without `&` and `;`.
const ENTITY: usize = 12;

/// Elements whose content nobody reads.
const HIDDEN: [&str; 2] = ["script", "style"];

/// Elements within a line: a word goes on across their tags. All others end a word.
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var",
    "wbr",
];

/// A page on its way to text.
#[derive(Debug, Default)]
pub(super) struct Page {
    state: State,
    /// The element whose end is waited for.
    hidden: Option<&'static str>,
    text: String,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    /// Behind `<`: the name of a tag so far.
    Name(String),
    /// Behind a tag's name: whether a value comes next, and the quote it is in.
    Tag { name: String, value: bool, quote: Option<char> },
    /// Behind `<!`: so many hyphens of a comment's start.
    Declaration(u8),
    /// In a comment: hyphens seen last.
    Comment(u8),
    /// Behind `&`.
    Entity(String),
}

impl Page {
    /// The text of the next piece; what is cut in the middle comes with the piece after.
    pub(super) fn push(&mut self, piece: &str) -> &str {
        self.text.clear();
        piece.chars().for_each(|c| self.take(c));
        &self.text
    }

    /// What an unfinished end held back.
    pub(super) fn finish(&mut self) -> &str {
        self.text.clear();
        match std::mem::take(&mut self.state) {
            State::Entity(name) => self.entity(&name, ""),
            State::Name(name) => {
                self.show('<');
                name.chars().for_each(|c| self.show(c));
            }
            _ => {}
        }
        &self.text
    }

    fn take(&mut self, c: char) {
        self.state = match std::mem::take(&mut self.state) {
            State::Text => self.in_text(c),
            State::Name(name) => self.in_name(name, c),
            State::Tag { name, value, quote } => self.in_tag(name, value, quote, c),
            State::Declaration(hyphens) => match (hyphens, c) {
                (1, '-') => State::Comment(0),
                (0, '-') => State::Declaration(1),
                (_, '>') => State::Text,
                // No comment: to the next `>`.
                _ => State::Declaration(2),
            },
            State::Comment(hyphens) => match c {
                '>' if hyphens >= 2 => State::Text,
                '-' => State::Comment(hyphens.saturating_add(1)),
                _ => State::Comment(0),
            },
            State::Entity(name) => self.in_entity(name, c),
        };
    }

    fn in_text(&mut self, c: char) -> State {
        match c {
            '<' => State::Name(String::new()),
            '&' if self.hidden.is_none() => State::Entity(String::new()),
            c => {
                self.show(c);
                State::Text
            }
        }
    }

    fn in_name(&mut self, mut name: String, c: char) -> State {
        let starts = name.is_empty() && (c.is_ascii_alphabetic() || matches!(c, '/' | '?'));
        let goes_on = !name.is_empty() && (c.is_ascii_alphanumeric() || c == ':');
        if name.is_empty() && c == '!' && self.hidden.is_none() {
            return State::Declaration(0);
        }
        if starts || goes_on {
            if name.len() < TAG_NAME {
                name.push(c.to_ascii_lowercase());
            }
            return State::Name(name);
        }
        if name.is_empty() {
            // `a < b`
            self.show('<');
            return self.in_text(c);
        }
        self.in_tag(name, false, None, c)
    }

    fn in_tag(&mut self, name: String, value: bool, quote: Option<char>, c: char) -> State {
        match (quote, c) {
            (Some(open), c) if c == open => State::Tag { name, value: false, quote: None },
            (Some(_), _) => State::Tag { name, value, quote },
            (None, '>') => {
                self.tag(&name);
                State::Text
            }
            // In a script it was an operator.
            (None, '<') if self.hidden.is_some() => State::Name(String::new()),
            (None, '"' | '\'') if value && self.hidden.is_none() => {
                State::Tag { name, value, quote: Some(c) }
            }
            (None, c) => State::Tag { name, value: c == '=' || (value && c.is_whitespace()), quote: None },
        }
    }

    fn in_entity(&mut self, mut name: String, c: char) -> State {
        if c == ';' {
            self.entity(&name, ";");
            return State::Text;
        }
        if (c.is_ascii_alphanumeric() || (c == '#' && name.is_empty())) && name.len() < ENTITY {
            name.push(c);
            return State::Entity(name);
        }
        self.entity(&name, "");
        self.in_text(c)
    }

    /// A tag ended.
    fn tag(&mut self, name: &str) {
        if let Some(hidden) = self.hidden {
            if name.strip_prefix('/') == Some(hidden) {
                self.hidden = None;
                self.show(' ');
            }
            return;
        }
        self.hidden = HIDDEN.into_iter().find(|hidden| *hidden == name);
        let element = name.strip_prefix('/').unwrap_or(name);
        if !INLINE.contains(&element) {
            self.show(' ');
        }
    }

    /// What an entity stands for, or what was written if nobody knows.
    fn entity(&mut self, name: &str, end: &str) {
        match decode(name) {
            Some(c) => self.show(c),
            None => {
                self.show('&');
                name.chars().chain(end.chars()).for_each(|c| self.show(c));
            }
        }
    }

    fn show(&mut self, c: char) {
        if self.hidden.is_none() {
            self.text.push(c);
        }
    }
}

/// The names of U+00A0 to U+00FF (HTML 4 §24.2.1), in that order.
const LATIN_1: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 \
    acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring \
    AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times \
    Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave \
    eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute \
    ucirc uuml yacute thorn yuml";

/// Other names that mail uses.
const OTHERS: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("OElig", '\u{152}'),
    ("oelig", '\u{153}'),
    ("Yuml", '\u{178}'),
    ("ndash", '\u{2013}'),
    ("mdash", '\u{2014}'),
    ("lsquo", '\u{2018}'),
    ("rsquo", '\u{2019}'),
    ("sbquo", '\u{201a}'),
    ("ldquo", '\u{201c}'),
    ("rdquo", '\u{201d}'),
    ("bdquo", '\u{201e}'),
    ("lsaquo", '\u{2039}'),
    ("rsaquo", '\u{203a}'),
    ("hellip", '\u{2026}'),
    ("bull", '\u{2022}'),
    ("euro", '\u{20ac}'),
    ("trade", '\u{2122}'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("thinsp", '\u{2009}'),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("alpha", '\u{3b1}'),
    ("beta", '\u{3b2}'),
    ("gamma", '\u{3b3}'),
    ("mu", '\u{3bc}'),
    ("le", '\u{2264}'),
    ("ge", '\u{2265}'),
    ("ne", '\u{2260}'),
];

fn decode(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return match u8::try_from(code) {
            // What browsers make of them: Windows-1252.
            Ok(byte @ 0x80..=0x9f) => WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next(),
            _ => char::from_u32(code).filter(|c| *c != '\0'),
        };
    }
    let latin = (0xa0..=0xff_u8).zip(LATIN_1.split_whitespace()).find(|(_, known)| *known == name);
    latin
        .map(|(code, _)| char::from(code))
        .or_else(|| OTHERS.iter().find(|(known, _)| *known == name).map(|(_, c)| *c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(page: &str, size: usize) -> String {
        let mut state = Page::default();
        let mut text = String::new();
        let characters: Vec<char> = page.chars().collect();
        for piece in characters.chunks(size.max(1)) {
            text.push_str(state.push(&piece.iter().collect::<String>()));
        }
        text + state.finish()
    }

    #[test]
    fn what_a_reader_sees_is_left() {
        for (page, seen) in [
            ("<p>H&eacute;mo<b>glo</b>bine</p>", " H\u{e9}moglobine "),
            ("c&oelig;ur&nbsp;: 3&#44;5 &#x2264; 4 &#146;", "c\u{153}ur\u{a0}: 3,5 \u{2264} 4 \u{2019}"),
            ("un<br/>deux<td>trois</td>", "un deux trois "),
            ("<a href=\"x>y\" title='l&apos;eau'>lien</a>", "lien"),
            ("a < b && c > d &copy &inconnu; &", "a < b && c > d \u{a9} &inconnu; &"),
            ("<!-- <p>cach\u{e9}</p> -- > --->vu<!DOCTYPE html>", "vu"),
            ("<style>p { color: red }</style>x<SCRIPT>if (a<b) y=\"</p>\";</SCRIPT >z", " x z"),
            ("<o:p></o:p>fin <", "  fin <"),
            ("&amp;lt;", "&lt;"),
        ] {
            assert_eq!(text(page, usize::MAX).trim_end_matches('\u{0}'), seen, "{page}");
        }
    }

    #[test]
    fn every_latin_letter_has_its_name() {
        assert_eq!(LATIN_1.split_whitespace().count(), 96);
        assert_eq!(
            (decode("eacute"), decode("Ccedil"), decode("yuml")),
            (Some('\u{e9}'), Some('\u{c7}'), Some('\u{ff}'))
        );
        assert_eq!(
            (decode("#0"), decode("#1114112"), decode("#x110000"), decode("")),
            (None, None, None, None)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn cuts_do_not_matter(page in "(<|>|/|!|-|&|;|#|\"|'|=|p|b|script|eacute|x|\u{e9}| ){0,40}", size in 1_usize..5) {
            prop_assert_eq!(text(&page, size), text(&page, usize::MAX));
        }

        #[test]
        fn plain_text_stays(page in "[^<&]{0,80}") {
            prop_assert_eq!(text(&page, 3), page);
        }
    }
}
