//! How the demonstration speaks: numbered steps with their durations, in English and French side by side.
//!
//! Prints to the standard output only. Must never see a password.

use std::time::Duration;

use crate::print::say;

/// Counts the steps told so far.
#[derive(Debug, Default)]
pub(super) struct Told {
    steps: usize,
}

impl Told {
    /// One step that is done, how long it took, and what is worth seeing of it.
    pub(super) fn step(&mut self, en: &str, fr: &str, took: Duration, detail: &str) {
        self.steps += 1;
        let what = if en == fr { en.to_owned() } else { format!("{en} · {fr}") };
        say!("  {:>2}. {what:<36} {:>9.1} ms   {detail}", self.steps, took.as_secs_f64() * 1000.0);
    }

    /// A remark between steps.
    pub(super) fn note(&mut self, en: &str, fr: &str) {
        say!("  {en} · {fr}");
    }
}
