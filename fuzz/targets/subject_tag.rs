//! The tag in a subject: any text is judged, and a removed tag is gone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mssante::{Tag, tag, without_tag};

fuzz_target!(|subject: &str| {
    let verdict = tag(subject);
    let removed = without_tag(subject);
    assert_eq!(verdict == Tag::Present, removed.is_some());
    if let Some(rest) = removed {
        assert_ne!(tag(&rest), Tag::Present);
    }
});
