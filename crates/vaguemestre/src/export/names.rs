//! Names of files made of names that people gave: no way out of the directory, no name twice, none too long. Pure.

use store::Uid;

/// Bytes kept of a box's name; a file name has at most 255 on all systems, what is added to it included.
const KEPT: usize = 200;

/// The name of a box as one part of a path. What is not a letter, a digit, `-` or `_` is written `%` and its bytes in
/// hexadecimal; a long name is cut and told apart by the number of its box.
pub(super) fn file_name(name: &str, id: u64) -> String {
    let mut safe = String::new();
    for character in name.chars() {
        if safe.len() >= KEPT {
            safe.push_str(&format!("~{id}"));
            break;
        }
        if character.is_alphanumeric() || matches!(character, '-' | '_') {
            safe.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                safe.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    safe
}

/// The name of a message's file: they sort as their UIDs do.
pub(super) fn message_name(uid: Uid) -> String {
    format!("{:010}.eml", uid.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_its_directory() {
        assert_eq!(file_name("INBOX", 1), "INBOX");
        assert_eq!(file_name("Été/2026", 1), "Été%2F2026");
        assert_eq!(file_name("..", 1), "%2E%2E");
        assert_eq!(file_name("a\\b:c d%", 1), "a%5Cb%3Ac%20d%25");
    }

    #[test]
    fn long_names_fit_and_stay_apart() {
        let long = "🩺".repeat(1000 / 4);
        let (one, two) = (file_name(&long, 1), file_name(&long, u64::MAX));
        assert_ne!(one, two);
        for name in [two, file_name(&"é".repeat(500), u64::MAX), file_name(&"a".repeat(1000), u64::MAX)] {
            assert!(name.len() + ".mbox".len() <= 255, "{name}");
        }
    }

    #[test]
    fn messages_sort_as_their_uids() {
        let name = |uid| message_name(Uid::new(uid).unwrap());
        assert!(name(9) < name(10) && name(10) < name(u32::MAX));
    }
}
