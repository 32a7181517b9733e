//! The incremental scanner: any bytes, cut anywhere, give what the whole gives; the index record survives being written and read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use message::{index, IndexRecord, Limits, Scanner};

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    let mut whole = Scanner::new(Limits::default());
    let mut cut = Scanner::new(Limits::default());
    let fed = whole.feed(bytes);
    let mut pieces = bytes.chunks(usize::from(step).max(1)).map(|piece| cut.feed(piece));
    assert_eq!(fed.is_ok(), pieces.all(|p| p.is_ok()));
    if fed.is_err() {
        return;
    }
    let (Ok(whole), Ok(cut)) = (whole.finish(), cut.finish()) else { return };
    let record = index(&whole.header, &whole);
    let same = index(&cut.header, &cut);
    assert_eq!(record.encode(), same.encode());
    assert!(IndexRecord::decode(&record.encode()).is_ok());
});
