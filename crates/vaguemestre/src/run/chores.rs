//! Long work on the whole store: asked of the daemon, or done here where none runs.

use std::{cmp::Ordering, env, path::Path, sync::Arc};

use rustix::process::geteuid;
use serde_json::{Value, json};
use store::{
    Action, Clock, LogLoss, OpenOptions, Outcome, Replayed, RestoreOptions, Restored, SystemClock, Trace,
    TraceId, UpgradeCheck,
};

use super::{socket, unexpected};
use crate::{
    chores::{self, Chore, Chored, Use},
    cli::{Backup, Export, Remote, Restore, RestoreBox, Upgrade, Verify},
    config,
    control::{
        client::call,
        protocol::{Answer, Request},
    },
    exit::Failure,
    opening, print,
};

pub(super) fn backup(remote: &Remote<Backup>, as_json: bool) -> Result<(), Failure> {
    let Backup { dir, keep, follow, receive, interval } = &remote.what;
    match (dir, follow, receive) {
        (Some(dir), ..) => carry_out(remote, Chore::Backup { dir: absolute(dir)?, keep: *keep }, as_json),
        (_, Some(to), _) => super::follow::follow(remote, to, as_json),
        (.., Some(dir)) => super::follow::receive(dir, *interval, as_json),
        (None, None, None) => Err(Failure::failed("name a directory")),
    }
}

pub(super) fn verify(remote: &Remote<Verify>, as_json: bool) -> Result<(), Failure> {
    let Verify { backup, id } = &remote.what;
    let Some(dir) = backup else { return carry_out(remote, Chore::Verify {}, as_json) };
    let whole = store::verify_backup(dir, *id).map_err(|error| Failure::failed(error.to_string()))?;
    let facts = json!({ "backup": whole.id, "files": whole.files, "bytes": whole.bytes });
    print::facts("every file of the backup is as it was written", &facts, as_json);
    Ok(())
}

pub(super) fn export(remote: &Remote<Export>, as_json: bool) -> Result<(), Failure> {
    let Export { account, name, format, to } = &remote.what;
    let (account, name) = (account.clone(), name.clone());
    carry_out(remote, Chore::Export { account, name, format: *format, to: absolute(to)? }, as_json)
}

pub(super) fn restore_box(remote: &Remote<RestoreBox>, as_json: bool) -> Result<(), Failure> {
    let RestoreBox { from, id, account, name, into } = &remote.what;
    let chore = Chore::RestoreBox {
        from: absolute(from)?,
        id: *id,
        account: account.clone(),
        name: name.clone(),
        into: into.clone(),
    };
    carry_out(remote, chore, as_json)
}

/// Says what opening the store would change.
pub(super) fn check_upgrade(upgrade: &Upgrade, as_json: bool) -> Result<(), Failure> {
    let settings = config::load(&upgrade.config)?;
    let UpgradeCheck { found, known, oldest, .. } = store::check_upgrade(&settings.store.directory)
        .map_err(|error| Failure::failed(format!("[store]: {error}")))?;
    let facts = json!({ "found": found, "known": known, "oldest": oldest });
    let text = match found.cmp(&known) {
        _ if found < oldest => {
            return Err(Failure::failed(format!(
                "the store has format {found}, this program knows {oldest} to {known}: open it once with a version between"
            )));
        }
        Ordering::Greater => {
            return Err(Failure::failed(format!(
                "the store has format {found}, this program knows {known}: use the version that made it, or a later one"
            )));
        }
        Ordering::Equal => "the store has the format of this program: opening it changes nothing",
        Ordering::Less => {
            "opening the store makes it one of this program's format, where it lies: back it up first, older \
                           programs do not open it any more"
        }
    };
    print::facts(text, &facts, as_json);
    Ok(())
}

/// Asks the daemon; where there is none, opens the store that the configuration names.
fn carry_out<T: clap::Args>(remote: &Remote<T>, chore: Chore, as_json: bool) -> Result<(), Failure> {
    let request = Request::Chore { chore };
    let chored = match call(&socket(remote)?, &request) {
        Ok(Answer::Chored(chored)) => *chored,
        Ok(Answer::Refused(refused)) => return Err(refused.into()),
        Ok(_) => return Err(unexpected()),
        Err(error) if error.is_absent() && remote.socket.is_none() => {
            let Request::Chore { chore } = request else { return Err(unexpected()) };
            alone(&remote.config, &chore)?
        }
        Err(error) => return Err(error.into()),
    };
    let answer = Answer::Chored(Box::new(chored));
    print::answer(&answer, as_json);
    match &answer {
        Answer::Chored(chored) => print::chores::checked(chored),
        _ => Ok(()),
    }
}

