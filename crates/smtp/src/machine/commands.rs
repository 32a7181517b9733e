//! Which command may come when, and what it does when nobody has to be asked (RFC 5321 §4.1.4; RFC 3207 §4;
//! RFC 4954 §4; RFC 3030 §2).

use std::{borrow::Cow, mem};

use zeroize::Zeroizing;

use super::{
    Addressing, Authenticating, Content, Core, Expect, How, Identifying, Opening, Step, Then, Turn, chunk,
    mailing, write,
};
use crate::{
    Body, Credentials, End, MailFrom, Policy, Recipient, Reply,
    command::{self, Verb},
    input::{Fault, Taken},
    sasl::{self, Exchange},
};

/// The first byte of a TLS handshake record, which no command starts with.
const TLS_HANDSHAKE: u8 = 0x16;

/// What to say to a client whose first bytes are no SMTP.
fn other_protocol(start: &[u8]) -> Option<&'static str> {
    match start {
        [TLS_HANDSHAKE, ..] => Some(
            "This port begins in clear, with TLS by STARTTLS: choose that, or the port for TLS; closing the connection",
        ),
        [b'S', b'S', b'H', b'-', ..] => Some("This is SMTP, not SSH; closing the connection"),
        [b'P', b'R', b'O', b'X', b'Y', b' ', ..] => {
            Some("This is SMTP: no PROXY header is believed from this address; closing the connection")
        }
        [b'\r' | b'\n', ..] => None,
        [byte, ..] if !byte.is_ascii_graphic() && *byte != b' ' => {
            Some("This is SMTP; closing the connection")
        }
        _ => None,
    }
}

/// What a command leads to.
pub(super) enum Flow<P: Policy> {
    /// The next command.
    Next,
    Close(End),
    StartTls,
    Sasl(Exchange),
    Authenticate(Credentials),
    Mail(MailFrom),
    Rcpt(super::Transaction<P::Envelope>, Recipient),
    Data(P::Envelope, How),
    /// The bytes of a chunk follow.
    Content(Content, Result<P::Incoming, Reply>),
}

impl<P: Policy> From<Option<End>> for Flow<P> {
    fn from(end: Option<End>) -> Self {
        end.map_or(Flow::Next, Flow::Close)
    }
}

/// A line, or why there is none.
enum Line {
    Whole(Zeroizing<Vec<u8>>),
    TooLong,
    More,
    Fault(End),
}

/// Uses one command.
pub(super) fn turn<P: Policy>(mut core: Box<Core<P>>) -> Turn<P> {
    if core.draining && !core.in_transaction() {
        let end = core.interrupted(super::Interruption::Stopped);
        return Turn::Stop(write(core, Then::Close(end)));
    }
    let start: Vec<u8> = core.input.pending().iter().take(4).copied().collect();
    let flow = match next_line(&mut core, None) {
        Line::More => return Turn::Stop(write(core, Then::Read(Expect::Command))),
        Line::Fault(end) => Flow::Close(end),
        Line::TooLong if announces_chunk(&start) => chunk::lost(&mut core),
        Line::TooLong => core.mistake(&Reply::new(500, "5.5.2", ["Command line too long"])).into(),
        Line::Whole(line) => command(&mut core, &line),
    };
    go(core, flow)
}

/// Whether a line that cannot be read says that a chunk follows, of which nobody knows how long it is.
fn announces_chunk(line: &[u8]) -> bool {
    line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"BDAT"))
}

/// Uses one line of a SASL exchange.
pub(super) fn sasl_turn<P: Policy>(mut core: Box<Core<P>>, exchange: Exchange) -> Turn<P> {
    let flow = match next_line(&mut core, Some(&exchange)) {
        Line::More => return Turn::Stop(write(core, Then::Read(Expect::Sasl(exchange)))),
        Line::Fault(end) => Flow::Close(end),
        Line::TooLong => {
            core.mistake(&Reply::new(500, "5.5.6", ["Authentication exchange line too long"])).into()
        }
        Line::Whole(line) => exchange_goes_on(&mut core, exchange.line(&line)),
    };
    go(core, flow)
}

fn go<P: Policy>(mut core: Box<Core<P>>, flow: Flow<P>) -> Turn<P> {
    Turn::Stop(match flow {
        Flow::Next => return Turn::Again(core, Expect::Command),
        Flow::Sasl(exchange) => return Turn::Again(core, Expect::Sasl(exchange)),
        Flow::Close(end) => write(core, Then::Close(end)),
        Flow::StartTls => write(core, Then::StartTls),
        Flow::Authenticate(credentials) => Step::Authenticate(Authenticating { core }, credentials),
        Flow::Mail(from) if core.peer.is_none() && core.connection.service.identifies() => {
            Step::Identify(Identifying { core, from })
        }
        Flow::Mail(from) => mailing(core, from),
        Flow::Rcpt(transaction, to) => Step::Rcpt(Addressing { core, transaction }, to),
        Flow::Data(envelope, how) => {
            core.reset();
            Step::Data(Opening { core, how }, envelope)
        }
        Flow::Content(content, fate) => return Turn::Again(core, Expect::Content(content, fate)),
    })
}

