//! When an engine that failed may be opened anew: the disk takes writes again and has room for what opening writes. Until
//! then it stays open as it is, so that reading goes on.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    time::{Duration, Instant},
};

/// What is written to find out whether the disk takes it.
const PROBE_BYTES: usize = 64 << 10;
const PROBE: &str = "probe";

/// Between two attempts, at first; doubled each time up to the longest.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// An engine that failed again this soon was not mended.
const MENDED_AFTER: Duration = Duration::from_secs(60);

/// The pace of attempts.
pub(super) struct Pace {
    pause: Duration,
    last: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { pause: FIRST_PAUSE, last: None }
    }
}

impl Pace {
    /// Whether an attempt is due; counts it.
    pub(super) fn due(&mut self, now: Instant) -> bool {
        let Some(last) = self.last else {
            self.last = Some(now);
            return true;
        };
        let since = now.saturating_duration_since(last);
        if since < self.pause {
            return false;
        }
        let again = since < MENDED_AFTER;
        self.pause = if again { (2 * self.pause).min(LONGEST_PAUSE) } else { FIRST_PAUSE };
        self.last = Some(now);
        true
    }
}

/// Writes a small file, waits until it is on the disk, and removes it.
pub(super) fn probe(dir: &Path) -> io::Result<()> {
    let path = dir.join(PROBE);
    let written = fs::File::create(&path).and_then(|mut file| {
        file.write_all(&[0; PROBE_BYTES])?;
        file.sync_all()
    });
    let removed = fs::remove_file(&path);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_come_slower_while_they_do_not_help() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let due: Vec<u64> = (0..70).filter(|second| pace.due(at(*second))).collect();
        assert_eq!(due, [0, 1, 3, 7, 15, 31, 61]);
        assert!(pace.due(at(200)), "long after, it is a new failure");
        assert!(!pace.due(at(200)) && pace.due(at(201)));
    }

    #[test]
    fn a_probe_leaves_nothing_and_fails_where_nothing_can_be_written() {
        let dir = tempfile::tempdir().unwrap();
        probe(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(probe(&dir.path().join("absent")).is_err());
    }
}
