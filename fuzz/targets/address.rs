//! Addresses: what parses is written back to something that parses to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mssante::Address;

fuzz_target!(|text: &str| {
    if let Ok(address) = Address::parse(text) {
        let again = Address::parse(&address.to_string()).expect("what is displayed parses");
        assert_eq!(again.key(), address.key());
        assert_eq!(again.local(), address.local());
    }
});
