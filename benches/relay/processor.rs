//! What programs used of the processors, as the kernel counts it (proc(5)).
//!
//! Reads /proc only.

use crate::harness::processes::{family, fields};

/// User and system seconds that the process and all below it used so far, those that have ended and were waited for included.
pub fn seconds(root: u32) -> f64 {
    let ticks = |pid: &u32| {
        let fields = fields(*pid)?;
        // utime, stime, cutime, cstime: ticks of 10 ms.
        fields.get(11..15)?.iter().map(|field| field.parse::<f64>().ok()).sum::<Option<f64>>()
    };
    family(root).iter().filter_map(ticks).sum::<f64>() / 100.0
}
