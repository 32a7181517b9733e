//! The keys of SEARCH (RFC 3501 §6.4.4, RFC 5032, RFC 7162 §3.1.5, RFC 8514 §4.3).

use encoding_rs::{Encoding, UTF_8};

use crate::{
    Names,
    command::{Flag, SearchKey, SearchText},
};

use super::{
    cursor::{Cursor, Fault, Parsed},
    dates, fetch, flags, sets,
};

/// Deepest nesting of parentheses, NOT and OR.
pub const SEARCH_DEPTH: usize = 16;

/// Most keys in one command.
pub const SEARCH_KEYS: usize = 1000;

/// Most texts in one command: each is looked for in all that is read.
pub const SEARCH_TEXTS: usize = 64;

const A_KEY: &str = "a search key such as UNSEEN, SINCE 1-Feb-2026 or FROM \"martin\"";

/// What holds for the whole command.
struct Search {
    charset: &'static Encoding,
    keys: usize,
    texts: usize,
}

pub(super) fn search(cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
    let mut search = Search { charset: UTF_8, keys: 0, texts: 0 };
    if cursor.take_word("CHARSET") {
        if cursor.names() == Names::Utf8Accept {
            return Err(Fault::other("no CHARSET once UTF8=ACCEPT is enabled: texts are UTF-8"));
        }
        cursor.space()?;
        search.charset = charset(&cursor.astring("a charset such as UTF-8")?)?;
        cursor.space()?;
    }
    let mut keys = vec![search.key(cursor, 0)?];
    while !cursor.at_end() {
        cursor.space()?;
        keys.push(search.key(cursor, 0)?);
    }
    Ok(all_of(keys))
}

/// The charset of that name. UTF-16 is refused: its strings would hold zero bytes.
fn charset(name: &[u8]) -> Parsed<&'static Encoding> {
    Encoding::for_label(name).filter(|charset| charset.is_ascii_compatible()).ok_or(Fault::Charset)
}

fn all_of(mut keys: Vec<SearchKey>) -> SearchKey {
    match (keys.len(), keys.pop()) {
        (1, Some(key)) => key,
        (_, Some(last)) => {
            keys.push(last);
            SearchKey::And(keys)
        }
        (_, None) => SearchKey::All,
    }
}

