//! RETURN of SEARCH (RFC 4731 §3.1, RFC 5182 §2.1; RFC 9051 §6.4.4): which answers a client wants.

use crate::command::SearchReturn;

use super::cursor::{Cursor, Parsed};

/// `RETURN (…) `, the space behind it included, if it is there. `RETURN ()` asks for ALL.
pub(super) fn options(cursor: &mut Cursor<'_>) -> Parsed<Option<SearchReturn>> {
    const AN_OPTION: &str = "MIN, MAX, ALL, COUNT or SAVE";
    if !cursor.take_word("RETURN") {
        return Ok(None);
    }
    cursor.space()?;
    cursor.byte(b'(', "a parenthesised list of return options")?;
    let mut returns = SearchReturn::default();
    if cursor.take(b')') {
        returns.all = true;
        cursor.space()?;
        return Ok(Some(returns));
    }
    loop {
        let fault = cursor.expected(AN_OPTION);
        match cursor.word(AN_OPTION)?.as_str() {
            "MIN" => returns.min = true,
            "MAX" => returns.max = true,
            "ALL" => returns.all = true,
            "COUNT" => returns.count = true,
            "SAVE" => returns.save = true,
            _ => return Err(fault),
        }
        if cursor.take(b')') {
            cursor.space()?;
            return Ok(Some(returns));
        }
        cursor.space()?;
    }
}