/// Does it on a store that nobody else has open; says so if somebody has.
fn alone(configuration: &Path, chore: &Chore) -> Result<Chored, Failure> {
    let settings = config::load(configuration)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = opening::open_store(&settings, &clock, None)?;
    let done = chores::carry_out(&store, clock.as_ref(), &whoami(), chore, Use::Alone);
    let closed = store.close();
    let chored = done.map_err(|error| Failure::failed(error.to_string()))?;
    closed.map_err(|error| Failure::failed(error.to_string()))?;
    Ok(chored)
}

/// Who works offline: the user, by number.
fn whoami() -> String {
    format!("user {} offline", geteuid().as_raw())
}

pub(super) fn restore(restore: &Restore, as_json: bool) -> Result<(), Failure> {
    let Restore { from, id, to, keys, earlier_master, config } = restore;
    let settings = config::load(config)?;
    let failed = |error: String| Failure::failed(error);
    let master = opening::master_key(&settings.store.master_key)?;
    let earlier_master = earlier_master.as_ref().map(opening::master_key).transpose()?;
    let trace = administered("restore", [("from", from.display().to_string())]);
    let store = OpenOptions {
        dir: to.clone(),
        master,
        clock: Arc::new(SystemClock),
        settings: opening::store_settings(&settings),
        create: None,
    };
    let options = RestoreOptions {
        from: from.clone(),
        id: *id,
        keys: keys.clone(),
        store,
        earlier_master,
        trace: Some(trace),
    };
    let done = store::restore(options).map_err(|error| failed(error.to_string()))?;
    print_restored(to, done, as_json)
}

/// Opens a store without what its damaged log no longer says, and tells what is lost.
pub(super) fn accept_loss(config: &Path, as_json: bool) -> Result<(), Failure> {
    let settings = config::load(config)?;
    let directory = &settings.store.directory;
    let options = OpenOptions {
        dir: directory.clone(),
        master: opening::master_key(&settings.store.master_key)?,
        clock: Arc::new(SystemClock),
        settings: opening::store_settings(&settings),
        create: None,
    };
    let trace = |loss: &LogLoss| {
        administered("accept-loss", [("log", loss.file.clone()), ("changes", loss.changes.to_string())])
    };
    let loss = store::accept_log_loss(options, trace)
        .map_err(|error| Failure::failed(format!("[store]: {error}")))?;
    let text = match &loss {
        None => "nothing was lost: the log of commits says all that it said".to_owned(),
        Some(LogLoss { file, changes }) => format!(
            "accepted: {changes} changes that {file} held are lost, and what came in its last seconds; `vaguemestre verify` \
             proves what is left, `vaguemestre serve` starts on it"
        ),
    };
    let facts = json!({
        "store": directory,
        "log": loss.as_ref().map(|loss| &loss.file),
        "lost_changes": loss.map_or(0, |loss| loss.changes),
    });
    print::facts(&text, &facts, as_json);
    Ok(())
}

/// The trace of a command that works on a store that is not running (S-8.5).
fn administered<const N: usize>(request: &str, detail: [(&str, String); N]) -> Trace {
    let at = SystemClock.now();
    let who = [("administrator", whoami()), ("request", request.to_owned())];
    Trace {
        id: TraceId::new(at),
        at,
        action: Action::Administer,
        person: None,
        acting_as: None,
        peer: None,
        outcome: Outcome::Done,
        detail: who.into_iter().chain(detail).map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

fn print_restored(to: &Path, done: Restored, as_json: bool) -> Result<(), Failure> {
    let Restored { id, taken, followed, bytes, boxes, queued, proof } = done;
    let proof = chores::proof_view(proof);
    let mut facts = json!({
        "store": to, "backup": id, "taken": taken, "bytes": bytes, "boxes": boxes, "queued": queued,
    });
    if let Some(Replayed { batches, until, broken_off }) = followed {
        facts["followed"] = json!({ "batches": batches, "until": until, "broken_off": broken_off });
    }
    if queued > 0 && !as_json {
        let warning = "recipients in the queue may have got their message after the backup: look at `vaguemestre queue list`";
        facts["warning"] = warning.into();
    }
    facts["proof"] = serde_json::to_value(&proof).unwrap_or(Value::Null);
    print::facts(
        "the store is restored as the backup has it; every box has a new UIDVALIDITY, clients read it anew",
        &facts,
        as_json,
    );
    print::chores::proved(&proof)
}

/// The path as the daemon must be told it.
fn absolute(path: &Path) -> Result<std::path::PathBuf, Failure> {
    let here =
        env::current_dir().map_err(|error| Failure::failed(format!("the current directory: {error}")))?;
    Ok(here.join(path))
}
