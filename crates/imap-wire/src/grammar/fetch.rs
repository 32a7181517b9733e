//! The items of FETCH (RFC 3501 §6.4.5, RFC 3516 §4.2) and its modifiers (RFC 7162 §3.1.4.1, §3.2.6).

use crate::command::{
    BinaryFetch, FetchItem, Messages, Numbering, Partial, Section, SectionFetch, SectionName, SectionPart,
    SelectedCommand,
};

use super::cursor::{Cursor, Fault, Parsed};

/// Most different items in one FETCH.
pub const FETCH_ITEMS: usize = 64;

/// Most of them that ask for a part without its transfer encoding: each has it decoded.
pub const FETCH_BINARIES: usize = 8;

/// Most header fields named in one section.
pub const FETCH_FIELDS: usize = 256;

/// Deepest part path.
pub const SECTION_DEPTH: usize = 32;

const AN_ITEM: &str = "an item such as FLAGS, ENVELOPE or BODY.PEEK[]";
const A_SECTION: &str = "a section such as 1.2, HEADER, TEXT or HEADER.FIELDS (DATE FROM)";

pub(super) fn fetch(cursor: &mut Cursor<'_>, messages: Messages) -> Parsed<SelectedCommand> {
    let items = items(cursor, messages.numbering)?;
    let (changed_since, vanished) = if cursor.at_end() { (None, false) } else { modifiers(cursor)? };
    if vanished && (changed_since.is_none() || messages.numbering == Numbering::Sequence) {
        return Err(Fault::other("VANISHED goes with UID FETCH and beside CHANGEDSINCE"));
    }
    Ok(SelectedCommand::Fetch { messages, items, changed_since, vanished })
}

/// ` (CHANGEDSINCE 12345 VANISHED)`.
fn modifiers(cursor: &mut Cursor<'_>) -> Parsed<(Option<u64>, bool)> {
    const A_MODIFIER: &str = "CHANGEDSINCE or VANISHED";
    cursor.space()?;
    cursor.byte(b'(', "a parenthesised list of modifiers, or the end")?;
    let (mut changed_since, mut vanished) = (None, false);
    loop {
        let fault = cursor.expected(A_MODIFIER);
        match cursor.word(A_MODIFIER)?.as_str() {
            "CHANGEDSINCE" if changed_since.is_none() => {
                cursor.space()?;
                // iPhone Mail asks for what changed since 0, which RFC 7162 §7 does not allow: it means all.
                changed_since = Some(cursor.mod_sequence_or_zero()?);
            }
            "VANISHED" if !vanished => vanished = true,
            _ => return Err(fault),
        }
        if cursor.take(b')') {
            return Ok((changed_since, vanished));
        }
        cursor.space()?;
    }
}

