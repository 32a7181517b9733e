//! Header edits: an edit that changes nothing changes no byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use message::Header;

fuzz_target!(|raw: &[u8]| {
    let header = Header::parse(raw);
    let _ = (header.subject(), header.received_count(), header.message_ids("References"));
    let mut edit = header.edit();
    edit.map_addresses(&["From", "Sender", "Reply-To", "Disposition-Notification-To"], &mut |_| None);
    assert_eq!(edit.finish(), raw);
});
