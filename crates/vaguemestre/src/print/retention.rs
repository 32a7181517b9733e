//! How retention is printed.

use super::say;
use crate::control::protocol::retention::{ProofView, RetentionView};

pub(super) fn show(view: &RetentionView) {
    let day = |day: &Option<String>| day.clone().unwrap_or_else(|| "none".to_owned());
    say!("messages erased through: {}", day(&view.erased_through));
    say!("traces erased through:   {}", day(&view.traces_erased_through));
    say!("oldest messages kept:    {}", day(&view.oldest_kept));
    if view.tidying {
        say!("boxes are being tidied behind the last erasure");
    }
    if view.held {
        say!("HELD: the clock leapt, nothing is erased: check it, then `vaguemestre clock accept`");
    }
    match &view.proof {
        None => say!("no proof yet: the first is made at start"),
        Some(ProofView { at, messages_erased, faults, .. }) => {
            say!("proof of {at}: {messages_erased} messages erased since the one before");
            if faults.is_empty() {
                say!("  nothing older than its term exists, nothing younger was erased");
            }
            faults.iter().for_each(|fault| say!("  FAULT: {fault}"));
        }
    }
}