impl Search {
    fn key(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<SearchKey> {
        self.keys += 1;
        if self.keys > SEARCH_KEYS {
            return Err(Fault::other("at most 1000 search keys"));
        }
        if depth > SEARCH_DEPTH {
            return Err(Fault::other("search keys nested too deep: at most 16 levels"));
        }
        match cursor.peek() {
            Some(b'(') => self.parenthesised(cursor, depth),
            Some(b'*' | b'$' | b'0'..=b'9') => Ok(SearchKey::Sequence(sets::set(cursor)?)),
            _ => {
                let fault = cursor.expected(A_KEY);
                let word = cursor.word(A_KEY)?;
                if let Some(key) = simple(&word) {
                    return Ok(key);
                }
                cursor.space().map_err(|_| fault.clone())?;
                match word.as_str() {
                    "NOT" => Ok(SearchKey::Not(Box::new(self.key(cursor, depth + 1)?))),
                    "OR" => {
                        let one = self.key(cursor, depth + 1)?;
                        cursor.space()?;
                        Ok(SearchKey::Or(Box::new(one), Box::new(self.key(cursor, depth + 1)?)))
                    }
                    word => self.with_argument(word, cursor)?.ok_or(fault),
                }
            }
        }
    }

    fn parenthesised(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<SearchKey> {
        cursor.skip(1);
        let mut keys = Vec::new();
        loop {
            keys.push(self.key(cursor, depth + 1)?);
            if cursor.take(b')') {
                return Ok(all_of(keys));
            }
            cursor.space()?;
        }
    }

    fn with_argument(&mut self, word: &str, cursor: &mut Cursor<'_>) -> Parsed<Option<SearchKey>> {
        Ok(Some(match word {
            "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => {
                SearchKey::Header(word.to_owned(), self.text(cursor)?)
            }
            "HEADER" => {
                let name = fetch::field_name(cursor)?;
                cursor.space()?;
                SearchKey::Header(name, self.text(cursor)?)
            }
            "BODY" => SearchKey::Body(self.text(cursor)?),
            "TEXT" => SearchKey::Text(self.text(cursor)?),
            "BEFORE" => SearchKey::Before(dates::date(cursor)?),
            "ON" => SearchKey::On(dates::date(cursor)?),
            "SINCE" => SearchKey::Since(dates::date(cursor)?),
            "SENTBEFORE" => SearchKey::SentBefore(dates::date(cursor)?),
            "SENTON" => SearchKey::SentOn(dates::date(cursor)?),
            "SENTSINCE" => SearchKey::SentSince(dates::date(cursor)?),
            "LARGER" => SearchKey::Larger(cursor.number("a number of bytes")?),
            "SMALLER" => SearchKey::Smaller(cursor.number("a number of bytes")?),
            "KEYWORD" => SearchKey::Has(Flag::Keyword(flags::keyword(cursor)?)),
            "UNKEYWORD" => SearchKey::Lacks(Flag::Keyword(flags::keyword(cursor)?)),
            "UID" => SearchKey::Uid(sets::set(cursor)?),
            "OLDER" => SearchKey::Older(interval(cursor)?),
            "YOUNGER" => SearchKey::Younger(interval(cursor)?),
            "MODSEQ" => SearchKey::ModSeq(mod_sequence(cursor)?),
            "SAVEDBEFORE" => SearchKey::SavedBefore(dates::date(cursor)?),
            "SAVEDON" => SearchKey::SavedOn(dates::date(cursor)?),
            "SAVEDSINCE" => SearchKey::SavedSince(dates::date(cursor)?),
            _ => return Ok(None),
        }))
    }

    /// A text in the charset of the command. Without CHARSET it should be ASCII; UTF-8 is what clients send.
    fn text(&mut self, cursor: &mut Cursor<'_>) -> Parsed<SearchText> {
        self.texts += 1;
        if self.texts > SEARCH_TEXTS {
            return Err(Fault::other("at most 64 texts in a search: split the command"));
        }
        let bytes = cursor.astring("a text to look for")?;
        match self.charset.decode_without_bom_handling_and_without_replacement(&bytes) {
            Some(text) => Ok(SearchText::new(text.into_owned())),
            None => Err(Fault::other("the text is not in the charset of the command: send UTF-8")),
        }
    }
}

/// Seconds, at least one (RFC 5032 §3).
fn interval(cursor: &mut Cursor<'_>) -> Parsed<u32> {
    let fault = cursor.expected("a number of seconds from 1");
    cursor.number("a number of seconds from 1").ok().filter(|seconds| *seconds > 0).ok_or(fault)
}

/// What follows MODSEQ: a mod-sequence, maybe behind the name of a flag and whose it is. Both are read and change nothing:
/// a message has one mod-sequence for all its flags here, as RFC 7162 §3.1.5 lets a server have.
fn mod_sequence(cursor: &mut Cursor<'_>) -> Parsed<u64> {
    if cursor.peek() == Some(b'"') {
        let fault = cursor.expected(r#"an entry such as "/flags/\Seen""#);
        let entry = cursor.string_text("an entry")?;
        if !entry.to_ascii_lowercase().starts_with("/flags/") {
            return Err(fault);
        }
        cursor.space()?;
        let fault = cursor.expected("priv, shared or all");
        if !["PRIV", "SHARED", "ALL"].into_iter().any(|whose| cursor.take_word(whose)) {
            return Err(fault);
        }
        cursor.space()?;
    }
    cursor.mod_sequence_or_zero()
}

/// Keys without argument.
fn simple(word: &str) -> Option<SearchKey> {
    Some(match word {
        "ALL" => SearchKey::All,
        "ANSWERED" => SearchKey::Has(Flag::Answered),
        "DELETED" => SearchKey::Has(Flag::Deleted),
        "DRAFT" => SearchKey::Has(Flag::Draft),
        "FLAGGED" => SearchKey::Has(Flag::Flagged),
        "SEEN" => SearchKey::Has(Flag::Seen),
        "UNANSWERED" => SearchKey::Lacks(Flag::Answered),
        "UNDELETED" => SearchKey::Lacks(Flag::Deleted),
        "UNDRAFT" => SearchKey::Lacks(Flag::Draft),
        "UNFLAGGED" => SearchKey::Lacks(Flag::Flagged),
        "UNSEEN" => SearchKey::Lacks(Flag::Seen),
        "RECENT" => SearchKey::Recent,
        "NEW" => SearchKey::And(vec![SearchKey::Recent, SearchKey::Lacks(Flag::Seen)]),
        "OLD" => SearchKey::Not(Box::new(SearchKey::Recent)),
        "SAVEDATESUPPORTED" => SearchKey::SaveDateSupported,
        _ => return None,
    })
}
