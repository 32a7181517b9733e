//! Room on the file system of the store.

use std::{io, path::Path};

/// Room that a process without privileges can use, bytes.
pub(super) fn free(dir: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(dir)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Whether that is too little. What was full stays so until there is a quarter more than the reserve, so that it does
/// not change with every message.
pub(super) fn is_full(was: bool, free: u64, reserve: u64) -> bool {
    let needed = if was { reserve.saturating_add(reserve / 4) } else { reserve };
    free < needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_full_below_the_reserve_and_until_a_quarter_more_is_free() {
        for (was, free, full) in
            [(false, 100, false), (false, 99, true), (true, 124, true), (true, 125, false), (true, 0, true)]
        {
            assert_eq!(is_full(was, free, 100), full, "{was} {free}");
        }
        assert!(!is_full(false, 0, 0) && !is_full(true, 0, 0), "no reserve, no refusal");
        assert!(is_full(false, u64::MAX - 1, u64::MAX), "a reserve without end");
    }

    #[test]
    fn a_file_system_tells_its_room() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free(dir.path()).unwrap() > 0);
        assert!(free(&dir.path().join("absent")).is_err());
    }
}
