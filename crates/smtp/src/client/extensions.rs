//! What a peer offers: the lines of its reply to EHLO (RFC 5321 §4.1.1.1). Unknown ones are passed over.

use crate::Reply;

/// The extensions that a peer offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions {
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// SIZE (RFC 1870).
    pub size: bool,
    /// The largest message, if SIZE names one.
    pub size_limit: Option<u64>,
    /// 8BITMIME (RFC 6152).
    pub eight_bit: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
}

impl Extensions {
    /// Reads the reply to EHLO; its first line is a greeting.
    pub(super) fn read(reply: &Reply) -> Self {
        let mut offered = Extensions::default();
        for line in reply.lines().iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            match words.next().map(str::to_ascii_uppercase).as_deref() {
                Some("STARTTLS") => offered.starttls = true,
                Some("PIPELINING") => offered.pipelining = true,
                Some("8BITMIME") => offered.eight_bit = true,
                Some("SMTPUTF8") => offered.smtputf8 = true,
                Some("DSN") => offered.dsn = true,
                Some("SIZE") => {
                    offered.size = true;
                    // 0 is "no fixed limit" (RFC 1870 §4)
                    offered.size_limit = words.next().and_then(|n| n.parse().ok()).filter(|&n| n > 0);
                }
                _ => {}
            }
        }
        offered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_but_the_first_is_an_offer() {
        let lines = ["DSN greets you", "pipelining", "SIZE 1000", "X-NEW 1", "8bitmime", "", "DSN"];
        let offered = Extensions::read(&Reply::new(250, "", lines));
        let expected = Extensions {
            pipelining: true,
            size: true,
            size_limit: Some(1_000),
            eight_bit: true,
            dsn: true,
            ..Extensions::default()
        };
        assert_eq!(offered, expected);
    }

    #[test]
    fn a_size_of_nothing_is_no_limit() {
        for line in ["SIZE", "SIZE 0", "SIZE x", "SIZE 99999999999999999999999"] {
            let offered = Extensions::read(&Reply::new(250, "", ["x", line]));
            assert!(offered.size && offered.size_limit.is_none(), "{line}");
        }
    }
}