fn next_line<P: Policy>(core: &mut Core<P>, exchange: Option<&Exchange>) -> Line {
    if core.progress == 0
        && core.connection.tls.is_none()
        && let Some(text) = other_protocol(core.input.pending())
    {
        core.say(554, "5.7.0", text);
        return Line::Fault(End::NotSmtp);
    }
    let limits = &core.settings.limits;
    let pending = core.input.pending();
    let auth = pending.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"AUTH "));
    let service = core.connection.service;
    let is_safe = core.connection.tls.is_some() || !service.needs_tls();
    let may_log_in = is_safe && core.peer.is_none() && service.offers_login();
    let may_be_long = exchange.is_some() || (auth && may_log_in);
    let limit = if may_be_long { limits.auth_line } else { limits.command_line };
    let taken = core.input.line(limit);
    if matches!(taken, Ok(Taken::More)) {
        core.input.shrink();
        return Line::More;
    }
    core.progress += 1;
    match taken {
        Ok(Taken::Line(line)) => Line::Whole(line),
        Ok(Taken::TooLong) => Line::TooLong,
        Ok(Taken::More) => Line::More,
        Err(Fault::Bare) => {
            core.say(500, "5.5.2", "Lines must end with CR LF; closing the connection");
            Line::Fault(End::BareLineEnd)
        }
        Err(Fault::Flood) => {
            core.say(500, "5.5.2", "Command line too long; closing the connection");
            Line::Fault(End::Flood)
        }
    }
}

fn command<P: Policy>(core: &mut Core<P>, line: &[u8]) -> Flow<P> {
    let Some(line) = text(line) else {
        if announces_chunk(line) {
            return chunk::lost(core);
        }
        return core.mistake(&Reply::new(500, "5.5.2", ["A command is printable text in UTF-8"])).into();
    };
    let line = line.as_ref();
    let verb = Verb::of(line);
    tracing::debug!(session = %core.connection.session, ?verb, "command");
    if verb == Verb::Http {
        core.say(554, "5.7.0", "This is SMTP, not HTTP; closing the connection");
        return Flow::Close(End::NotSmtp);
    }
    match gate(core, verb).and_then(|()| execute(core, verb, line)) {
        Ok(flow) => flow,
        Err(reply) if verb == Verb::Bdat => chunk::refused(core, line, reply),
        Err(reply) => core.mistake(&reply).into(),
    }
}

/// A line as text, trailing blanks removed (RFC 5321 §4.1.1). EHLO is forgiven the bytes of an old character set in a machine's name.
fn text(line: &[u8]) -> Option<Cow<'_, str>> {
    let greeting = line.get(..5).is_some_and(|verb| {
        [b"EHLO ", b"HELO ", b"LHLO "].iter().any(|hello| verb.eq_ignore_ascii_case(*hello))
    });
    let text = match std::str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text.trim_end_matches(' ')),
        Err(_) if greeting => String::from_utf8_lossy(line),
        Err(_) => return None,
    };
    (!text.chars().any(char::is_control)).then_some(text)
}

/// Whether a command may come now.
fn gate<P: Policy>(core: &Core<P>, verb: Verb) -> Result<(), Reply> {
    use Verb::{Auth, Bdat, Data, Ehlo, Helo, Help, Lhlo, Mail, Noop, Quit, Rcpt, Rset, StartTls, Vrfy};
    let service = core.connection.service;
    let free = matches!(verb, Ehlo | Helo | Lhlo | Noop | Rset | Quit);
    match verb {
        Ehlo | Helo if service.is_lmtp() => {
            return Err(Reply::new(500, "5.5.1", ["This is LMTP: say LHLO your.host.name"]));
        }
        Lhlo if !service.is_lmtp() => return Err(Reply::new(502, "5.5.1", ["Command not offered here"])),
        StartTls if !service.needs_tls() => {
            return Err(Reply::new(502, "5.5.1", ["No TLS on this socket, which no network reaches"]));
        }
        _ => {}
    }
    if core.connection.tls.is_none() && service.needs_tls() && !free && verb != StartTls {
        return Err(match verb {
            Auth if service.offers_login() => {
                Reply::new(538, "5.7.11", ["Must issue a STARTTLS command first: no login in clear"])
            }
            _ => Reply::new(530, "5.7.0", ["Must issue a STARTTLS command first"]),
        });
    }
    if verb == Auth && !service.offers_login() {
        return Err(Reply::new(502, "5.5.1", ["No AUTH here: peers are known by their certificate"]));
    }
    if verb == Bdat && service.is_lmtp() {
        return Err(Reply::new(502, "5.5.1", ["Command not offered here"]));
    }
    if core.connection.helo.is_empty() && matches!(verb, StartTls | Auth | Mail | Rcpt | Data | Bdat) {
        return Err(out_of_order(if service.is_lmtp() { "Say LHLO first" } else { "Say EHLO first" }));
    }
    if core.peer.is_none() && service.identifies() && matches!(verb, Rcpt | Data | Bdat | Vrfy | Help) {
        return Err(Reply::new(530, "5.7.0", ["Who you are is not known yet: that is judged at MAIL"]));
    }
    if core.peer.is_none() && !service.identifies() && matches!(verb, Mail | Rcpt | Data | Bdat) {
        return Err(Reply::new(530, "5.7.0", ["Authentication required: log in with AUTH first"]));
    }
    Ok(())
}

