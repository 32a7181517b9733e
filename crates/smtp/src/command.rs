//! From a line to a command: the verb first (it alone decides whether the command may come now), then its arguments. The grammar of
//! the commands is smtp-proto's; paths are read in `path`, parameters in `parameters`.

use smtp_proto::{Error, Request};

use crate::{
    Limits, MailFrom, Mechanism, Recipient, Reply,
    parameters::{MailParameters, RcptParameters},
    path::{self, Path},
};

/// The first word of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Ehlo,
    Helo,
    Lhlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Help,
    /// A command of some extension that is not offered.
    NotOffered,
    /// A method of HTTP: a browser was sent here.
    Http,
    /// Anything else.
    Unknown,
}

impl Verb {
    /// The verb of `line`.
    pub(crate) fn of(line: &str) -> Verb {
        let word = line.split(' ').next().unwrap_or_default();
        match word.to_ascii_uppercase().as_str() {
            "EHLO" => Verb::Ehlo,
            "HELO" => Verb::Helo,
            "LHLO" => Verb::Lhlo,
            "STARTTLS" => Verb::StartTls,
            "AUTH" => Verb::Auth,
            "MAIL" => Verb::Mail,
            "RCPT" => Verb::Rcpt,
            "DATA" => Verb::Data,
            "BDAT" => Verb::Bdat,
            "RSET" => Verb::Rset,
            "NOOP" => Verb::Noop,
            "QUIT" => Verb::Quit,
            "VRFY" => Verb::Vrfy,
            "HELP" => Verb::Help,
            "BURL" | "EXPN" | "ETRN" | "ATRN" | "TURN" | "SEND" | "SOML" | "SAML" | "XCLIENT"
            | "XFORWARD" => Verb::NotOffered,
            "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH"
            | "PRI" => Verb::Http,
            _ => Verb::Unknown,
        }
    }
}

/// The name that EHLO or HELO gives, made printable; at most `limits.domain` octets.
pub(crate) fn hello(line: &str, limits: &Limits) -> Result<String, Reply> {
    let syntax = || bad_syntax("Say who you are: EHLO your.host.name");
    let host = match parse(line) {
        Ok(Request::Ehlo { host } | Request::Helo { host } | Request::Lhlo { host }) => host,
        _ => return Err(syntax()),
    };
    if arguments(line) != host || host.len() > limits.domain {
        return Err(syntax());
    }
    Ok(host.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect())
}

/// Refuses arguments where there are none.
pub(crate) fn alone(line: &str) -> Result<(), Reply> {
    if arguments(line).is_empty() { Ok(()) } else { Err(bad_syntax("This command takes no argument")) }
}

/// The mechanism and the initial response of AUTH. Not by smtp-proto: the response holds a secret, which is not to be copied about.
pub(crate) fn auth(line: &str) -> Result<(Mechanism, Option<&str>), Reply> {
    let mut words = arguments(line).split(' ').filter(|word| !word.is_empty());
    let (mechanism, initial, more) = (words.next(), words.next(), words.next());
    let mechanism = match mechanism {
        Some(name) if name.eq_ignore_ascii_case("PLAIN") => Mechanism::Plain,
        Some(name) if name.eq_ignore_ascii_case("LOGIN") => Mechanism::Login,
        Some(_) => return Err(Reply::new(504, "5.5.4", ["Only the mechanisms PLAIN and LOGIN are offered"])),
        None => return Err(bad_syntax("Write AUTH, a mechanism, and an initial response if you have one")),
    };
    if more.is_some() { Err(bad_syntax("Too many arguments")) } else { Ok((mechanism, initial)) }
}