fn items(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Vec<FetchItem>> {
    cursor.space()?;
    let mut items = Vec::new();
    if numbering == Numbering::Uid {
        items.push(FetchItem::Uid);
    }
    if cursor.take(b'(') {
        loop {
            add(&mut items, item(cursor)?)?;
            if cursor.take(b')') {
                break;
            }
            cursor.space()?;
        }
    } else if let Some(spelled_out) = take_macro(cursor) {
        items.extend(spelled_out);
    } else {
        add(&mut items, item(cursor)?)?;
    }
    Ok(items)
}

fn add(items: &mut Vec<FetchItem>, item: FetchItem) -> Parsed<()> {
    if items.contains(&item) {
        return Ok(());
    }
    if items.len() >= FETCH_ITEMS {
        return Err(Fault::other("at most 64 items"));
    }
    items.push(item);
    let is_binary = |item: &&FetchItem| matches!(item, FetchItem::Binary(_) | FetchItem::BinarySize(_));
    if items.iter().filter(is_binary).count() > FETCH_BINARIES {
        return Err(Fault::other("at most 8 BINARY items"));
    }
    Ok(())
}

fn take_macro(cursor: &mut Cursor<'_>) -> Option<Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Size};
    if cursor.take_word("FAST") {
        return Some(vec![Flags, InternalDate, Size]);
    }
    if cursor.take_word("ALL") {
        return Some(vec![Flags, InternalDate, Size, Envelope]);
    }
    cursor.take_word("FULL").then(|| vec![Flags, InternalDate, Size, Envelope, Body])
}

fn item(cursor: &mut Cursor<'_>) -> Parsed<FetchItem> {
    let fault = cursor.expected(AN_ITEM);
    let word = cursor.word(AN_ITEM)?;
    let sectioned = cursor.peek() == Some(b'[');
    Ok(match (word.as_str(), sectioned) {
        ("BODY", true) => FetchItem::Section(body_section(cursor, false)?),
        ("BODY.PEEK", true) => FetchItem::Section(body_section(cursor, true)?),
        ("BINARY", true) => FetchItem::Binary(binary(cursor, false)?),
        ("BINARY.PEEK", true) => FetchItem::Binary(binary(cursor, true)?),
        ("BINARY.SIZE", true) => FetchItem::BinarySize(part_numbers(cursor)?),
        ("UID", false) => FetchItem::Uid,
        ("FLAGS", false) => FetchItem::Flags,
        ("INTERNALDATE", false) => FetchItem::InternalDate,
        ("ENVELOPE", false) => FetchItem::Envelope,
        ("BODY", false) => FetchItem::Body,
        ("BODYSTRUCTURE", false) => FetchItem::BodyStructure,
        ("RFC822.SIZE", false) => FetchItem::Size,
        ("MODSEQ", false) => FetchItem::ModSeq,
        ("SAVEDATE", false) => FetchItem::SaveDate,
        ("RFC822", false) => old_name(SectionName::Rfc822, SectionPart::All),
        ("RFC822.HEADER", false) => old_name(SectionName::Rfc822Header, SectionPart::Header),
        ("RFC822.TEXT", false) => old_name(SectionName::Rfc822Text, SectionPart::Text),
        _ => return Err(fault),
    })
}

/// `RFC822…`: the section it stands for; only the header does not set `\Seen`.
fn old_name(name: SectionName, part: SectionPart) -> FetchItem {
    let peek = name == SectionName::Rfc822Header;
    FetchItem::Section(SectionFetch {
        name,
        section: Section { path: Vec::new(), part },
        peek,
        partial: None,
    })
}

fn body_section(cursor: &mut Cursor<'_>, peek: bool) -> Parsed<SectionFetch> {
    cursor.byte(b'[', A_SECTION)?;
    let section = section(cursor)?;
    cursor.byte(b']', "the ] that ends the section")?;
    let partial = if cursor.take(b'<') { Some(partial(cursor)?) } else { None };
    Ok(SectionFetch { name: SectionName::Body, section, peek, partial })
}

/// `section-binary` and a partial.
fn binary(cursor: &mut Cursor<'_>, peek: bool) -> Parsed<BinaryFetch> {
    let path = part_numbers(cursor)?;
    let partial = if cursor.take(b'<') { Some(partial(cursor)?) } else { None };
    Ok(BinaryFetch { path, peek, partial })
}

/// `section-binary`: part numbers alone, maybe none.
fn part_numbers(cursor: &mut Cursor<'_>) -> Parsed<Vec<u16>> {
    cursor.byte(b'[', A_SECTION)?;
    let mut path = Vec::new();
    while cursor.peek() != Some(b']') {
        if !path.is_empty() {
            cursor.byte(b'.', "part numbers such as 1.2, and the ] that ends them")?;
        }
        part_number(cursor, &mut path)?;
    }
    cursor.byte(b']', "the ] that ends the section")?;
    Ok(path)
}

/// One more part number.
fn part_number(cursor: &mut Cursor<'_>, path: &mut Vec<u16>) -> Parsed<()> {
    let fault = cursor.expected("a part number from 1 to 65535");
    let number = u16::try_from(cursor.number(A_SECTION)?).ok().filter(|number| *number > 0).ok_or(fault)?;
    if path.len() == SECTION_DEPTH {
        return Err(Fault::other("at most 32 levels of parts"));
    }
    path.push(number);
    Ok(())
}

fn section(cursor: &mut Cursor<'_>) -> Parsed<Section> {
    let mut path = Vec::new();
    while cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        part_number(cursor, &mut path)?;
        if !cursor.take(b'.') {
            return Ok(Section { path, part: SectionPart::All });
        }
    }
    if path.is_empty() && cursor.peek() == Some(b']') {
        return Ok(Section::default());
    }
    let part = section_part(cursor, !path.is_empty())?;
    Ok(Section { path, part })
}

fn section_part(cursor: &mut Cursor<'_>, of_part: bool) -> Parsed<SectionPart> {
    let fault = cursor.expected(A_SECTION);
    Ok(match cursor.word(A_SECTION)?.as_str() {
        "HEADER" => SectionPart::Header,
        "TEXT" => SectionPart::Text,
        "MIME" if of_part => SectionPart::Mime,
        "HEADER.FIELDS" => SectionPart::HeaderFields(fields(cursor)?),
        "HEADER.FIELDS.NOT" => SectionPart::HeaderFieldsNot(fields(cursor)?),
        _ => return Err(fault),
    })
}

fn fields(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.space()?;
    cursor.byte(b'(', "a parenthesised list of header fields")?;
    let mut names = Vec::new();
    loop {
        names.push(field_name(cursor)?);
        if names.len() > FETCH_FIELDS {
            return Err(Fault::other("at most 256 header fields"));
        }
        if cursor.take(b')') {
            return Ok(names);
        }
        cursor.space()?;
    }
}

/// `ftext` of RFC 5322 §3.6.8; also the argument of SEARCH HEADER.
pub(super) fn field_name(cursor: &mut Cursor<'_>) -> Parsed<String> {
    const A_FIELD: &str = "the name of a header field, such as Subject";
    let fault = cursor.expected(A_FIELD);
    let name = cursor.astring_text(A_FIELD)?;
    let legal = |byte: u8| matches!(byte, 0x21..=0x7e) && byte != b':';
    if name.is_empty() || !name.bytes().all(legal) { Err(fault) } else { Ok(name) }
}

fn partial(cursor: &mut Cursor<'_>) -> Parsed<Partial> {
    const A_PARTIAL: &str = "a range of bytes such as <0.2048>";
    let origin = cursor.number(A_PARTIAL)?;
    cursor.byte(b'.', A_PARTIAL)?;
    let fault = cursor.expected(A_PARTIAL);
    let length = cursor.number(A_PARTIAL)?;
    cursor.byte(b'>', A_PARTIAL)?;
    if length == 0 { Err(fault) } else { Ok(Partial { origin, length }) }
}
