//! The tag in a subject: any text is judged, and a removed tag is gone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mssante::{tag, without_tag, Tag};

fuzz_target!(|subject: &str| {
    let verdict = tag(subject);
    let removed = without_tag(subject);
    assert_eq!(verdict == Tag::Present, removed.is_some());
});