fn execute<P: Policy>(core: &mut Core<P>, verb: Verb, line: &str) -> Result<Flow<P>, Reply> {
    match verb {
        Verb::Ehlo | Verb::Helo | Verb::Lhlo => return hello(core, verb != Verb::Helo, line),
        Verb::StartTls => return start_tls(core, line),
        Verb::Auth => return auth(core, line),
        Verb::Mail => return mail(core, line),
        Verb::Rcpt => return rcpt(core, line),
        Verb::Data => return data(core, line),
        Verb::Bdat => return bdat(core, line),
        Verb::Rset => {
            command::alone(line)?;
            core.reset();
            core.say(250, "2.0.0", "Forgotten");
        }
        Verb::Noop => core.say(250, "2.0.0", "Here"),
        Verb::Quit => {
            command::alone(line)?;
            core.say(221, "2.0.0", "Goodbye");
            return Ok(Flow::Close(End::Quit));
        }
        Verb::Vrfy => core.say(252, "2.5.0", "Addresses are checked at RCPT, not here"),
        Verb::Help => {
            let service = core.connection.service;
            let hello = if service.is_lmtp() { "LHLO" } else { "EHLO" };
            let tls = if service.needs_tls() { " STARTTLS" } else { "" };
            let auth = if service.offers_login() { " AUTH" } else { "" };
            let bdat = if service.is_lmtp() { "" } else { " BDAT" };
            let text = format!("{hello}{tls}{auth} MAIL RCPT DATA{bdat} RSET NOOP VRFY QUIT; see RFC 5321");
            core.say(214, "2.0.0", &text);
        }
        Verb::NotOffered => return Err(Reply::new(502, "5.5.1", ["Command not offered here"])),
        Verb::Http | Verb::Unknown => return Err(Reply::new(500, "5.5.1", ["Unknown command"])),
    }
    Ok(Flow::Next)
}

/// What EHLO is told, whoever says it.
const OFFERED: [&str; 5] = ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN"];

/// The same where BDAT is taken: not in LMTP.
const CHUNKED: [&str; 2] = ["CHUNKING", "BINARYMIME"];

