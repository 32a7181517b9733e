//! User names that name two: `box*person`, for clients that cannot send an authorization identity (S-1.7). Pure.

/// Splits a user name into the box to act as, if it names one, and the person: at the first `*` after a domain. A `*`
/// before the first `@` (outside quotes) belongs to a local part and splits nothing.
///
/// ```text
/// service@chu.mssante.fr*medecin@chu.fr  →  (Some("service@chu.mssante.fr"), "medecin@chu.fr")
/// medecin@chu.fr                         →  (None, "medecin@chu.fr")
/// ```
#[must_use]
pub fn split_user(user: &str) -> (Option<&str>, &str) {
    let local = quoted_length(user).unwrap_or(0);
    let split = user
        .get(local..)
        .and_then(|rest| rest.find('@'))
        .map(|at| local + at)
        .and_then(|at| user.get(at..).and_then(|domain| domain.find('*')).map(|star| at + star));
    match split.and_then(|star| Some((user.get(..star)?, user.get(star + 1..)?))) {
        Some((acting_as, person)) => (Some(acting_as), person),
        None => (None, user),
    }
}

/// The length of the quoted string that `user` starts with, if it does.
fn quoted_length(user: &str) -> Option<usize> {
    let inside = user.strip_prefix('"')?;
    let mut escaped = false;
    for (at, character) in inside.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 2),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_box_and_a_person_are_told_apart() {
        let cases = [
            ("medecin@chu.fr", None, "medecin@chu.fr"),
            ("service@chu.mssante.fr*medecin@chu.fr", Some("service@chu.mssante.fr"), "medecin@chu.fr"),
            ("a@b*c@d*e@f", Some("a@b"), "c@d*e@f"),
            ("a*b@chu.fr", None, "a*b@chu.fr"),
            ("a*b@chu.fr*c*d@chu.fr", Some("a*b@chu.fr"), "c*d@chu.fr"),
            (r#""a@b*c"@chu.fr*d@chu.fr"#, Some(r#""a@b*c"@chu.fr"#), "d@chu.fr"),
            (r#""a\"@b*c"@chu.fr"#, None, r#""a\"@b*c"@chu.fr"#),
            (r#""never closed@b*c"#, Some(r#""never closed@b"#), "c"),
            ("service@chu.fr*", Some("service@chu.fr"), ""),
            ("été@chu.fr*hôte@chu.fr", Some("été@chu.fr"), "hôte@chu.fr"),
            ("*", None, "*"),
            ("", None, ""),
        ];
        for (user, acting_as, person) in cases {
            assert_eq!(split_user(user), (acting_as, person), "{user}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn nothing_is_lost_or_added(user in r#"["\\@*a-cé]{0,24}"#) {
            match split_user(&user) {
                (None, person) => prop_assert_eq!(person, user.as_str()),
                (Some(acting_as), person) => prop_assert_eq!(format!("{acting_as}*{person}"), user),
            }
        }

        #[test]
        fn two_plain_addresses_come_apart(one in "[a-z.*]{1,8}@[a-z.]{1,8}", two in "[a-z.*]{1,8}@[a-z.]{1,8}") {
            let user = format!("{one}*{two}");
            prop_assert_eq!(split_user(&user), (Some(one.as_str()), two.as_str()));
        }
    }
}
