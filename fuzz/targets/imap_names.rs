//! Mailbox names: modified UTF-7 has one spelling for each name, and a pattern of LIST that is a name matches that name.
#![no_main]

use imap_wire::{command::MailboxName, list::Pattern, mutf7};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &str, &str)| {
    let (wire, name, pattern) = input;
    if let Ok(decoded) = mutf7::decode(wire) {
        assert_eq!(mutf7::decode(mutf7::encode(&decoded).as_bytes()).as_ref(), Ok(&decoded));
        let has_spelling = wire.is_ascii() && !wire.iter().any(u8::is_ascii_control);
        // What needs no shift may come raw; what came shifted has only that form.
        assert!(!has_spelling || mutf7::encode(&decoded).as_bytes() == wire, "{decoded:?}");
    }
    let encoded = mutf7::encode(name);
    assert!(encoded.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    assert_eq!(mutf7::decode(encoded.as_bytes()).as_deref(), Ok(name));
    if let Ok(mailbox) = MailboxName::parse(name) {
        let again = MailboxName::parse(mailbox.as_str()).expect("a name that was read is a name");
        assert_eq!(again, mailbox);
        assert!(Pattern::new("", "*").matches(mailbox.as_str()));
        if !name.contains(['*', '%']) {
            assert!(Pattern::new("", mailbox.as_str()).matches(mailbox.as_str()));
        }
        // A pattern that `%` matches stays within a level.
        assert_eq!(Pattern::new("", "%").matches(mailbox.as_str()), !mailbox.as_str().contains('/'));
        let _ = Pattern::new(name, pattern).matches(mailbox.as_str());
    }
});
