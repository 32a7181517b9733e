//! A Maildir that a program keeps in step with a server, and what the server holds, so that a story can compare before and after.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Imap;

/// The messages of a folder, by path.
pub fn messages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for part in ["new", "cur"] {
        found.extend(fs::read_dir(folder.join(part)).unwrap().map(|e| e.unwrap().path()));
    }
    found.sort();
    found
}

/// The letters behind a message's file name.
pub fn flags(path: &Path) -> &str {
    path.to_str().unwrap().rsplit_once(":2,").map_or("", |(_, flags)| flags)
}

/// Gives a message these letters.
pub fn flag(path: &Path, flags: &str) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let stem = name.split(":2,").next().unwrap();
    let cur = path.parent().unwrap().parent().unwrap().join("cur");
    fs::rename(path, cur.join(format!("{stem}:2,{flags}"))).unwrap();
}

/// Every file below a directory with its content.
pub fn snapshot(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    collect(dir, &mut found);
    found
}

fn collect(dir: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}

/// What the server has in each folder, but for what is in the messages.
pub fn server_state(imap: &mut Imap) -> Vec<String> {
    let listed = imap.text("LIST \"\" \"*\"");
    // The levels above the boxes of others are no folders.
    let folders = listed
        .lines()
        .filter(|line| !line.contains("\\Noselect"))
        .map(|line| line.rsplit_once(" \"/\" ").unwrap_or_else(|| panic!("{line}")).1);
    let mut state = Vec::new();
    for name in folders {
        imap.ok(&format!("EXAMINE {name}"));
        state.push(imap.text("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)"));
    }
    state
}

/// Whether `sync` leaves every file and the server as they are.
pub fn nothing_changes(dir: &Path, imap: &mut Imap, sync: impl Fn()) {
    let before = (snapshot(dir), server_state(imap));
    sync();
    let after = (snapshot(dir), server_state(imap));
    assert!(
        before.0.keys().eq(after.0.keys()),
        "other files: {:?} and {:?}",
        before.0.keys(),
        after.0.keys()
    );
    assert!(before.0 == after.0, "a file changed");
    assert_eq!(before.1, after.1);
}
