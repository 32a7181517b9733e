//! The reader of content: under any cuts it finds the same end, and hands on the same bytes, as a model that looks at one line after
//! the other (RFC 5321 §4.5.2).
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp::{End, Limits, Service};
use vaguemestre_fuzz::{Script, TO_DATA, play};

enum Way {
    Open,
    Ended,
    Lone,
}

fuzz_target!(|input: (&[u8], Vec<u8>)| {
    let (bytes, cuts) = input;
    let policy = Script::default();
    let cuts: Vec<u8> =
        [TO_DATA.len() as u8].into_iter().chain(cuts.into_iter().map(|cut| cut.clamp(1, 251))).collect();
    let outcome = play(&policy, Service::SubmissionTls, Limits::default(), &[TO_DATA, bytes].concat(), &cuts);
    let (content, way) = model(bytes);
    match way {
        Way::Open => {
            assert!(outcome.ended.is_none() && policy.kept().is_empty());
            assert!(policy.arrived().starts_with(&content));
        }
        Way::Ended => assert_eq!(policy.kept().first(), Some(&content)),
        Way::Lone => {
            assert!(policy.kept().is_empty());
            assert_eq!(outcome.ended.map(|ended| ended.end), Some(End::BareLineEnd));
        }
    }
});

/// The whole lines of content, and how they end.
fn model(bytes: &[u8]) -> (Vec<u8>, Way) {
    let mut content = Vec::new();
    let mut rest = bytes;
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n");
        let line = &rest[..end.unwrap_or(rest.len())];
        let waits = end.is_none() && line.ends_with(b"\r");
        let text = if waits { &line[..line.len() - 1] } else { line };
        if text.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return (content, Way::Lone);
        }
        let Some(end) = end else { return (content, Way::Open) };
        if line == b"." {
            return (content, Way::Ended);
        }
        content.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        content.extend_from_slice(b"\r\n");
        rest = &rest[end + 2..];
    }
}
