//! What each command does: offline ones here, `serve` and `demo` in their modules, the others asked of the daemon.
//!
//! Must never carry out what the running daemon is for: the store has one writer.

mod chores;
mod follow;
mod keys;
mod queue;
mod trust;

use std::{fs, path::PathBuf, process::ExitCode, sync::Arc};

use mssante::{
    Adeli, Finess, IdentifierError, NationalId, Profile, Responsible, Rpps, Siren, Siret, StructureId,
};
use serde_json::json;
use store::{Clock, Kind, SystemClock};

use crate::{
    checking,
    cli::{
        Account, AccountAction, AppPassword, AppPasswordAction, Cli, ClockAction, Command, Connector,
        ConnectorAction, Limit, NewAccount, Remote, Retention, RetentionAction, Store as StoreCommand, Trace,
    },
    config::{self, Settings},
    control::{
        client::call,
        protocol::{Answer, LimitChange, Request},
    },
    demo,
    exit::Failure,
    opening, print, serve,
};

/// Runs the command line to its exit code.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let as_json = cli.json;
    let done = match cli.command {
        Command::Serve(config) => {
            config::load(&config.config).map_err(Failure::from).and_then(|settings| serve::run(&settings))
        }
        Command::CheckConfig(config) => config::load(&config.config)
            .map_err(Failure::from)
            .and_then(|settings| checking::check(&settings, SystemClock.now(), as_json)),
        Command::Demo(demo) => demo::run(&demo, as_json),
        Command::Keys(what) => keys::keys(&what, as_json),
        Command::Store(StoreCommand::Create(config)) => config::load(&config.config)
            .map_err(Failure::from)
            .and_then(|settings| create_store(&settings, as_json)),
        Command::Store(StoreCommand::AcceptLoss(config)) => chores::accept_loss(&config.config, as_json),
        Command::Account(remote) => account(&remote, as_json),
        Command::AppPassword(remote) => app_password(&remote, as_json),
        Command::Connector(remote) => connector(&remote, as_json),
        Command::Trace(remote) => trace(&remote, as_json),
        Command::Trust(remote) => trust::trust(&remote, as_json),
        Command::Crl(remote) => trust::crl(&remote, as_json),
        Command::Queue(remote) => queue::queue(&remote, as_json),
        Command::Retention(remote) => retention(&remote, as_json),
        Command::Clock(remote) => match remote.what.action {
            ClockAction::Accept => ask(&remote, &Request::ClockAccept {}, as_json),
        },
        Command::Backup(remote) => chores::backup(&remote, as_json),
        Command::Restore(restore) => chores::restore(&restore, as_json),
        Command::RestoreBox(remote) => chores::restore_box(&remote, as_json),
        Command::Upgrade(upgrade) => chores::check_upgrade(&upgrade, as_json),
        Command::Verify(remote) => chores::verify(&remote, as_json),
        Command::Export(remote) => chores::export(&remote, as_json),
        Command::Status(remote) => ask(&remote, &Request::Status {}, as_json),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(as_json),
    }
}

fn create_store(settings: &Settings, as_json: bool) -> Result<(), Failure> {
    let directory = &settings.store.directory;
    // Opening would take a store that is there for the one to make.
    if fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) {
        let text =
            format!("{} is not empty: nothing is made; a store that is there is kept", directory.display());
        return Err(Failure::failed(text));
    }
    let store = opening::open_store(settings, &(Arc::new(SystemClock) as _), Some(Kind::Production))?;
    store.close().map_err(|error| Failure::failed(error.to_string()))?;
    print::facts(
        "the store is made and empty: start `vaguemestre serve`",
        &json!({ "store": directory }),
        as_json,
    );
    Ok(())
}

fn account(remote: &Remote<Account>, as_json: bool) -> Result<(), Failure> {
    let request = match &remote.what.action {
        AccountAction::List => return list_accounts(remote, as_json),
        AccountAction::Add(new) => Request::AccountAdd {
            profile: Box::new(profile(new)?),
            state: new.state,
            openers: new.openers.clone(),
        },
        AccountAction::Quota { address, bytes, messages } => Request::AccountQuota {
            address: address.clone(),
            bytes: bytes.map(change),
            messages: messages.map(change),
        },
        AccountAction::Show { address } => Request::AccountShow { address: address.clone() },
        AccountAction::Remove { address } => Request::AccountRemove { address: address.clone() },
    };
    ask(remote, &request, as_json)
}

fn change(limit: Limit) -> LimitChange {
    match limit {
        Limit::Usual => LimitChange::Usual,
        Limit::Own(most) => LimitChange::Own(most),
    }
}

fn list_accounts(remote: &Remote<Account>, as_json: bool) -> Result<(), Failure> {
    let (mut accounts, mut after) = (Vec::new(), None);
    loop {
        match call(&socket(remote)?, &Request::AccountList { after })? {
            Answer::Accounts { accounts: page, next } => {
                accounts.extend(page);
                after = next;
            }
            Answer::Refused(refused) => return Err(refused.into()),
            _ => return Err(unexpected()),
        }
        if after.is_none() {
            break;
        }
    }
    print::answer(&Answer::Accounts { accounts, next: None }, as_json);
    Ok(())
}

