//! The processes of a program that has many: which they are, and their end.
//!
//! Reads /proc (proc(5)); signals those that it is told, and no others.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The process and all below it, parents before children.
pub fn family(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Some(parent) = fields(pid).and_then(|fields| fields.get(1)?.parse().ok()) else { continue };
        children.entry(parent).or_default().push(pid);
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found
}

/// `kill -9` of each, in this order; returns once they are gone.
pub fn kill_at_once(pids: &[u32]) {
    for pid in pids {
        // One may have ended by itself meanwhile.
        let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).output();
    }
    wait_until_gone(pids);
}

/// Waits until none of them is there any more.
pub fn wait_until_gone(pids: &[u32]) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while pids.iter().any(|pid| is_alive(*pid)) {
        assert!(Instant::now() < deadline, "processes do not end");
        sleep(Duration::from_millis(5));
    }
}

/// What has ended and waits for its parent to look is gone.
fn is_alive(pid: u32) -> bool {
    fields(pid).is_some_and(|fields| fields.first().is_some_and(|state| state != "Z"))
}

/// What `/proc/PID/stat` says behind the name: the state, the parent…
pub fn fields(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let behind = stat.rsplit(')').next()?;
    Some(behind.split_whitespace().map(str::to_owned).collect())
}