/// The arguments of MAIL.
pub(crate) fn mail(line: &str, limits: &Limits) -> Result<MailFrom, Reply> {
    let (path, rest) = path_of(line, "FROM:").ok_or_else(|| bad_syntax("Write MAIL FROM:<address>"))?;
    let parameters = MailParameters::parse(rest, limits)?;
    let bad_sender = || {
        Reply::new(
            501,
            "5.1.7",
            ["The sender address is malformed or too long; write MAIL FROM:<name@domain>"],
        )
    };
    let path = match Path::parse(path, limits) {
        Some(Path::Null) => None,
        Some(Path::Mailbox(mailbox)) => Some(mailbox),
        Some(Path::Postmaster) | None => return Err(bad_sender()),
    };
    match parse(&without_parameters(line, rest)) {
        Ok(Request::Mail { .. }) => {}
        Err(Error::InvalidSenderAddress) => return Err(bad_sender()),
        _ => return Err(bad_syntax("Write MAIL FROM:<address>")),
    }
    if !parameters.smtputf8 && path.as_deref().is_some_and(|path| !path.is_ascii()) {
        return Err(needs_utf8());
    }
    let MailParameters { size, body, smtputf8, require_tls, ret, envid, .. } = parameters;
    let body = body.unwrap_or_default();
    Ok(MailFrom { path, size, body, smtputf8, require_tls, ret, envid })
}

/// The recipient that RCPT names; `smtputf8` as MAIL said.
pub(crate) fn rcpt(line: &str, smtputf8: bool, limits: &Limits) -> Result<Recipient, Reply> {
    let (path, rest) = path_of(line, "TO:").ok_or_else(|| bad_syntax("Write RCPT TO:<address>"))?;
    let RcptParameters { notify, orcpt } = RcptParameters::parse(rest, smtputf8, limits)?;
    let bad_recipient = || {
        Reply::new(
            501,
            "5.1.3",
            ["The recipient address is malformed or too long; write RCPT TO:<name@domain>"],
        )
    };
    let mailbox = match Path::parse(path, limits) {
        Some(Path::Mailbox(mailbox)) => mailbox,
        Some(Path::Postmaster) => "postmaster".to_owned(),
        Some(Path::Null) | None => return Err(bad_recipient()),
    };
    match parse(&without_parameters(line, rest)) {
        Ok(Request::Rcpt { .. }) => {}
        Err(Error::InvalidRecipientAddress) => return Err(bad_recipient()),
        _ => return Err(bad_syntax("Write RCPT TO:<address>")),
    }
    if !smtputf8 && !mailbox.is_ascii() {
        return Err(needs_utf8());
    }
    Ok(Recipient { path: mailbox, notify, orcpt })
}

/// The arguments of BDAT (RFC 3030 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// How many bytes follow the command.
    pub(crate) size: u64,
    /// Whether the message ends with them.
    pub(crate) last: bool,
}

/// How many bytes follow BDAT; none if that cannot be known. What else is wrong with it, [`only_last`] tells.
pub(crate) fn chunk(line: &str) -> Option<Chunk> {
    let mut words = arguments(line).split(' ').filter(|word| !word.is_empty());
    let digits = words.next().filter(|digits| (1..=20).contains(&digits.len()))?;
    let size =
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().unwrap_or(u64::MAX))?;
    Some(Chunk { size, last: words.next().is_some_and(|word| word.eq_ignore_ascii_case("LAST")) })
}

/// Refuses arguments of BDAT behind its size that are not LAST.
pub(crate) fn only_last(line: &str) -> Result<(), Reply> {
    let mut words = arguments(line).split(' ').filter(|word| !word.is_empty()).skip(1);
    match (words.next(), words.next()) {
        (None, _) => Ok(()),
        (Some(word), None) if word.eq_ignore_ascii_case("LAST") => Ok(()),
        _ => Err(bad_syntax("Write BDAT, the size of the chunk, and LAST if it is the last")),
    }
}

/// A reply to arguments that are malformed.
pub(crate) fn bad_syntax(what: &str) -> Reply {
    Reply::new(501, "5.5.4", [what])
}

fn needs_utf8() -> Reply {
    Reply::new(553, "5.6.7", ["An address that is not ASCII needs SMTPUTF8 on the MAIL command"])
}

fn parse(line: &str) -> Result<Request<String>, Error> {
    let line = format!("{line}\n");
    Ok(Request::parse(&mut line.as_bytes().iter())?.into_owned())
}

fn arguments(line: &str) -> &str {
    line.split_once(' ').map_or("", |(_, rest)| rest.trim_matches(' '))
}

/// The line up to its parameters, which are read in `parameters`.
fn without_parameters(line: &str, rest: &str) -> String {
    line.strip_suffix(rest).unwrap_or(line).to_owned()
}