fn connector(remote: &Remote<Connector>, as_json: bool) -> Result<(), Failure> {
    let request = match &remote.what.action {
        ConnectorAction::List => Request::ConnectorList {},
        ConnectorAction::Password { name } => Request::ConnectorPassword { name: name.clone() },
        ConnectorAction::Revoke { name } => Request::ConnectorRevoke { name: name.clone() },
    };
    ask(remote, &request, as_json)
}

fn trace(remote: &Remote<Trace>, as_json: bool) -> Result<(), Failure> {
    let Trace { id, of, day } = &remote.what;
    let Some(address) = of else {
        return ask(remote, &Request::Trace { id: id.clone().unwrap_or_default() }, as_json);
    };
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let request = Request::TracesOf { address: address.clone(), day: *day, after };
        match call(&socket(remote)?, &request)? {
            Answer::TracesOf { traces, next } => {
                all.extend(traces);
                after = next;
            }
            Answer::Refused(refused) => return Err(refused.into()),
            _ => return Err(unexpected()),
        }
        if after.is_none() {
            break;
        }
    }
    print::answer(&Answer::Traces(all), as_json);
    Ok(())
}

fn app_password(remote: &Remote<AppPassword>, as_json: bool) -> Result<(), Failure> {
    let request = match &remote.what.action {
        AppPasswordAction::Create { address, name } => {
            Request::PasswordCreate { address: address.clone(), name: name.clone() }
        }
        AppPasswordAction::List { address } => Request::PasswordList { address: address.clone() },
        AppPasswordAction::Revoke { address, id } => {
            Request::PasswordRevoke { address: address.clone(), id: *id }
        }
    };
    ask(remote, &request, as_json)
}

fn retention(remote: &Remote<Retention>, as_json: bool) -> Result<(), Failure> {
    let RetentionAction::Show = remote.what.action;
    match call(&socket(remote)?, &Request::RetentionShow {})? {
        Answer::Refused(refused) => Err(refused.into()),
        answer => {
            print::answer(&answer, as_json);
            kept(&answer)
        }
    }
}

/// Whether scripts may rest on the proof of retention.
fn kept(answer: &Answer) -> Result<(), Failure> {
    let Answer::Retention(view) = answer else { return Ok(()) };
    let faults = view.proof.as_ref().map_or(0, |proof| proof.faults.len());
    if faults > 0 {
        return Err(Failure::failed(format!("the proof of retention found faults: {faults}, see above")));
    }
    Ok(())
}

fn ask<T: clap::Args>(remote: &Remote<T>, request: &Request, as_json: bool) -> Result<(), Failure> {
    match call(&socket(remote)?, request)? {
        Answer::Refused(refused) => Err(refused.into()),
        answer => {
            print::answer(&answer, as_json);
            Ok(())
        }
    }
}

fn unexpected() -> Failure {
    Failure::failed("the daemon answered something else: is it of this program's version?")
}

fn socket<T: clap::Args>(remote: &Remote<T>) -> Result<PathBuf, Failure> {
    match &remote.socket {
        Some(socket) => Ok(socket.clone()),
        None => Ok(config::load(&remote.config)?.control.socket),
    }
}

fn profile(new: &NewAccount) -> Result<Profile, Failure> {
    let number =
        |option: &'static str, error: IdentifierError| Failure::failed(format!("--{option}: {error}"));
    let national_id = match (&new.rpps, &new.adeli) {
        (Some(text), _) => Some(NationalId::Rpps(Rpps::parse(text).map_err(|e| number("rpps", e))?)),
        (None, Some(text)) => Some(NationalId::Adeli(Adeli::parse(text).map_err(|e| number("adeli", e))?)),
        (None, None) => None,
    };
    let structure = match (&new.finess, &new.siret, &new.siren) {
        (Some(text), ..) => Some(StructureId::Finess(Finess::parse(text).map_err(|e| number("finess", e))?)),
        (_, Some(text), _) => Some(StructureId::Siret(Siret::parse(text).map_err(|e| number("siret", e))?)),
        (.., Some(text)) => Some(StructureId::Siren(Siren::parse(text).map_err(|e| number("siren", e))?)),
        (None, None, None) => None,
    };
    let responsible = match (&new.responsible_name, &new.responsible_profession, &new.responsible_rpps) {
        (Some(name), Some(profession), Some(rpps)) => Some(Responsible {
            name: name.clone(),
            profession: profession.clone(),
            national_id: NationalId::Rpps(Rpps::parse(rpps).map_err(|e| number("responsible-rpps", e))?),
        }),
        _ => None,
    };
    Ok(Profile {
        box_type: new.box_type,
        login: new.login.clone(),
        mssante: new.mssante.clone(),
        last_name: new.last_name.clone(),
        first_name: new.first_name.clone(),
        region: new.region.clone(),
        profession: new.profession.clone(),
        national_id,
        structure,
        local_id: new.local_id.clone(),
        responsible,
        description: new.description.clone(),
        return_address: new.return_address.clone(),
    })
}