fn hello<P: Policy>(core: &mut Core<P>, extended: bool, line: &str) -> Result<Flow<P>, Reply> {
    core.connection.helo = command::hello(line, &core.settings.limits)?;
    core.connection.extended = extended;
    core.reset();
    let mut lines = vec![core.settings.hostname.clone()];
    if extended {
        lines.extend(OFFERED.map(str::to_owned));
        let (limits, service) = (&core.settings.limits, core.connection.service);
        if !service.is_lmtp() {
            lines.extend(CHUNKED.map(str::to_owned));
        }
        lines.push(format!("SIZE {}", limits.message_bytes));
        lines.push(format!("LIMITS MAILMAX={} RCPTMAX={}", limits.mails, limits.recipients));
        if core.connection.tls.is_some() {
            lines.push("REQUIRETLS".to_owned());
        }
        if core.connection.tls.is_none() && service.needs_tls() {
            lines.push("STARTTLS".to_owned());
        } else if core.peer.is_none() && service.offers_login() {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
    }
    core.reply(&Reply::new(250, "", lines));
    Ok(Flow::Next)
}

fn start_tls<P: Policy>(core: &mut Core<P>, line: &str) -> Result<Flow<P>, Reply> {
    if core.connection.tls.is_some() {
        return Err(out_of_order("TLS is already in use"));
    }
    command::alone(line)?;
    if !core.input.is_empty() {
        // whoever sits between may have put it there: neither used now nor inside TLS
        core.say(554, "5.5.1", "Nothing may follow STARTTLS before TLS; closing the connection");
        return Ok(Flow::Close(End::Injected));
    }
    core.say(220, "2.0.0", "Ready to start TLS");
    Ok(Flow::StartTls)
}

fn auth<P: Policy>(core: &mut Core<P>, line: &str) -> Result<Flow<P>, Reply> {
    if core.peer.is_some() {
        return Err(out_of_order("Already authenticated"));
    }
    if core.in_transaction() {
        return Err(out_of_order("No AUTH within a transaction"));
    }
    let (mechanism, initial) = command::auth(line)?;
    Ok(exchange_goes_on(core, sasl::start(mechanism, initial.map(str::as_bytes))))
}

fn exchange_goes_on<P: Policy>(core: &mut Core<P>, turn: sasl::Turn) -> Flow<P> {
    match turn {
        sasl::Turn::Challenge(challenge, exchange) => {
            core.say(334, "", challenge);
            Flow::Sasl(exchange)
        }
        sasl::Turn::Done(credentials) => Flow::Authenticate(credentials),
        sasl::Turn::Refused(reply) => core.mistake(&reply).into(),
    }
}

fn mail<P: Policy>(core: &mut Core<P>, line: &str) -> Result<Flow<P>, Reply> {
    if core.in_transaction() {
        return Err(out_of_order("A transaction is open already; finish it or say RSET"));
    }
    let from = command::mail(line, &core.settings.limits)?;
    if from.body == Body::Binary && core.connection.service.is_lmtp() {
        return Err(command::bad_syntax("BODY=BINARYMIME is not offered here"));
    }
    if from.require_tls && core.connection.tls.is_none() {
        return Err(Reply::new(555, "5.5.4", ["REQUIRETLS is not offered here: there is no TLS"]));
    }
    if core.mails >= core.settings.limits.mails {
        core.say(421, "4.7.0", "As many messages as a session may have (MAILMAX); connect again");
        return Ok(Flow::Close(End::TooMany));
    }
    core.mails += 1;
    core.failed = None;
    Ok(Flow::Mail(from))
}

fn rcpt<P: Policy>(core: &mut Core<P>, line: &str) -> Result<Flow<P>, Reply> {
    let limits = &core.settings.limits;
    if core.open.is_some() {
        return Err(out_of_order("Recipients come before the first chunk"));
    }
    let Some(transaction) = &mut core.transaction else {
        return Err(out_of_order("Say MAIL first"));
    };
    let to = command::rcpt(line, transaction.smtputf8, limits)?;
    if transaction.attempts >= limits.recipients {
        let text = format!(
            "Too many recipients: at most {} a message; send it to the others apart",
            limits.recipients
        );
        core.say(452, "4.5.3", &text);
        return Ok(core.recipient_refused().into());
    }
    transaction.attempts += 1;
    Ok(mem::take(&mut core.transaction).map_or(Flow::Next, |transaction| Flow::Rcpt(transaction, to)))
}

fn data<P: Policy>(core: &mut Core<P>, line: &str) -> Result<Flow<P>, Reply> {
    command::alone(line)?;
    let end = match mem::take(&mut core.transaction) {
        Some(transaction) if transaction.body == Body::Binary => {
            core.transaction = Some(transaction);
            core.mistake(&out_of_order("BODY=BINARYMIME travels by BDAT"))
        }
        Some(transaction) if transaction.accepted > 0 => {
            core.copies = if core.connection.service.is_lmtp() { transaction.accepted } else { 1 };
            return Ok(Flow::Data(transaction.envelope, How::Data));
        }
        Some(transaction) => {
            core.transaction = Some(transaction);
            // RFC 2033 §4.2 asks for another code than RFC 5321 §3.3
            let code = if core.connection.service.is_lmtp() { 503 } else { 554 };
            core.say(code, "5.5.1", chunk::NO_RECIPIENTS);
            None
        }
        None if core.open.is_some() => {
            core.reset();
            core.failed = Some(chunk::Failed::default());
            core.mistake(&out_of_order("The message came in chunks so far: no DATA, say RSET"))
        }
        None => core.mistake(&out_of_order("Say MAIL and RCPT first")),
    };
    Ok(end.or_else(|| core.content_came_uninvited()).into())
}

fn bdat<P: Policy>(core: &mut Core<P>, line: &str) -> Result<Flow<P>, Reply> {
    let Some(chunk) = command::chunk(line) else { return Ok(chunk::lost(core)) };
    command::only_last(line)?;
    Ok(chunk::bdat(core, chunk))
}

pub(super) fn out_of_order(what: &str) -> Reply {
    Reply::new(503, "5.5.1", [what])
}
