//! The signed white list: any bytes are refused or read; whatever has a canonical form has it once and for all, and once it is rightly
//! signed it is read without a panic, rows and all.
#![no_main]

use std::sync::LazyLock;

use demo_pki::{Attribute, Form, Issued, Leaf, Name, Space, sign_document};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use pki::{Authorities, Outcome, Revocations, SignedList, TrustSettings, canonical, examine_list};

/// A signer of this run.
static SIGNER: LazyLock<Issued> = LazyLock::new(|| {
    let subject = Name::new().with(Attribute::CommonName, "alb.demonstration.invalid");
    let leaf = Leaf::signer(subject, "alb@demonstration.invalid", Timestamp::UNIX_EPOCH);
    let hierarchy = demo_pki::Hierarchy::new(Space::Demonstration, Timestamp::UNIX_EPOCH);
    hierarchy.and_then(|hierarchy| hierarchy.organisations.issue(&leaf)).expect("a signer can be made")
});

fuzz_target!(|bytes: &[u8]| {
    // the key of the certificate in the bytes is not one that anybody here has
    let _ = SignedList::read(bytes);
    let Ok(once) = canonical(bytes) else { return };
    assert_eq!(canonical(&once).as_ref(), Ok(&once), "a canonical form is its own");
    // what stands before or after the root cannot be signed with it here
    let root = String::from_utf8(once).expect("a canonical form is UTF-8");
    if !root.starts_with("<ListeBlancheMSSante") || !root.ends_with("</ListeBlancheMSSante>") {
        return;
    }
    let signed = sign_document(&SIGNER, &root, Form::Agency).expect("the key signs");
    let nowhere = std::path::Path::new("/nonexistent");
    let settings = TrustSettings::new(nowhere, nowhere, nowhere, nowhere);
    let told = examine_list(&signed, &Authorities::none(), &Revocations::none(), &settings, Timestamp::UNIX_EPOCH);
    let holds = |step: usize| matches!(told.steps[step].outcome, Outcome::Holds(_));
    // a document of another namespace, or one that brought a signature, is no list
    assert!(!holds(0) || (holds(1) && holds(2)), "what is rightly signed verifies: {told:?}");
});
