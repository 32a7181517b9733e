//! The incremental scanner: any bytes, cut anywhere, give what the whole gives; the index record survives being written and read, and
//! every part that it names lies within the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use message::{IndexRecord, Limits, Scanned, Scanner, index};

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    let (whole, cut) = (scan(bytes, bytes.len()), scan(bytes, step.into()));
    let Some(whole) = whole else {
        assert!(cut.is_none());
        return;
    };
    let record = index(&whole.header, &whole);
    let cut = cut.expect("what can be taken whole can be taken in pieces");
    assert_eq!(record.encode(), index(&cut.header, &cut).encode());
    assert_eq!(record.size, bytes.len() as u64);
    for part in &record.parts {
        for range in [Some(&part.text), part.mime.as_ref(), part.header.as_ref()].into_iter().flatten() {
            assert!(range.start <= range.end && range.end <= whole.body_bytes);
        }
    }
    let read = IndexRecord::decode(&record.encode()).expect("what is written can be read");
    assert!(read == record);
});

fn scan(bytes: &[u8], step: usize) -> Option<Scanned> {
    let limits = Limits { header_bytes: 2048, parts: 12, depth: 4, part_header_bytes: 256, kept_bytes: 1024 };
    let mut scanner = Scanner::new(limits);
    for piece in bytes.chunks(step.max(1)) {
        scanner.feed(piece).ok()?;
    }
    scanner.finish().ok()
}
