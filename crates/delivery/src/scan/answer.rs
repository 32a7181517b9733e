//! What a clamd says at the end of a stream (clamd(8), INSTREAM).
//!
//! May use: nothing. Must never touch: the socket.

use super::Failure;

/// Most characters of a signature's name that are told.
const MAX_NAME: usize = 100;

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Clean,
    /// The name of the signature, printable ASCII.
    Infected(String),
}

/// Reads an answer, its final NUL or line break cut off: `stream: OK`, `stream: NAME FOUND`. All else is no verdict, an `ERROR` too.
pub(super) fn read(answer: &[u8]) -> Result<Answer, Failure> {
    let text = String::from_utf8_lossy(answer);
    let text = text.trim();
    if text.ends_with("size limit exceeded. ERROR") {
        return Err(Failure::TooLarge);
    }
    match text.strip_prefix("stream: ") {
        Some("OK") => Ok(Answer::Clean),
        Some(found) => {
            found.strip_suffix(" FOUND").and_then(name).map(Answer::Infected).ok_or(Failure::Answer)
        }
        None => Err(Failure::Answer),
    }
}

/// The name of a signature as it can be told: in one word, as all are.
fn name(text: &str) -> Option<String> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| text.chars().take(MAX_NAME).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_clamd_says_is_a_verdict() {
        assert_eq!(read(b"stream: OK"), Ok(Answer::Clean));
        assert_eq!(
            read(b"stream: Eicar-Test.UNOFFICIAL FOUND\n"),
            Ok(Answer::Infected("Eicar-Test.UNOFFICIAL".into()))
        );
        assert_eq!(read(b"INSTREAM size limit exceeded. ERROR"), Err(Failure::TooLarge));
        for wrong in [
            &b""[..],
            b"OK",
            b"stream: ",
            b"stream: ok",
            b"stream: OK FOUND OK",
            b"stream:  FOUND",
            b"stream: a b FOUND",
            b"stream: \xff FOUND",
            b"stream: Can't allocate memory ERROR",
            b"UNKNOWN COMMAND",
            b"HTTP/1.1 200 OK",
        ] {
            assert_eq!(read(wrong), Err(Failure::Answer), "{}", String::from_utf8_lossy(wrong));
        }
        let Ok(Answer::Infected(name)) = read(format!("stream: {} FOUND", "x".repeat(500)).as_bytes()) else {
            panic!("found")
        };
        assert_eq!(name.len(), MAX_NAME);
    }
}
