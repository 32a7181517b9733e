//! The inside of a start tag (XML 1.0 §3.1): its name, and its attributes each after white space.

use std::borrow::Cow;

use super::{MAX_ATTRIBUTES, Wrong, text};

/// A start tag as written; names are not looked at yet.
pub(super) struct Tag<'d> {
    pub(super) name: &'d str,
    pub(super) attributes: Vec<(&'d str, Cow<'d, str>)>,
}

/// Reads `<name …>` or `<name …/>`.
pub(super) fn read(whole: &str) -> Result<Tag<'_>, Wrong> {
    let inside =
        whole.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).ok_or(Wrong::Form("a tag"))?;
    let inside = inside.strip_suffix('/').unwrap_or(inside);
    let end = inside.bytes().position(text::is_space).unwrap_or(inside.len());
    let (name, rest) = inside.split_at_checked(end).unwrap_or((inside, ""));
    if name.is_empty() {
        return Err(Wrong::Form("a name"));
    }
    Ok(Tag { name, attributes: attributes(rest)? })
}

/// Reads ` name = "value"`, any number of times.
pub(super) fn attributes(mut rest: &str) -> Result<Vec<(&str, Cow<'_, str>)>, Wrong> {
    let mut found = Vec::new();
    loop {
        let next = trimmed(rest);
        if next.is_empty() {
            return Ok(found);
        }
        if next.len() == rest.len() {
            return Err(Wrong::Form("attributes that no white space sets apart"));
        }
        if found.len() == MAX_ATTRIBUTES {
            return Err(Wrong::TooManyAttributes);
        }
        let (name, value) = next.split_once('=').ok_or(Wrong::Form("an attribute without a value"))?;
        let value = trimmed(value);
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let quoted = quote.and_then(|quote| value.get(1..)?.split_once(quote));
        let (value, after) = quoted.ok_or(Wrong::Form("an attribute's value without quotes"))?;
        found.push((name.trim_end_matches(SPACE), text::attribute_value(value)?));
        rest = after;
    }
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

fn trimmed(text: &str) -> &str {
    text.trim_start_matches(SPACE)
}
