//! Distinguished names: what is read is displayed as something that reads to the same name, and names that are equal share what they share.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mssante::dn::DistinguishedName;

fuzz_target!(|input: (&str, &str)| {
    let (text, other) = input;
    let Ok(name) = DistinguishedName::parse(text) else { return };
    let again = DistinguishedName::parse(&name.to_string()).expect("what is displayed can be read");
    assert_eq!(again, name);
    assert_eq!(again.to_string(), name.to_string(), "there is one form");
    assert_eq!(name.shares_common_name(&name), name.common_names().next().is_some());
    if let Ok(other) = DistinguishedName::parse(other) {
        assert_eq!(name.shares_common_name(&other), other.shares_common_name(&name));
        assert_eq!(name == other, name.to_string() == other.to_string(), "the form is the name");
    }
});
