//! Long work on the whole store, the same whether the daemon does it for an administrator or a command does it on a store
//! that nobody runs: what to do, what to trace, what to show. Blocking.
//!
//! Must never speak to anybody: results and refusals are values.

use std::path::{Path, PathBuf};

use mssante::Address;
use serde::{Deserialize, Serialize};
use store::{
    Action, BackupError, BackupReport, BoxRestore, BoxRestored, Clock, Fault, Outcome, ProofReport, Store,
    StoreError, Trace, TraceId,
};

use crate::{
    control::protocol::chores::{BackupView, BoxView, ExportView, FaultView, ProofView},
    export::{self, ExportError, Exported, Format},
};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Chore {
    /// Back up into a directory, keeping so many backups there.
    Backup { dir: PathBuf, keep: u16 },
    /// Prove that the store agrees with itself.
    Verify {},
    /// Bring back what is missing of a box.
    RestoreBox { from: PathBuf, id: Option<u32>, account: Address, name: String, into: Option<String> },
    /// Write boxes of an account to files.
    Export { account: Address, name: Option<String>, format: Format, to: PathBuf },
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Chored {
    Backup(BackupView),
    Proof(ProofView),
    Export(ExportView),
    BoxRestored(BoxView),
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChoreError {
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error("no account has the address {0}: see `vaguemestre account list`")]
    NoAccount(String),
    #[error("{} is not an absolute path", .0.display())]
    Relative(PathBuf),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Chore {
    /// Its name in logs and traces.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Backup { .. } => "backup",
            Self::Verify {} => "verify",
            Self::Export { .. } => "export",
            Self::RestoreBox { .. } => "restore-box",
        }
    }
}

/// Whether others use the store meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Shared,
    Alone,
}

/// Does it, for the administrator of that name, and traces it.
///
/// # Errors
/// [`ChoreError`]; that it was tried is traced too.
pub(crate) fn carry_out(
    store: &Store,
    clock: &dyn Clock,
    administrator: &str,
    chore: &Chore,
    now: Use,
) -> Result<Chored, ChoreError> {
    let mut trace = trace(clock, administrator, chore);
    let done = match chore {
        Chore::Backup { dir, keep } => back_up(store, dir, *keep, &mut trace).map(Chored::Backup),
        Chore::Verify {} => Ok(Chored::Proof(prove(store, now))),
        Chore::RestoreBox { from, id, account, name, into } => {
            absolute(from)?;
            let wanted = BoxRestore {
                from: from.clone(),
                id: *id,
                account: account.clone(),
                name: name.clone(),
                into: into.clone(),
            };
            restore_box(store, &wanted, &mut trace).map(Chored::BoxRestored)
        }
        Chore::Export { account, name, format, to } => {
            export(store, account, name.as_deref(), *format, to, &mut trace).map(Chored::Export)
        }
    };
    if done.is_err() {
        trace.outcome = Outcome::Refused;
    }
    store.trace_blocking(&trace)?;
    done
}

fn trace(clock: &dyn Clock, administrator: &str, chore: &Chore) -> Trace {
    let at = clock.now();
    Trace {
        id: TraceId::new(at),
        at,
        action: if matches!(chore, Chore::Export { .. }) { Action::Export } else { Action::Administer },
        person: None,
        acting_as: None,
        peer: None,
        outcome: Outcome::Done,
        detail: vec![
            ("administrator".to_owned(), administrator.to_owned()),
            ("request".to_owned(), chore.name().to_owned()),
        ],
    }
}

fn back_up(store: &Store, dir: &Path, keep: u16, trace: &mut Trace) -> Result<BackupView, ChoreError> {
    absolute(dir)?;
    note(trace, "directory", &dir.display());
    let BackupReport { id, taken, bytes, written, kept } = store.back_up(dir, usize::from(keep))?;
    note(trace, "backup", &id);
    let shared = bytes.saturating_sub(written);
    Ok(BackupView { id, taken, bytes, written, shared, kept, trace: trace.id.to_string() })
}

fn prove(store: &Store, now: Use) -> ProofView {
    proof_view(match now {
        Use::Shared => store.prove_running(),
        Use::Alone => store.prove(),
    })
}

/// A proof as it is shown.
pub(crate) fn proof_view(proof: Result<ProofReport, Vec<Fault>>) -> ProofView {
    let fault = |Fault { place, problem }| FaultView { place, problem };
    match proof {
        Ok(ProofReport { accounts, boxes, messages, bodies, traces, queued, .. }) => {
            ProofView { clean: true, accounts, boxes, messages, bodies, traces, queued, faults: vec![] }
        }
        Err(faults) => ProofView { faults: faults.into_iter().map(fault).collect(), ..ProofView::default() },
    }
}

fn restore_box(store: &Store, wanted: &BoxRestore, trace: &mut Trace) -> Result<BoxView, ChoreError> {
    let account = store.reader().account_by_address(&wanted.account)?;
    trace.acting_as = account.map(|account| account.id);
    note(trace, "from", &wanted.from.display());
    note(trace, "box", &wanted.name);
    let BoxRestored { taken, restored, present, erased, damaged, named } = store.restore_box(wanted)?;
    let counts = [("restored", restored), ("present", present), ("erased", erased), ("damaged", damaged)];
    for (name, count) in counts {
        note(trace, name, &count);
    }
    Ok(BoxView { taken, restored, present, erased, damaged, named, trace: trace.id.to_string() })
}

fn export(
    store: &Store,
    address: &Address,
    name: Option<&str>,
    format: Format,
    to: &Path,
    trace: &mut Trace,
) -> Result<ExportView, ChoreError> {
    absolute(to)?;
    let reader = store.reader();
    let account = reader
        .account_by_address(address)?
        .ok_or_else(|| ChoreError::NoAccount(address.masked().to_string()))?;
    trace.acting_as = Some(account.id);
    let Exported { boxes, messages, bytes, bad, named } =
        export::export(&reader, account.id, name, format, to)?;
    if let Some(name) = name {
        note(trace, "box", &name);
    }
    note(trace, "messages", &messages);
    note(trace, "bad", &bad);
    note(trace, "directory", &to.display());
    Ok(ExportView { boxes, messages, bytes, bad, named, trace: trace.id.to_string() })
}

fn absolute(path: &Path) -> Result<(), ChoreError> {
    if path.is_absolute() { Ok(()) } else { Err(ChoreError::Relative(path.into())) }
}

fn note(trace: &mut Trace, name: &str, value: &impl ToString) {
    trace.detail.push((name.to_owned(), value.to_string()));
}
