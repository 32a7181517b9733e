//! Making application passwords (S-7.3). Checking them is the store's: it alone has the key of their keyed hashes.

use aws_lc_rs::rand;
use zeroize::Zeroizing;

/// Digits and lower-case letters without i, l, o and u, which are taken for others.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const GROUPS: usize = 7;
const GROUP: usize = 4;

/// Draws an application password: seven groups of four characters, joined by hyphens, 140 random bits. It is checked as
/// shown, hyphens included: clients keep it, nobody types it twice.
///
/// # Panics
/// When the system has no random bytes: it never does once it has started.
#[must_use]
pub fn generate_password() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; GROUPS * GROUP]);
    rand::fill(bytes.as_mut_slice()).expect("the system's generator gives bytes once it was seeded");
    let mut text = Zeroizing::new(String::with_capacity(GROUPS * (GROUP + 1)));
    for group in bytes.chunks(GROUP) {
        if !text.is_empty() {
            text.push('-');
        }
        text.extend(group.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_password_has_140_bits_in_groups_that_can_be_read_aloud() {
        let password = generate_password();
        let groups: Vec<_> = password.split('-').collect();
        assert_eq!(groups.len(), GROUPS);
        assert!(groups.iter().all(|group| group.len() == GROUP), "{}", *password);
        assert!(password.bytes().all(|byte| byte == b'-' || ALPHABET.contains(&byte)));
        assert_eq!(ALPHABET.iter().collect::<HashSet<_>>().len(), 32);
    }

    #[test]
    fn no_two_are_alike_and_every_character_occurs() {
        let many: HashSet<String> = (0..500).map(|_| generate_password().to_string()).collect();
        assert_eq!(many.len(), 500);
        let seen: HashSet<u8> = many.iter().flat_map(|password| password.bytes()).collect();
        assert_eq!(seen.len(), 33);
    }
}
