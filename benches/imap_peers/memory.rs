//! What processes hold of the machine's memory, as the kernel counts it (proc(5)).
//!
//! Reads /proc only.

use std::fs;

/// Their memory in KiB; what they share counts once (PSS).
pub fn kib(pids: &[u32]) -> f64 {
    pids.iter().map(|pid| pss(*pid).unwrap_or(0.0)).sum()
}

fn pss(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find(|line| line.starts_with("Pss:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
