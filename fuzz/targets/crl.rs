//! Revocation lists: whatever is served in place of one is read without panic, and never believed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::{Authorities, Crl};

fuzz_target!(|bytes: &[u8]| {
    assert!(Crl::read(bytes, &Authorities::none()).is_err());
});
