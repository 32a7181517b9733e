//! The patterns of LIST and LSUB (RFC 3501 §6.3.8): `*` is any text, `%` any text without `/`.
//! May use plain values only. Linear in name × pattern, both bounded.

/// A reference and a pattern put together.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    tokens: Vec<Token>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(char),
    AnyInLevel,
    Any,
}

impl Pattern {
    /// Joins `reference` and `pattern` as they are, as clients that use a reference expect; INBOX has no case.
    pub fn new(reference: &str, pattern: &str) -> Self {
        let mut tokens: Vec<Token> = Vec::new();
        for c in reference.chars().chain(pattern.chars()) {
            let token = match c {
                '*' => Token::Any,
                '%' => Token::AnyInLevel,
                c => Token::Char(c),
            };
            // Neighbouring wildcards are as one: keeps hostile patterns as cheap as honest ones.
            match (tokens.last(), token) {
                (Some(Token::Any), Token::Any | Token::AnyInLevel)
                | (Some(Token::AnyInLevel), Token::AnyInLevel) => {}
                _ => tokens.push(token),
            }
        }
        fold_inbox(&mut tokens);
        Self { tokens }
    }

    /// Whether a mailbox of that name (UTF-8, `INBOX` in upper case) is asked for.
    pub fn matches(&self, name: &str) -> bool {
        // reached[i]: the first i tokens can have matched what was read of the name.
        let mut reached = vec![false; self.tokens.len() + 1];
        reached[0] = true;
        self.skip_empty(&mut reached);
        for c in name.chars() {
            let mut next = vec![false; reached.len()];
            for (i, token) in self.tokens.iter().enumerate() {
                let stays = match token {
                    Token::Any => true,
                    Token::AnyInLevel => c != '/',
                    Token::Char(_) => false,
                };
                next[i + 1] |= stays && reached[i + 1];
                next[i] |= stays && reached[i];
                next[i + 1] |= reached[i] && *token == Token::Char(c);
            }
            reached = next;
            self.skip_empty(&mut reached);
        }
        reached.last() == Some(&true)
    }

    /// A wildcard may stand for nothing.
    fn skip_empty(&self, reached: &mut [bool]) {
        for (i, token) in self.tokens.iter().enumerate() {
            if reached[i] && !matches!(token, Token::Char(_)) {
                reached[i + 1] = true;
            }
        }
    }
}

/// Writes `inbox` at the start of a pattern as `INBOX`, where it is a whole first level.
fn fold_inbox(tokens: &mut [Token]) {
    let Some((head, rest)) = tokens.split_at_mut_checked(5) else { return };
    let is_inbox = head.iter().zip("INBOX".chars()).all(|(token, wanted)| match token {
        Token::Char(c) => c.eq_ignore_ascii_case(&wanted),
        _ => false,
    });
    if is_inbox && !matches!(rest.first(), Some(Token::Char(c)) if *c != '/') {
        for (token, c) in head.iter_mut().zip("INBOX".chars()) {
            *token = Token::Char(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new("", pattern).matches(name)
    }

    #[test]
    fn percent_stays_in_its_level_and_star_does_not() {
        assert!(matches("*", "Patients/2026/Mai"));
        assert!(matches("%", "Patients"));
        assert!(!matches("%", "Patients/2026"));
        assert!(matches("Patients/%", "Patients/2026"));
        assert!(!matches("Patients/%", "Patients/2026/Mai"));
        assert!(matches("Pat*Mai", "Patients/2026/Mai"));
        assert!(matches("%/%/M%", "Patients/2026/Mai"));
        assert!(!matches("", "INBOX"));
    }

    #[test]
    fn inbox_has_no_case() {
        assert!(matches("inbox", "INBOX"));
        assert!(matches("Inbox%", "INBOX"));
        assert!(matches("inbox/*", "INBOX/a"));
        assert!(!matches("sent", "Sent"));
        assert!(!matches("inboxes", "INBOXES"));
    }

    #[test]
    fn a_reference_comes_before_the_pattern() {
        assert!(Pattern::new("Patients/", "%").matches("Patients/2026"));
        assert!(!Pattern::new("Patients/", "%").matches("Sent"));
    }

    /// The definition, slow and plain.
    fn model(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((wild @ ('*' | '%'), rest)) => {
                let most = if *wild == '*' {
                    name.len()
                } else {
                    name.iter().position(|c| *c == '/').unwrap_or(name.len())
                };
                (0..=most).any(|n| model(rest, &name[n..]))
            }
            Some((c, rest)) => name.first() == Some(c) && model(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab/%*]{0,7}", name in "[ab/]{0,8}") {
            let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
            prop_assert_eq!(matches(&pattern, &name), model(&p, &n));
        }
    }
}
