//! Names and limits of the SMTP client. Every bound that it keeps is here, with its default.

use std::time::Duration;

use super::{Protocol, Security, Stage};

/// What every connection of a client shares.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name told with EHLO.
    pub hostname: String,
    /// Longest line of a reply that is read, CR LF included, in octets. 2,048 (RFC 5321 §4.5.3.1.5 allows 512).
    pub reply_line: usize,
    /// Most lines of one reply. 128.
    pub reply_lines: usize,
    /// Most commands written before their replies are read (RFC 2920). 100: what the replies take must fit in the buffers of the
    /// network, or each side would wait for the other to read.
    pub pipelined: usize,
    /// Largest chunk of a message, where the peer takes several at once (RFC 3030). 1 MiB: its refusal of one is heard with the last.
    pub chunk: u64,
    /// What is spoken. SMTP.
    pub protocol: Protocol,
    /// When TLS begins. By STARTTLS.
    pub security: Security,
    /// How long each step may take.
    pub timeouts: Timeouts,
}

impl Settings {
    /// A client of this name, with default limits.
    pub fn new(hostname: impl Into<String>) -> Self {
        Settings {
            hostname: hostname.into(),
            reply_line: 2_048,
            reply_lines: 128,
            pipelined: 100,
            chunk: 1024 * 1024,
            protocol: Protocol::Smtp,
            security: Security::StartTls,
            timeouts: Timeouts::default(),
        }
    }
}

/// How long each step may take (RFC 5321 §4.5.3.2). A whole reply must come in the time of its step: single bytes put nothing off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// The TCP connection. 30 s.
    pub connect: Duration,
    /// The 220 (§4.5.3.2.1). 5 min.
    pub greeting: Duration,
    /// EHLO, STARTTLS and AUTH. 5 min.
    pub hello: Duration,
    /// The TLS handshake. 60 s.
    pub handshake: Duration,
    /// MAIL (§4.5.3.2.2), and RSET. 5 min.
    pub mail: Duration,
    /// RCPT (§4.5.3.2.3), each. 5 min.
    pub recipient: Duration,
    /// DATA, up to the 354 (§4.5.3.2.4). 2 min.
    pub data: Duration,
    /// Each block of content that is written (§4.5.3.2.5). 3 min.
    pub block: Duration,
    /// The content as a whole. 1 h.
    pub content: Duration,
    /// The reply to the final dot (§4.5.3.2.6). 10 min.
    pub end: Duration,
    /// QUIT and the closing, of which nothing depends. 5 s.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Timeouts {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            hello: minutes(5),
            handshake: minutes(1),
            mail: minutes(5),
            recipient: minutes(5),
            data: minutes(2),
            block: minutes(3),
            content: minutes(60),
            end: minutes(10),
            quit: Duration::from_secs(5),
        }
    }
}

impl Timeouts {
    /// How long what is asked at `stage` may take.
    pub(super) fn of(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Connect => self.connect,
            Stage::Greeting => self.greeting,
            Stage::Hello | Stage::StartTls | Stage::Login => self.hello,
            Stage::Handshake => self.handshake,
            Stage::Offer | Stage::Mail | Stage::Reset => self.mail,
            Stage::Recipient => self.recipient,
            Stage::Data => self.data,
            Stage::Content => self.block,
            Stage::End => self.end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_step_is_given_less_than_rfc_5321_asks() {
        let (timeouts, minutes) = (Timeouts::default(), |minutes: u64| Duration::from_secs(60 * minutes));
        for (stage, least) in [
            (Stage::Greeting, 5),
            (Stage::Mail, 5),
            (Stage::Recipient, 5),
            (Stage::Data, 2),
            (Stage::Content, 3),
            (Stage::End, 10),
        ] {
            assert!(timeouts.of(stage) >= minutes(least), "{stage}");
        }
    }
}
