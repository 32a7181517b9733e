//! The CAPABILITY line (RFC 3501 §7.2.1) at each moment of a connection.
//! Plain text only.

use super::{Extension, Extensions, table};

/// Where a connection is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before TLS: TLS comes first (LOGINDISABLED, RFC 3501 §6.2.3).
    InClear,
    /// In TLS, nobody logged in.
    BeforeLogin,
    /// Somebody is logged in.
    AfterLogin,
}

/// What is told at that moment, without the word CAPABILITY; `append_bytes` is the largest message (RFC 7889).
pub(crate) fn line(moment: Moment, offered: Extensions, append_bytes: u64) -> String {
    let mut line = String::from("IMAP4rev1");
    for row in table::built().filter(|row| offered.has(row.extension)) {
        let told = match moment {
            Moment::InClear => row.told.in_clear,
            Moment::BeforeLogin => row.told.before_login,
            // RFC 7888 §5: one of the two, never both.
            Moment::AfterLogin if row.extension == Extension::LiteralMinus => {
                !offered.has(Extension::LiteralPlus)
            }
            Moment::AfterLogin => row.told.after_login,
        };
        if !told {
            continue;
        }
        line.push(' ');
        line.push_str(row.words);
        if row.extension == Extension::AppendLimit {
            line.push_str(&format!("={append_bytes}"));
        }
    }
    line.push_str(match moment {
        Moment::InClear => " STARTTLS LOGINDISABLED",
        // RFC 4616
        Moment::BeforeLogin => " AUTH=PLAIN",
        Moment::AfterLogin => "",
    });
    line
}
