//! Backups, proofs and exports for people.

use super::say;
use crate::{
    chores::Chored,
    control::protocol::chores::{BackupView, BoxView, ExportView, ProofView},
    exit::Failure,
};

pub(super) fn chored(chored: &Chored) {
    match chored {
        Chored::Backup(view) => backup(view),
        Chored::Proof(view) => proof(view),
        Chored::Export(view) => exported(view),
        Chored::BoxRestored(view) => restored(view),
    }
}

fn backup(view: &BackupView) {
    let BackupView { id, taken, bytes, written, shared, kept, trace } = view;
    say!(
        "backup {id} of {taken:.0}: {bytes} bytes, {written} written and read back, {shared} shared; trace {trace}"
    );
    let kept: Vec<_> = kept.iter().map(u32::to_string).collect();
    say!("backups there: {}", kept.join(", "));
    say!("the key file is not in it: `vaguemestre keys backup` keeps that, at another place");
}

pub(super) fn proof(view: &ProofView) {
    let ProofView { clean, accounts, boxes, messages, bodies, traces, queued, faults } = view;
    if *clean {
        say!("the store agrees with itself: every reference resolves, every seal opens, counters match");
        say!(
            "{accounts} accounts, {boxes} boxes, {messages} messages, {bodies} bodies, {traces} traces, {queued} queued"
        );
    }
    for fault in faults {
        say!("{}: {}", fault.place, fault.problem);
    }
}

fn exported(view: &ExportView) {
    let ExportView { boxes, messages, bytes, bad, named, trace } = view;
    say!("{messages} messages of {boxes} boxes written, {bytes} bytes; {bad} bad; trace {trace}");
    for what in named {
        say!("  {what}");
    }
}

fn restored(view: &BoxView) {
    let BoxView { taken, restored, present, erased, damaged, named, trace } = view;
    let of = taken.map(|taken| format!(" of {taken:.0}")).unwrap_or_default();
    say!("{restored} messages of the backup{of} are back, {present} were there; trace {trace}");
    if *erased > 0 {
        say!("{erased} stay erased: their time has passed");
    }
    if *damaged > 0 {
        say!("{damaged} do not open in the backup: try another one");
    }
    for what in named {
        say!("  {what}");
    }
}

/// What was printed may be an answer and yet not what scripts may go on with.
///
/// # Errors
/// The store does not agree with itself, or an export left something out.
pub(crate) fn checked(chored: &Chored) -> Result<(), Failure> {
    match chored {
        Chored::Proof(view) => proved(view),
        Chored::Export(ExportView { bad, .. }) if *bad > 0 => {
            let text = format!(
                "{bad} messages could not be read whole: `vaguemestre restore-box` may bring them back"
            );
            Err(Failure::failed(text))
        }
        Chored::BoxRestored(BoxView { damaged, .. }) if *damaged > 0 => {
            Err(Failure::failed(format!("{damaged} messages do not open in the backup: try another one")))
        }
        Chored::Backup(_) | Chored::Export(_) | Chored::BoxRestored(_) => Ok(()),
    }
}

/// # Errors
/// The store does not agree with itself.
pub(crate) fn proved(view: &ProofView) -> Result<(), Failure> {
    if view.clean {
        return Ok(());
    }
    let text = format!("the store is damaged, {} faults: restore it from a backup", view.faults.len());
    Err(Failure::failed(text))
}
