//! LOGIN and AUTHENTICATE PLAIN (RFC 3501 §6.2.2, §6.2.3; RFC 4616; RFC 4959).
//! May use identity through the backend. Must never show a password or a reason to a stranger (M-5).

use std::net::IpAddr;

use identity::{Mechanism, sasl, split_user};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    command::{Secret, Tag},
    completion::Completion,
    connection::{
        backend::{Backend, Login, LoginError},
        stream::{Halt, Wire},
    },
    wire::{encode::Code, framing::Event},
};

/// What came of a login.
pub(super) enum Outcome<P> {
    /// Welcome.
    Welcome(P),
    /// A wrong name, password or right: counted.
    Failed(Completion),
    /// Nothing was judged.
    NotTried(Completion),
}

/// Who asks to log in, as far as the connection tells.
pub(super) struct Caller {
    /// From where.
    pub(super) peer: IpAddr,
    /// What the client calls itself (RFC 2971).
    pub(super) client: Option<String>,
}

/// Refusal of every login in clear: a password must not be asked for where others can read it (M-5).
pub(super) fn needs_tls() -> Completion {
    Completion::no_with(Code::PrivacyRequired, "login is possible in TLS only: use STARTTLS first")
}

/// The LOGIN command; the user may be `box*person` (S-1.7).
pub(super) async fn login<B: Backend>(
    backend: &B,
    caller: Caller,
    user: &str,
    password: Secret,
) -> Outcome<B::Person> {
    let (authzid, authcid) = split_user(user);
    let login = Login {
        authzid: authzid.map(str::to_owned),
        authcid: authcid.to_owned(),
        password,
        mechanism: Mechanism::Login,
        peer: caller.peer,
        client: caller.client,
    };
    judge(backend, login).await
}

/// The AUTHENTICATE command, continuation included.
pub(super) async fn authenticate<B, S>(
    wire: &mut Wire<S>,
    backend: &B,
    caller: Caller,
    mechanism: &str,
    initial: Option<Secret>,
) -> Result<Outcome<B::Person>, Halt>
where
    B: Backend,
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    if mechanism != "PLAIN" {
        let text = "this mechanism is not offered: use AUTHENTICATE PLAIN or LOGIN";
        return Ok(Outcome::NotTried(Completion::no_with(Code::Cannot, text)));
    }
    let response = match initial {
        Some(initial) => initial,
        None => match ask(wire).await? {
            Ok(response) => response,
            Err(completion) => return Ok(Outcome::NotTried(completion)),
        },
    };
    let Ok(plain) = sasl::decode_plain(response.bytes()) else {
        return Ok(Outcome::NotTried(Completion::bad("this is not a PLAIN response in base64")));
    };
    let login = Login {
        authzid: plain.authzid,
        authcid: plain.authcid,
        password: Secret::new(plain.password.to_vec()),
        mechanism: Mechanism::Plain,
        peer: caller.peer,
        client: caller.client,
    };
    Ok(judge(backend, login).await)
}

/// Sends the empty challenge and reads the response; `*` cancels (RFC 3501 §6.2.2).
async fn ask<S>(wire: &mut Wire<S>) -> Result<Result<Secret, Completion>, Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    wire.input.framer().expect_plain_line();
    wire.go_on("").await?;
    let patience = wire.read_timeout();
    Ok(match wire.next(patience).await? {
        Event::Command(line) if line == b"*" => Err(Completion::bad("AUTHENTICATE cancelled")),
        Event::Command(line) => Ok(Secret::new(line)),
        _ => Err(Completion::bad("the response is too long")),
    })
}

async fn judge<B: Backend>(backend: &B, login: Login) -> Outcome<B::Person> {
    match backend.log_in(login).await {
        Ok(person) => Outcome::Welcome(person),
        Err(LoginError::Denied) => Outcome::Failed(Completion::no_with(
            Code::AuthenticationFailed,
            "wrong user name or application password, or no right to this box",
        )),
        Err(LoginError::Throttled(wait)) => Outcome::Failed(Completion::no_with(
            Code::Unavailable,
            format!("too many failed logins: try again in {} s", wait.as_secs().max(1)),
        )),
        Err(LoginError::TooMany) => Outcome::NotTried(Completion::no_with(
            Code::Limit,
            "this account has too many sessions open: close a mail client or a device, then try again",
        )),
        Err(LoginError::Unavailable) => Outcome::NotTried(Completion::no_with(
            Code::Unavailable,
            "login is not possible for the moment: try again later",
        )),
    }
}

/// The end of a successful login, which also tells what can be done now (RFC 3501 §7.1 CAPABILITY).
pub(super) async fn welcome<S>(wire: &mut Wire<S>, tag: &Tag, capability: String) -> Result<(), Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    wire.complete(Some(tag), Completion::ok_with(Code::Capability(capability), "logged in")).await
}
