//! `trust` and `crl`: asks the daemon, prints, and says by the exit code whether scripts may go on. A signer is accepted only after
//! its whole name was written twice.
//!
//! May use the control socket, the terminal and, for `trust check`, the configuration.

use std::{
    io::{self, BufRead as _, Write as _},
    path::Path,
};

use mssante::dn::DistinguishedName;
use store::{Clock as _, SystemClock};

use super::{ask, call, socket, unexpected};
use crate::{
    cli::{AcceptSigner, Crl, CrlAction, Remote, Trust, TrustAction},
    config,
    control::protocol::{Answer, Request},
    exit::Failure,
    print, trust as space,
};

pub(super) fn trust(remote: &Remote<Trust>, as_json: bool) -> Result<(), Failure> {
    let request = match &remote.what.action {
        TrustAction::Check { .. } if remote.socket.is_some() => {
            let text = "trust check asks no daemon: give the configuration with --config instead of --socket";
            return Err(Failure::failed(text));
        }
        TrustAction::Check { file, at } => {
            let settings = config::load(&remote.config)?;
            return space::check(&settings, file, at.unwrap_or_else(|| SystemClock.now()), as_json);
        }
        TrustAction::AcceptSigner(signer) => return accept_signer(remote, signer, as_json),
        TrustAction::Status => Request::TrustStatus {},
        TrustAction::Show { domain } => Request::TrustShow { domain: domain.clone() },
        TrustAction::Refresh => Request::TrustRefresh {},
    };
    match call(&socket(remote)?, &request)? {
        Answer::Refused(refused) => Err(refused.into()),
        answer => {
            print::answer(&answer, as_json);
            trusted(&answer)
        }
    }
}

pub(super) fn crl(remote: &Remote<Crl>, as_json: bool) -> Result<(), Failure> {
    let CrlAction::Import { file } = &remote.what.action;
    // the daemon has a working directory of its own
    let file = std::path::absolute(file)
        .map_err(|error| Failure::failed(format!("{}: {error}", Path::new(file).display())))?;
    ask(remote, &Request::CrlImport { file }, as_json)
}

/// What was printed may be an answer and yet not what scripts may go on with.
fn trusted(answer: &Answer) -> Result<(), Failure> {
    match answer {
        Answer::Refreshed(refreshed) if !refreshed.alarms.is_empty() => {
            let count = refreshed.alarms.len();
            Err(Failure::failed(format!(
                "alarms that hold after the refresh: {count}, see what each says to do"
            )))
        }
        Answer::TrustDomain(view) if view.rows.is_empty() => {
            let text = format!("no white list in force lists {}: nothing is exchanged with it", view.domain);
            Err(Failure::failed(text))
        }
        _ => Ok(()),
    }
}

fn accept_signer(remote: &Remote<Trust>, signer: &AcceptSigner, as_json: bool) -> Result<(), Failure> {
    let socket = socket(remote)?;
    let view = match call(&socket, &Request::TrustSigner { name: signer.name.clone() })? {
        Answer::Signer(view) => view,
        Answer::Refused(refused) => return Err(refused.into()),
        _ => return Err(unexpected()),
    };
    if !as_json {
        print::trust::signer(&view);
    }
    let again = match &signer.confirm {
        Some(again) => again.clone(),
        None => typed()?,
    };
    let name =
        |text: &str| DistinguishedName::parse(text).map_err(|error| Failure::failed(error.to_string()));
    if name(&again)? != name(&signer.name)? {
        return Err(Failure::failed(
            "the two names are not the same: nobody was accepted; write the whole name of the agency's announcement",
        ));
    }
    match call(&socket, &Request::TrustAcceptSigner { name: signer.name.clone() })? {
        Answer::Refused(refused) => Err(refused.into()),
        answer => {
            print::answer(&answer, as_json);
            Ok(())
        }
    }
}

/// A line of the standard input, asked for on the error output: what is printed is for scripts.
fn typed() -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("nothing could be read: {error}"));
    let mut error = io::stderr().lock();
    // nobody needs to be asked twice who cannot read it
    let _ = write!(error, "Write the whole name again to accept lists signed by it: ");
    let _ = error.flush();
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line.trim().to_owned())
}
