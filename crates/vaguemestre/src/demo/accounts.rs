//! The accounts of a demonstration store: made where they are missing, each person with the password that everyone knows.
//!
//! Opens the store itself, before the daemon runs. Must never touch a store that is not a demonstration's.

use std::{path::Path, sync::Arc};

use mssante::State;
use store::{
    Action, Clock, Kind, MasterKey, OpenOptions, Outcome, Store, StoreError, SystemClock, Trace, TraceId,
};

use super::people::{self, PASSWORD, Person};
use crate::{exit::Failure, serve};

/// The name of each demonstration password.
const DEVICE: &str = "demonstration";

/// Opens the store in `dir`, gives it those of `people` that it lacks, and closes it for the daemon.
pub(super) fn furnish(dir: &Path, key: &Path, people: Vec<Person>) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("demonstration: store: {error}"));
    let runtime = serve::runtime().map_err(|error| failed(&error))?;
    let _entered = runtime.enter();
    let store = Store::open(OpenOptions {
        dir: dir.to_owned(),
        master: MasterKey::load(key).map_err(|error| failed(&error))?,
        clock: Arc::new(SystemClock),
        settings: store::Settings::default(),
        create: Some(Kind::Demonstration),
    })
    .map_err(|error| failed(&error))?;
    let filled = match store.kind() {
        Kind::Demonstration => runtime.block_on(admit_all(&store, people)).map_err(|error| failed(&error)),
        Kind::Production => {
            let text = format!("{} holds a store that is no demonstration: use another --dir", dir.display());
            Err(Failure::failed(text))
        }
    };
    // However it ended: an engine left open may abort the process on its way out.
    filled.and(store.close().map_err(|error| failed(&error)))
}

async fn admit_all(store: &Store, people: Vec<Person>) -> Result<(), StoreError> {
    for person in people {
        admit(store, person).await?;
    }
    Ok(())
}

async fn admit(store: &Store, person: Person) -> Result<(), StoreError> {
    let login = person.profile.login.clone();
    let openers = person.openers;
    let (account, openers) = store
        .read(move |reader| {
            let found = reader.account_by_address(&login)?;
            let openers = openers.iter().map(|opener| reader.account_by_address(&people::address(opener)));
            Ok((found, openers.collect::<Result<Vec<_>, _>>()?))
        })
        .await?;
    let account = match account {
        Some(account) => account,
        None => {
            let openers = openers.into_iter().flatten().map(|opener| opener.id).collect();
            store.create_account(person.profile, State::Valide, openers, trace(Action::AccountCreate)).await?
        }
    };
    let id = account.id;
    let has_password = !store.read(move |reader| reader.credentials(id)).await?.is_empty();
    if account.profile.box_type.is_person() && !has_password {
        let secret = PASSWORD.as_bytes();
        store.create_password(id, DEVICE.to_owned(), secret, trace(Action::PasswordCreate)).await?;
    }
    Ok(())
}

fn trace(action: Action) -> Trace {
    let at = SystemClock.now();
    Trace {
        id: TraceId::new(at),
        at,
        action,
        person: None,
        acting_as: None,
        peer: None,
        outcome: Outcome::Done,
        detail: vec![("administrator".to_owned(), "demonstration".to_owned())],
    }
}
