//! Names and limits of the SMTP service. Every bound that the session enforces is here, with its default.

use std::time::Duration;

/// What every session of a listener shares.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name told in the greeting and to EHLO.
    pub hostname: String,
    /// Sizes, counts and times.
    pub limits: Limits,
}

/// Sizes, counts and times that a session may take (RFC 5321 §4.5.3).
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest local part, in octets without quotes (§4.5.3.1.1). 64.
    pub local_part: usize,
    /// Longest domain, in octets (§4.5.3.1.2). 255.
    pub domain: usize,
    /// Longest path, angle brackets included, in octets (§4.5.3.1.3). 256.
    pub path: usize,
    /// Longest command line, CR LF included, in octets (§4.5.3.1.4). 1,193: 512, and what SIZE, BODY, SMTPUTF8, AUTH,
    /// RET, ENVID and REQUIRETLS add to MAIL (26, 17, 10, 500, 9, 107, 12); NOTIFY and ORCPT add less to RCPT (29, 507). A longer one is
    /// refused, not cut.
    pub command_line: usize,
    /// Longest value of ENVID, as written, in octets (RFC 3461 §4.4). 100.
    pub envid: usize,
    /// Longest value of ORCPT, as written, in octets (RFC 3461 §4.2). 500.
    pub orcpt: usize,
    /// Longest line of an AUTH command or exchange, CR LF included, in octets (RFC 4954 §4). 12,288.
    pub auth_line: usize,
    /// Longest line of content, CR LF included, in octets (§4.5.3.1.6 asks for at least 1,000). 90,000,000, that is as long as
    /// the message may be: some business software does not wrap its base64.
    pub text_line: u64,
    /// Largest message, dots removed, in bytes (§4.5.3.1.7); announced as SIZE. 90,000,000: 60 MB of attachments once
    /// encoded, and the rest (S-3.6).
    pub message_bytes: u64,
    /// What is still read, and dropped, of a message that is already refused, in bytes; then the connection is closed. 90,000,000.
    pub dropped_bytes: u64,
    /// Most RCPT commands in a transaction, refused ones included (§4.5.3.1.8); told as RCPTMAX (RFC 9422). 1,000; then 452 4.5.3.
    pub recipients: u32,
    /// The same of one that somebody sends who is not known yet. 1,000,000.
    pub unknown_bytes: u64,
    /// Most BDAT commands of a message (RFC 3030). 100,000: clients that cut by 8 KiB fit.
    pub chunks: u32,
    /// Most MAIL commands of a session; told as MAILMAX (RFC 9422), then 421. 1,000: peers share the service, and what is decided once a
    /// session is decided anew.
    pub mails: u32,
    /// Refused RCPT commands of a session before it is closed with 421. 2,000: lists of addresses grow old, guessing them is something
    /// else.
    pub refused_recipients: u32,
    /// Mistakes of the client (unknown, malformed, out of order) before the connection is closed. 10.
    pub errors_before_close: u32,
    /// Failed logins, or refusals of a certificate, before the connection is closed. 3.
    pub auth_failures: u32,
    /// Time from the connection to the login (on the relay service, to the first MAIL that is not refused), the TLS handshake
    /// included. 60 s.
    pub pre_auth_timeout: Duration,
    /// Time in which a whole command must have come, counted from the end of the one before (§4.5.3.2.7). 300 s; until somebody is known
    /// `pre_auth_timeout` bounds all commands together.
    pub command_timeout: Duration,
    /// Time in which the client must send each 32 KiB of content, or what is left of it (§4.5.3.2.5). 180 s, that is 182 bytes a second:
    /// the worst line does better, a client that drips bytes to hold a session does not. What the policy takes does not count.
    pub data_timeout: Duration,
    /// Time from MAIL to the end of the message, whatever is said in between. 3,600 s.
    pub message_timeout: Duration,
    /// Time in which the client must take what is written to it. 60 s.
    pub write_timeout: Duration,
    /// Longest session; a message begun is let finish. 7,200 s.
    pub session_timeout: Duration,
    /// Time left to a transaction begun when the server stops. 15 s.
    pub stop_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            local_part: 64,
            domain: 255,
            path: 256,
            command_line: 512 + 26 + 17 + 10 + 500 + 9 + 107 + 12,
            envid: 100,
            orcpt: 500,
            auth_line: 12_288,
            text_line: 90_000_000,
            message_bytes: 90_000_000,
            dropped_bytes: 90_000_000,
            unknown_bytes: 1_000_000,
            chunks: 100_000,
            mails: 1_000,
            refused_recipients: 2_000,
            recipients: 1_000,
            errors_before_close: 10,
            auth_failures: 3,
            pre_auth_timeout: Duration::from_secs(60),
            command_timeout: Duration::from_secs(300),
            data_timeout: Duration::from_secs(180),
            message_timeout: Duration::from_secs(3_600),
            write_timeout: Duration::from_secs(60),
            session_timeout: Duration::from_secs(7_200),
            stop_grace: Duration::from_secs(15),
        }
    }
}
