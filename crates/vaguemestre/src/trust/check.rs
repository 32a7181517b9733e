//! `trust check FILE`: what this configuration makes of a white list, without a daemon.
//!
//! Reads the files that the configuration names, and changes none.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::Instant,
};

use jiff::Timestamp;
use pki::{Authorities, CrlFile, ListExamination, MAX_LIST_BYTES, Outcome, Revocations, Step};
use serde_json::json;

use super::space_settings;
use crate::{
    config::Settings,
    exit::Failure,
    print::{say, trust},
};

/// Examines the list in `file` as of `at` and prints what came of it.
///
/// # Errors
/// The list would be refused, or a file cannot be read.
pub(crate) fn check(settings: &Settings, file: &Path, at: Timestamp, as_json: bool) -> Result<(), Failure> {
    let Some(trust) = &settings.trust else {
        return Err(Failure::failed("this configuration has no [trust]: nothing says who may sign a list"));
    };
    let failed = |error: String| Failure::failed(format!("[trust]: {error}"));
    let bytes = read(file).map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?;
    let space = space_settings(trust).with_kept_signers();
    let authorities = Authorities::load(&space.roots, space.authorities.as_deref())
        .map_err(|error| failed(error.to_string()))?;
    let (crls, mut notes) = CrlFile::read_all(&space.crls);
    let (revocations, more) = Revocations::none().update(&crls, &authorities, at);
    notes.extend(more);
    let started = Instant::now();
    let examination = pki::examine_list(&bytes, &authorities, &revocations, &space, at);
    let took = started.elapsed();
    if as_json {
        let notes: Vec<_> = notes.iter().map(ToString::to_string).collect();
        let milliseconds = took.as_secs_f64() * 1000.0;
        say!(
            "{}",
            json!({ "good": examination.is_good(), "at": at, "milliseconds": milliseconds, "examination": examination, "notes": notes })
        );
    } else {
        for note in notes.iter().filter(|note| note.is_alarm()) {
            say!("{note}");
        }
        trust::examination(&examination, took);
    }
    verdict(&examination, file)
}

/// The file, or its beginning if it is longer than any list may be: that is then refused as too long.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(MAX_LIST_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(file)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn verdict(examination: &ListExamination, file: &Path) -> Result<(), Failure> {
    if examination.is_good() {
        return Ok(());
    }
    let fails = |step: &Step| match &step.outcome {
        Outcome::Fails(why) => Some(format!("{}: {why}", step.check)),
        Outcome::Holds(_) | Outcome::NotReached => None,
    };
    let why = examination.steps.iter().find_map(fails).unwrap_or_default();
    Err(Failure::failed(format!("{} would be refused: {why}", file.display())))
}
