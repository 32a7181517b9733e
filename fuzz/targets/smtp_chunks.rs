//! BDAT: under any cuts the machine finds the same chunks, and hands on the same bytes, as a model that counts (RFC 3030). What is in a
//! chunk is never a command, and lone line ends pass in a binary message only.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp::{Limits, Service};
use vaguemestre_fuzz::{Script, play};

const TEXT: &[u8] = b"EHLO c\r\nAUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n";
const BINARY: &[u8] =
    b"EHLO c\r\nAUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@a.test> BODY=BINARYMIME\r\nRCPT TO:<b@b.test>\r\n";

fuzz_target!(|input: (bool, Vec<&[u8]>, Vec<u8>)| {
    let (binary, chunks, cuts) = input;
    let mut bytes = if binary { BINARY } else { TEXT }.to_vec();
    for (at, chunk) in chunks.iter().enumerate() {
        let last = if at + 1 == chunks.len() { " LAST" } else { "" };
        bytes.extend(format!("BDAT {}{last}\r\n", chunk.len()).bytes());
        bytes.extend(*chunk);
    }
    bytes.extend(b"RSET\r\nQUIT\r\n");
    let policy = Script::default();
    let cuts: Vec<u8> = cuts.into_iter().map(|cut| cut.clamp(1, 251)).collect();
    let outcome = play(&policy, Service::SubmissionTls, Limits::default(), &bytes, &cuts);
    assert!(outcome.said.ends_with(b"221 2.0.0 Goodbye\r\n"), "no chunk is taken for a command");
    let whole = chunks.concat();
    if chunks.is_empty() || !(binary || is_lines(&whole)) {
        assert!(policy.kept().is_empty());
    } else {
        assert_eq!(policy.kept(), [whole]);
    }
});

/// No CR or LF is alone; the last line may have no end.
fn is_lines(content: &[u8]) -> bool {
    let text: Vec<u8> = content.iter().copied().filter(|byte| matches!(byte, b'\r' | b'\n')).collect();
    let pairs = content.windows(2).filter(|pair| *pair == b"\r\n").count();
    text.len() == 2 * pairs
}
