//! Where a log is broken, nothing may follow: a write that failed leaves half a record at the end of a log, and no other is written
//! behind it before the engine was opened anew. An opening beside damaged tables reads on behind a broken record, so it must not
//! be tried where whole ones follow: what was between would be lost without a word. Must never change a log.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use super::reach::{BLOCK, Stop, logs, name, unread, walk};
use crate::{Result, StoreError};

/// Looks at the logs from number `first` on.
///
/// # Errors
/// `Damaged`, naming the log in which something follows what is broken, or before which something is; `Engine` if one cannot be
/// read.
pub(super) fn check(dir: &Path, first: u64) -> Result<()> {
    let mut found = logs(dir).map_err(|error| unread(&error))?;
    found.retain(|(number, _)| *number >= first);
    found.sort_unstable();
    let mut broken = false;
    for (number, path) in found {
        let follows = match follows(&path, &mut broken) {
            // No longer needed since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            follows => follows.map_err(|error| unread(&error))?,
        };
        if follows {
            return Err(StoreError::Damaged(name(number)));
        }
    }
    Ok(())
}

/// Whether a whole record comes after what is broken, in this log or one before.
fn follows(path: &Path, broken: &mut bool) -> io::Result<bool> {
    let file = fs::File::open(path)?;
    // Somebody may write on meanwhile: what is there now ends with a whole record, or with half of the last one.
    let length = file.metadata()?.len();
    let mut file = file.take(length);
    let mut block = vec![];
    loop {
        block.clear();
        (&mut file).take(BLOCK as u64).read_to_end(&mut block)?;
        if block.is_empty() {
            return Ok(false);
        }
        let (whole, stop) = walk(&block);
        if *broken && whole > 0 {
            return Ok(true);
        }
        *broken |= !matches!(stop, Stop::End);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rocks::reach::tests::record;

    fn block(of: u8) -> Vec<u8> {
        let mut block = record(&vec![of; 20_000]);
        block.extend(record(&vec![of; BLOCK - block.len() - 7]));
        assert_eq!(block.len(), BLOCK);
        block
    }

    #[test]
    fn a_broken_end_is_none_and_a_record_behind_it_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let put = |number: u64, bytes: &[u8]| fs::write(dir.path().join(name(number)), bytes).unwrap();
        let whole = [block(1), block(2), record(b"three")].concat();
        let torn = &whole[..whole.len() - 2];
        let mut altered = whole.clone();
        altered[BLOCK - 9] ^= 1;
        put(3, &altered);
        put(4, &whole);
        put(5, torn);
        put(6, &[]);
        assert_eq!(check(dir.path(), 4), Ok(()), "an earlier opening, and half a record at the end");
        put(6, &record(b"more"));
        assert_eq!(check(dir.path(), 4), Err(StoreError::Damaged("000006.log".into())));
        put(5, &whole);
        assert_eq!(check(dir.path(), 4), Ok(()));
        assert_eq!(check(dir.path(), 3), Err(StoreError::Damaged("000003.log".into())));
    }
}
