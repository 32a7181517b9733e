//! Header edits: an edit that changes nothing changes no byte, and a field put on top is one field, whatever its value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use message::{Header, filter_fields};

const WITH_ADDRESSES: [&str; 4] = ["From", "Sender", "Reply-To", "Disposition-Notification-To"];

fuzz_target!(|input: (&str, &str, &[u8])| {
    let (name, value, raw) = input;
    let header = Header::parse(raw);
    assert!(raw.starts_with(header.raw()), "only what follows the blank line is cut off");
    let _ = (header.subject(), header.received_count(), header.message_ids("References"));
    let mut same = header.edit();
    same.map_addresses(&WITH_ADDRESSES, &mut |spec| Some(spec.to_owned()));
    assert_eq!(same.finish(), header.raw());
    prepended(&header, name, value);
});

fn prepended(header: &Header, name: &str, value: &str) {
    let mut edit = header.edit();
    edit.prepend(&format!("X{name}"), value);
    let edited = edit.finish();
    let top = edited.strip_suffix(header.raw()).expect("what was there stays");
    let nothing: [&str; 0] = [];
    let name = top.split(|byte| *byte == b':').next().map(String::from_utf8_lossy).unwrap_or_default();
    assert_eq!(filter_fields(top, &[&*name], false), top, "one field");
    assert_eq!(filter_fields(top, &nothing, false), b"", "and no blank line");
}
