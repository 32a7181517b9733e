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
    /// CHUNKING (RFC 3030): messages by BDAT.
    pub chunking: bool,
    /// BINARYMIME (RFC 3030 §3); worth nothing without `chunking`.
    pub binary_mime: bool,
    /// REQUIRETLS (RFC 8689).
    pub require_tls: bool,
    /// RCPTMAX of LIMITS (RFC 9422): most RCPT commands in a transaction.
    pub recipients: Option<u32>,
    /// MAILMAX of LIMITS: most MAIL commands in a session.
    pub messages: Option<u32>,
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
                Some("CHUNKING") => offered.chunking = true,
                Some("BINARYMIME") => offered.binary_mime = true,
                Some("REQUIRETLS") => offered.require_tls = true,
                Some("LIMITS") => words.for_each(|word| offered.limit(word)),
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

    /// One `NAME=NUMBER` of LIMITS; a limit that is unknown or malformed is passed over (RFC 9422 §4).
    fn limit(&mut self, word: &str) {
        let Some((name, value)) = word.split_once('=') else { return };
        let value = value.parse().ok().filter(|&value| value > 0);
        match name.to_ascii_uppercase().as_str() {
            "RCPTMAX" => self.recipients = value.or(self.recipients),
            "MAILMAX" => self.messages = value.or(self.messages),
            _ => {}
        }
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
    fn limits_are_read_and_strange_ones_passed_over() {
        let of = |line: &str| {
            let read = Extensions::read(&Reply::new(250, "", ["x", line]));
            (read.recipients, read.messages)
        };
        assert_eq!(of("LIMITS RCPTMAX=100 MAILMAX=7 RCPTDOMAINMAX=1"), (Some(100), Some(7)));
        assert_eq!(of("limits rcptmax=100"), (Some(100), None));
        for line in ["LIMITS", "LIMITS RCPTMAX", "LIMITS RCPTMAX=0", "LIMITS MAILMAX=x", "LIMITS =5"] {
            assert_eq!(of(line), (None, None), "{line}");
        }
    }

    #[test]
    fn a_size_of_nothing_is_no_limit() {
        for line in ["SIZE", "SIZE 0", "SIZE x", "SIZE 99999999999999999999999"] {
            let offered = Extensions::read(&Reply::new(250, "", ["x", line]));
            assert!(offered.size && offered.size_limit.is_none(), "{line}");
        }
    }
}
