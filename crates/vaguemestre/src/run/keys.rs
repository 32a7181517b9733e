//! `keys`: the master key is made and changed, the file of the days' keys is shown and copied. None of it asks the daemon.
//!
//! Must never print a key.

use std::path::Path;

use serde_json::{Value, json};
use store::{KeyFileView, MasterKey};

use crate::{
    cli::{KeyPlace, Keys},
    config::{self, MasterKeyPlace, Settings},
    exit::Failure,
    opening, print,
};

pub(super) fn keys(what: &Keys, as_json: bool) -> Result<(), Failure> {
    match what {
        Keys::Create { file } => create(file, as_json),
        Keys::Rotate { new, at } => rotate(new, at, as_json),
        Keys::Backup { file, at } => backup(file, at, as_json),
        Keys::Show { at } => show(at, as_json),
    }
}

fn create(file: &Path, as_json: bool) -> Result<(), Failure> {
    MasterKey::create(file).map_err(|error| failed(&error))?;
    let text = "the master key is made: keep a copy in a safe place outside this machine, without it the store is lost";
    print::facts(text, &json!({ "master_key": file }), as_json);
    Ok(())
}

fn rotate(new: &MasterKeyPlace, at: &KeyPlace, as_json: bool) -> Result<(), Failure> {
    let (settings, old) = opened(at)?;
    let next = opening::master_key(new)?;
    store::rotate_master(&settings.store.directory, &old, &next).map_err(|error| failed(&error))?;
    let text = format!(
        "the store now belongs to the new master key, and the old one opens it no more: set [store] master_key = \"{new}\" \
         before the daemon starts, and keep a copy of the new key outside this machine. Make a new copy of the keys with \
         `vaguemestre keys backup`. Backups of the store made before still open with the old key: keep that key as long as \
         one of them, then destroy it"
    );
    let facts = json!({ "store": settings.store.directory, "master_key": new.to_string() });
    print::facts(&text, &facts, as_json);
    Ok(())
}

fn backup(file: &Path, at: &KeyPlace, as_json: bool) -> Result<(), Failure> {
    let (settings, master) = opened(at)?;
    let view =
        store::backup_keys(&settings.store.directory, &master, file).map_err(|error| failed(&error))?;
    let text = "the keys of the days are copied, in place of the last copy: keep no older one, it would keep readable what has \
                been erased since; keep this one apart from the backups of the store and from the master key";
    let mut facts = facts(&view);
    facts["copy"] = json!(file);
    print::facts(text, &facts, as_json);
    Ok(())
}

fn show(at: &KeyPlace, as_json: bool) -> Result<(), Failure> {
    let (settings, master) = opened(at)?;
    let view = store::show_keys(&settings.store.directory, &master).map_err(|error| failed(&error))?;
    let text = match view.masters {
        1 => "the keys of the days open under the master key".to_owned(),
        count => format!(
            "the keys of the days open under {count} master keys: a change is half done, stop the daemon and run \
             `vaguemestre keys rotate` again"
        ),
    };
    print::facts(&text, &facts(&view), as_json);
    Ok(())
}

fn opened(at: &KeyPlace) -> Result<(Settings, MasterKey), Failure> {
    let settings = config::load(&at.config.config)?;
    let master = opening::master_key(at.master.as_ref().unwrap_or(&settings.store.master_key))?;
    Ok((settings, master))
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::failed(error.to_string())
}

fn facts(view: &KeyFileView) -> Value {
    let days = |days: &[store::Day]| days.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "store": view.store.map(|store| store.to_string()),
        "messages": { "days": days(&view.messages), "erased_through": view.messages_erased.map(|day| day.to_string()) },
        "traces": { "days": days(&view.traces), "erased_through": view.traces_erased.map(|day| day.to_string()) },
    })
}
