//! ENABLE (RFC 5161 §3.1, RFC 9051 §6.3.1): the client asks for forms of answers that others would not understand.
//! May change what the session has enabled. Must never enable what is not offered.

use crate::{
    capability::Extension,
    completion::Completion,
    output::Output,
    session::{Session, halt::Halt},
};

/// Enables what it knows and is offered; the rest is ignored, as §3.1 wants.
pub(in crate::session) async fn enable(
    session: &mut Session,
    words: &[String],
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let mut done = String::from("* ENABLED");
    for word in words {
        let Some(extension) = switch_on(session, word) else { continue };
        if !done.split(' ').any(|told| told == extension.name()) {
            done.push(' ');
            done.push_str(extension.name());
        }
    }
    out.line(done).await?;
    Ok(Completion::ok("ENABLE completed"))
}

fn switch_on(session: &mut Session, word: &str) -> Option<Extension> {
    let extension = match word {
        "CONDSTORE" => Extension::CondStore,
        "QRESYNC" => Extension::QResync,
        "IMAP4REV2" => Extension::Rev2,
        "UTF8=ACCEPT" => Extension::Utf8Accept,
        _ => return None,
    };
    if !session.offers(extension) {
        return None;
    }
    match extension {
        Extension::Rev2 => session.enabled.rev2 = true,
        Extension::Utf8Accept => session.enabled.utf8 = true,
        Extension::QResync => {
            session.enabled.qresync = true;
            // RFC 7162 §3.2.3: the one enables the other.
            session.enable_condstore();
        }
        _ => session.enable_condstore(),
    }
    Some(extension)
}
