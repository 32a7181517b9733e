//! What a client's own grammar understands of our answers: imap-proto's, and for what it does not know, as it knows something of
//! the same form.

use imap_proto::Response;

/// Items of STATUS that it does not know: numbers like MESSAGES.
const STATUS_ITEMS: [&str; 4] = ["DELETED-STORAGE ", "DELETED ", "SIZE ", "APPENDLIMIT "];

/// Responses that it does not know: RFC 2342, RFC 4731.
const UNKNOWN: [&[u8]; 2] = [b"* NAMESPACE", b"* ESEARCH (TAG \"A\")"];

/// `* SEARCH 1 2 (MODSEQ 3)`, which it does not know either.
fn searched_by_mod_sequence(answer: &[u8]) -> bool {
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let Some((numbers, modseq)) =
        line.strip_prefix("* SEARCH ").and_then(|rest| rest.split_once(" (MODSEQ "))
    else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.split(' ').all(digits) && modseq.strip_suffix(')').is_some_and(digits)
}

/// A client's own grammar must take every response, to the last byte.
pub(crate) fn understood(answer: &[u8]) {
    let rewritten = str::from_utf8(answer).map(known_forms);
    let mut rest = rewritten.as_deref().map_or(answer, str::as_bytes);
    while !rest.is_empty() {
        if UNKNOWN.iter().any(|word| rest.starts_with(word)) || searched_by_mod_sequence(rest) {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
            rest = &rest[end + 1..];
            continue;
        }
        match Response::parse(rest) {
            Ok((after, _)) => rest = after,
            Err(error) => panic!("{error:?} in {}", String::from_utf8_lossy(rest)),
        }
    }
}

fn known_forms(answer: &str) -> String {
    // It knows no BODY without a section; what follows has the grammar of BODYSTRUCTURE.
    let answer = answer.replace("BODY (", "BODYSTRUCTURE (");
    // RFC 3516: the grammar of a section, a literal, a number.
    let answer =
        answer.replace("BINARY.SIZE[", "BINARY.SIZE [").replace("BINARY[", "BODY[").replace("~{", "{");
    let lines = answer.split_inclusive('\n').map(|line| {
        if line.starts_with("* STATUS ") {
            return STATUS_ITEMS.iter().fold(line.to_owned(), |line, item| line.replace(item, "MESSAGES "));
        }
        let line = match line.split_once("BINARY.SIZE [") {
            Some((before, size)) => match size.split_once("] ") {
                Some((_, after)) => format!("{before}RFC822.SIZE {after}"),
                None => line.to_owned(),
            },
            None => line.to_owned(),
        };
        // RFC 5258 §6: what follows the name of a mailbox, in parentheses.
        match line.split_once(" (\"CHILDINFO\"").or_else(|| line.split_once(" (\"OLDNAME\"")) {
            Some((list, extended)) if line.starts_with("* LIST ") => {
                assert!(extended.ends_with("))\r\n"), "{line}");
                format!("{list}\r\n")
            }
            _ => line,
        }
    });
    lines.collect()
}
