//! Chains of certificates: whatever a peer presents is judged without panic, and never trusted where no authority is.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use pki::{Role, TrustSpace};
use rustls_pki_types::CertificateDer;

fuzz_target!(|chain: Vec<&[u8]>| {
    let trust = TrustSpace::closed().current();
    let chain: Vec<_> = chain.into_iter().map(CertificateDer::from).collect();
    for role in [Role::Client, Role::Server] {
        let error = trust.peer(&chain, role, Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(!error.is_temporary() && !error.to_string().is_empty());
    }
});
