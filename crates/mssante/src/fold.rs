//! Text seen the way a hurried eye sees it: without accents, case, invisible marks, or foreign twins of letters.
//!
//! May use: `unicode-normalization`. Must never touch: a decision; callers decide what a likeness means.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Folds `text` to the plain lower-case letters that it looks like. White space stays as it is; what cannot be
/// seen (zero-width, direction marks, controls, variation selectors) is dropped.
pub(crate) fn skeleton(text: &str) -> String {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c) && !is_invisible(*c))
        .flat_map(|c| twin(c).to_lowercase())
        .map(twin)
        .collect()
}

/// The letters and digits of a name, without accents, in lower case: `Jean-François` gives `jeanfrancois`.
pub(crate) fn letters(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase) {
        match c {
            'œ' => out.push_str("oe"),
            'æ' => out.push_str("ae"),
            'ß' => out.push_str("ss"),
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            _ => out.push(c),
        }
    }
    out
}

/// Characters that leave no mark on the screen: format controls, fillers, tags, and plain controls but white space.
pub(crate) fn is_invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{600}'..='\u{605}' | '\u{61C}' | '\u{6DD}' | '\u{70F}'
            | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// The plain character that `c` can be taken for, among those of `#med#` and `mssante`; others stay.
fn twin(c: char) -> char {
    match c {
        '♯' | '⌗' | '⋕' | '⧣' | '𝄪' | 'ⵌ' => '#',
        'м' | 'М' | 'Μ' | 'Ϻ' | 'ϻ' | 'ᴍ' | 'Ꮇ' | 'ᗰ' | 'ꓟ' | 'ʍ' | 'ɱ' => 'm',
        'е' | 'Е' | 'Ε' | 'ε' | 'є' | 'Є' | '℮' | 'ҽ' | 'ɛ' | 'ə' | 'ǝ' | 'ᴇ' | 'Ꭼ' | 'ꓰ' | 'ⴹ' | '∊'
        | 'ɇ' => 'e',
        'ԁ' | 'Ԁ' | 'ɗ' | 'đ' | 'Đ' | 'ð' | 'Ð' | 'ɖ' | 'ᴅ' | 'Ꭰ' | 'Ꮷ' | 'ᗪ' | 'ᗞ' | 'ꓓ' | 'ძ' | '∂' => {
            'd'
        }
        'ѕ' | 'Ѕ' | 'ꓢ' | 'ꜱ' | 'ſ' | 'ʂ' => 's',
        'а' | 'А' | 'α' | 'Α' | 'ɑ' | 'ᴀ' | 'ꓮ' => 'a',
        'п' | 'ո' | 'η' | 'ɴ' | 'Ν' | 'ꓠ' => 'n',
        'т' | 'Т' | 'τ' | 'Τ' | 'ᴛ' | 'ꓔ' | 'ŧ' => 't',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_accents_and_invisible_marks_fold_away() {
        for text in [
            "#MED#",
            "#méd#",
            "＃ｍｅｄ＃",
            "#\u{200B}m\u{AD}ed#",
            "♯мԁ#".replace('ԁ', "еԁ").as_str(),
            "#️⃣med#️⃣",
            "#𝐦𝐞𝐝#",
        ] {
            assert_eq!(skeleton(text), "#med#", "{text}");
        }
    }

    #[test]
    fn names_keep_their_letters_only() {
        for (name, kept) in
            [("Jean-François", "jeanfrancois"), ("Le Goff", "legoff"), ("L'Œuvre", "loeuvre"), ("", "")]
        {
            assert_eq!(letters(name), kept);
        }
    }
}
