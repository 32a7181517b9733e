//! How answers are printed: text for people, one JSON value for scripts.
//!
//! The standard output only. The one place that prints an application password, once.

pub(crate) mod chores;
mod connectors;
mod queue;
mod retention;
pub(crate) mod trust;

use std::{
    fmt,
    io::{self, Write},
};

use serde_json::Value;

pub(crate) use queue::QueuePages;

use crate::control::protocol::{
    AccountView, Answer, CertificateView, NewPassword, PasswordView, StatusView, TraceView,
};

/// Writes one line to the standard output.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    // A reader that went away (`| head`) wants no more; nothing is lost by going on without it.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// `println!` that does not panic when the reader of the output went away.
macro_rules! say {
    ($($text:tt)*) => { $crate::print::line(format_args!($($text)*)) };
}
pub(crate) use say;

/// Prints a sentence and the facts behind it; as JSON the facts alone.
pub(crate) fn facts(sentence: &str, facts: &Value, as_json: bool) {
    if as_json {
        say!("{facts}");
        return;
    }
    say!("{sentence}");
    for line in lines(facts) {
        say!("  {line}");
    }
}

/// Prints what the daemon answered.
pub(crate) fn answer(answer: &Answer, as_json: bool) {
    if as_json {
        // Types of this program always have a JSON form; the null stands for what cannot be.
        say!("{}", serde_json::to_value(answer).unwrap_or(Value::Null));
        return;
    }
    match answer {
        Answer::Account(view) => account(view),
        Answer::Accounts { accounts, .. } => accounts.iter().for_each(account_line),
        Answer::Removed { address, trace } => {
            say!("{address} is removed, its messages too; trace {trace}");
        }
        Answer::Password(new) => password(new),
        Answer::Passwords { address, passwords } => password_lines(&address.to_string(), passwords),
        Answer::Revoked { address, id, trace } => {
            say!(
                "application password {id} of {address} is revoked, sessions that rest on it end now; trace {trace}"
            );
        }
        Answer::Connectors(found) => connectors::list(found),
        Answer::ConnectorPassword(new) => connectors::password(new),
        Answer::ConnectorRevoked { name, trace } => {
            say!(
                "connector {name} has no password any more, sessions that rest on it end now; trace {trace}"
            );
        }
        Answer::Traces(traces) | Answer::TracesOf { traces, .. } => {
            traces.iter().for_each(|trace| say!("{}", trace_line(trace)));
        }
        Answer::Queue { entries, .. } => queue::table(entries),
        Answer::Queued(view) => queue::entry(view),
        Answer::QueueStats(view) => queue::stats(view),
        Answer::QueueChanged { change, changed, .. } => queue::changed(*change, changed),
        Answer::Retention(view) => retention::show(view),
        Answer::ClockAccepted { now, trace } => {
            say!("the clock is believed again: it is {now}; trace {trace}");
        }
        Answer::Status(view) => status(view),
        Answer::TrustStatus(view) => trust::status(view),
        Answer::TrustDomain(view) => trust::domain(view),
        Answer::Refreshed(refreshed) => trust::refreshed(refreshed),
        Answer::Signer(view) => trust::signer(view),
        Answer::SignerAccepted { refreshed, trace } => trust::signer_accepted(refreshed, trace),
        Answer::CrlImported(view) => trust::imported(view),
        Answer::Chored(chored) => chores::chored(chored),
        // The client waits on; nobody is shown it.
        Answer::Working {} | Answer::Following {} => {}
        Answer::Refused(refused) => say!("{}", refused.message),
    }
}

fn account(view: &AccountView) {
    let value = serde_json::to_value(view).unwrap_or(Value::Null);
    for line in lines(&value) {
        say!("{line}");
    }
}

fn account_line(view: &AccountView) {
    let mssante = view.profile.mssante.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    say!(
        "{:<3}  {:<11}  {:<36}  {mssante}",
        view.profile.box_type,
        view.state,
        view.profile.login.to_string()
    );
}

fn password(new: &NewPassword) {
    say!("{}", new.password);
    eprintln!(
        "This is the application password {} “{}” of {}. It is shown this once.",
        new.id, new.name, new.address
    );
    eprintln!(
        "Ceci est le mot de passe d'application {} « {} ». Il n'est montré que cette fois.",
        new.id, new.name
    );
    if !new.notified {
        eprintln!("Warning: the notice to the box could not be delivered (S-7.3): tell its holder yourself.");
    }
}

fn password_lines(address: &str, passwords: &[PasswordView]) {
    if passwords.is_empty() {
        say!("{address} has no application password: make one with `vaguemestre app-password create`");
    }
    for password in passwords {
        say!("{:>6}  {:.0}  {}", password.id, password.created, password.name);
    }
}

/// A trace on one line.
pub(crate) fn trace_line(trace: &TraceView) -> String {
    let mut line = format!("{:.3}  {} {}", trace.at, trace.action, trace.outcome);
    let fields = [("person", &trace.person), ("as", &trace.acting_as), ("peer", &trace.peer)];
    for (name, value) in
        fields.into_iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)))
    {
        line.push_str(&format!("  {name}={value}"));
    }
    for (name, value) in &trace.detail {
        line.push_str(&format!("  {name}={value}"));
    }
    line
}

fn status(view: &StatusView) {
    let StatusView { version, operator, hostname, process, uptime_seconds, certificate, .. } = view;
    if view.demonstration {
        say!("DEMONSTRATION store: for loopback only, never for real mail");
    }
    say!("vaguemestre {version}, {operator} ({hostname}), process {process}, up {uptime_seconds} s");
    certificate_line("certificate", certificate);
    if let Some(relay) = view.relay_certificate.as_ref().filter(|relay| *relay != certificate) {
        certificate_line("certificate shown to operators", relay);
    }
    for listener in &view.listeners {
        let sessions = format!("{} of {} sessions", listener.sessions, listener.sessions_limit);
        say!("{:<15} {:<24} {sessions}", listener.service, listener.address);
    }
    let list = view.list_age_seconds.map(|age| format!(", white list confirmed {age} s ago"));
    say!("{} recipients of other operators wait{}", view.queue, list.unwrap_or_default());
    for alarm in &view.alarms {
        say!("ALARM {alarm}");
    }
    for line in lines(&view.store) {
        say!("store {line}");
    }
}

fn certificate_line(what: &str, certificate: &CertificateView) {
    let expiry = format!("{:.0} ({} days left)", certificate.not_after, certificate.days_left);
    say!("{what} {}, valid until {expiry}", certificate.subject);
}

/// One value or list as lines of `name: value`.
fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(name, value)| match value {
                Value::Null => Vec::new(),
                Value::Array(items) if items.is_empty() => Vec::new(),
                Value::Object(_) | Value::Array(_) => {
                    let inner = lines(value).into_iter().map(|line| format!("  {line}"));
                    std::iter::once(format!("{name}:")).chain(inner).collect::<Vec<_>>()
                }
                value => vec![format!("{name}: {}", lines(value).concat())],
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| lines(item).join(", ")).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}