/// The path and what follows it, given the keyword before the colon.
fn path_of<'a>(line: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let arguments = arguments(line);
    let (head, rest) = arguments.split_at_checked(keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    path::split(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Body, Notify, Ret};

    fn mail_of(line: &str) -> Result<MailFrom, u16> {
        mail(line, &Limits::default()).map_err(|reply| reply.code())
    }

    fn rcpt_of(line: &str) -> Result<Recipient, u16> {
        rcpt(line, false, &Limits::default()).map_err(|reply| reply.code())
    }

    #[test]
    fn mail_reads_its_parameters() {
        let read = mail_of("mail from: <\"a b\"@c.fr>  SIZE=123 body=8bitmime SMTPUTF8 AUTH=<>").unwrap();
        let path = Some("\"a b\"@c.fr".to_owned());
        let expected =
            MailFrom { path, size: Some(123), body: Body::EightBit, smtputf8: true, ..MailFrom::default() };
        assert_eq!(read, expected);
        let read = mail_of("MAIL FROM:<a@b.fr> ret=hdrs ENVID=QQ314159+2Ba SIZE=1").unwrap();
        assert_eq!((read.ret, read.envid.as_deref()), (Some(Ret::Headers), Some("QQ314159+a")));
        assert_eq!(mail_of("MAIL FROM:<a@b.fr> RET=FULL").unwrap().ret, Some(Ret::Full));
        assert_eq!(mail_of("MAIL FROM:<>").unwrap().path, None);
        let read = mail_of("MAIL FROM:<> BODY=binarymime REQUIRETLS").unwrap();
        assert_eq!((read.body, read.require_tls), (Body::Binary, true));
    }

    #[test]
    fn mail_refuses_what_is_not_offered_malformed_or_too_large() {
        for (line, code) in [
            ("MAIL FROM:<a@b.fr> RET=nonsense", 501),
            ("MAIL FROM:<a@b.fr> RET=HDRS RET=HDRS", 501),
            ("MAIL FROM:<a@b.fr> ENVID", 501),
            ("MAIL FROM:<a@b.fr> ENVID=a+zz", 501),
            ("MAIL FROM:<a@b.fr> NOTIFY=NEVER", 555),
            ("MAIL FROM:<a@b.fr> BY=1;N", 555),
            ("MAIL FROM:<a@b.fr> HOLDFOR=5", 555),
            ("MAIL FROM:<a@b.fr> MT-PRIORITY=3", 555),
            ("MAIL FROM:<a@b.fr> REQUIRETLS=1", 501),
            ("MAIL FROM:<a@b.fr> REQUIRETLS REQUIRETLS", 501),
            ("MAIL FROM:<a@b.fr> X=1", 555),
            ("MAIL FROM:<a@b.fr> BODY=BINARY", 501),
            ("MAIL FROM:<a@b.fr> BODY", 501),
            ("MAIL FROM:<a@b.fr> BODY=7BIT BODY=BINARYMIME", 501),
            ("MAIL FROM:<a@b.fr> SIZE", 501),
            ("MAIL FROM:<a@b.fr> SIZE=-1", 501),
            ("MAIL FROM:<a@b.fr> SIZE=1 SIZE=1", 501),
            ("MAIL FROM:<a@b.fr> SMTPUTF8=1", 501),
            ("MAIL FROM:<a@b.fr> SIZE=90000001", 552),
            ("MAIL FROM:<a@b.fr> SIZE=99999999999999999999", 552),
            ("MAIL FROM:<a@b.fr> SIZE=999999999999999999999", 501),
            ("MAIL FROM:<\u{e9}@b.fr>", 553),
            ("MAIL FROM:<postmaster>", 501),
            ("MAIL FROM:<a@b.fr>SIZE=1", 501),
            ("MAIL FROM:a@b.fr", 501),
            ("MAIL FROM <a@b.fr>", 501),
            ("MAIL <a@b.fr>", 501),
            ("MAIL", 501),
            ("MAIL FROM:<a@b@c.fr>", 501),
        ] {
            assert_eq!(mail_of(line), Err(code), "{line}");
        }
    }

    #[test]
    fn bdat_tells_how_many_bytes_follow_whatever_else_is_wrong() {
        for (line, read, good) in [
            ("BDAT 0", Some((0, false)), true),
            ("bdat 12 last", Some((12, true)), true),
            ("BDAT  12  LAST", Some((12, true)), true),
            ("BDAT 12 LAST LAST", Some((12, true)), false),
            ("BDAT 12 FIRST", Some((12, false)), false),
            ("BDAT 99999999999999999999", Some((u64::MAX, false)), true),
            ("BDAT 999999999999999999999", None, true),
            ("BDAT", None, true),
            ("BDAT LAST", None, true),
            ("BDAT -1", None, true),
            ("BDAT +1 LAST", None, true),
            ("BDAT 0x5", None, true),
        ] {
            assert_eq!(chunk(line).map(|chunk| (chunk.size, chunk.last)), read, "{line}");
            assert_eq!(only_last(line).is_ok(), good, "{line}");
        }
    }

    #[test]
    fn rcpt_reads_a_mailbox_or_postmaster() {
        assert_eq!(rcpt_of("RCPT TO:<a@b.fr>").unwrap(), "a@b.fr".into());
        assert_eq!(rcpt_of("rcpt to:<PostMaster>").unwrap(), "postmaster".into());
        let read = rcpt_of("RCPT TO:<a@b.fr> notify=Success,DELAY ORCPT=RFC822;a+2Bc@b.fr").unwrap();
        let notify = Some(Notify { success: true, failure: false, delay: true });
        assert_eq!(read, Recipient { path: "a@b.fr".into(), notify, orcpt: Some("rfc822;a+c@b.fr".into()) });
        for (line, code) in [
            ("RCPT TO:<>", 501),
            ("RCPT TO:<a@b.fr> NOTIFY=NEVER NOTIFY=NEVER", 501),
            ("RCPT TO:<a@b.fr> NOTIFY=OFTEN", 501),
            ("RCPT TO:<a@b.fr> ORCPT=a@b.fr", 501),
            ("RCPT TO:<a@b.fr> SIZE=1", 555),
            ("RCPT TO:<a@b.fr> BY=1", 555),
            ("RCPT TO:<\u{e9}@b.fr>", 553),
            ("RCPT FROM:<a@b.fr>", 501),
            ("RCPT TO:<a@[127.0.0.1]>", 501),
        ] {
            assert_eq!(rcpt_of(line), Err(code), "{line}");
        }
    }

    #[test]
    fn hello_wants_one_word() {
        let limits = Limits::default();
        assert_eq!(hello("EHLO [192.0.2.1]  ", &limits).unwrap(), "[192.0.2.1]");
        assert_eq!(hello("HELO p\u{e9}dia", &limits).unwrap(), "p?dia");
        for line in ["EHLO", "EHLO ", "HELO a b", &format!("EHLO {}", "x".repeat(256))] {
            assert!(hello(line, &limits).is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_is_accepted_is_plain_text(line in "(MAIL FROM:|RCPT TO:|EHLO |AUTH )<?[ -~\u{e9}]{0,60}") {
            let limits = Limits::default();
            if let Ok(MailFrom { path: Some(path), .. }) = mail(&line, &limits) {
                prop_assert!(line.contains(&path) && path.contains('@'));
            }
            if let Ok(Recipient { path, .. }) = rcpt(&line, true, &limits) {
                prop_assert!(path == "postmaster" || line.contains(&path));
            }
            let _ = (hello(&line, &limits), auth(&line), alone(&line), Verb::of(&line));
        }

        #[test]
        fn both_grammars_read_the_same_address(
            local in "[a-z\"\\\\ @>.]{1,8}", domain in "[a-z]{1,5}(\\.[a-z]{1,3}){0,2}",
        ) {
            let quoted = local.replace('\\', "\\\\").replace('"', "\\\"");
            let line = format!("RCPT TO:<\"{quoted}\"@{domain}>");
            let read = rcpt(&line, false, &Limits::default());
            if let Ok(Request::Rcpt { to }) = parse(&line) && to.address == format!("{local}@{domain}") {
                prop_assert_eq!(read.unwrap().path, format!("\"{quoted}\"@{domain}"));
            }
        }
    }
}
