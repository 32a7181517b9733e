//! The state directory: what is written is read back, what is damaged is not believed.

#![allow(clippy::unwrap_used)]

use super::*;

fn record(bytes: &[u8]) -> Record {
    let at = |text: &str| text.parse().unwrap();
    Record {
        list: ListId::of(bytes),
        accepted: at("2026-06-01T08:00:00Z"),
        checked: at("2026-06-01T09:00:00.5Z"),
    }
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_last_list_is_kept_alone_with_its_times() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::new(&dir.path().join("not/there/yet"));
    assert_eq!(state.list().unwrap(), None);
    for list in [b"one".as_slice(), b"two"] {
        state.keep_list(&record(list), list).unwrap();
        assert_eq!(state.list().unwrap(), Some((record(list), list.to_vec())));
    }
    assert_eq!(names(&dir.path().join("not/there/yet")).len(), 2, "the record and the newest list");
    let confirmed = Record { checked: "2026-06-02T00:00:00Z".parse().unwrap(), ..record(b"two") };
    state.keep_record(&confirmed).unwrap();
    assert_eq!(state.list().unwrap(), Some((confirmed, b"two".to_vec())));
}

#[test]
fn what_is_damaged_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::new(dir.path());
    state.keep_list(&record(b"list"), b"list").unwrap();
    let list = dir.path().join(record(b"list").list.file_name());
    fs::write(&list, b"lost").unwrap();
    assert!(state.list().unwrap_err().to_string().contains("is not the list that was accepted"));
    fs::remove_file(&list).unwrap();
    assert_eq!(state.list().unwrap_err().kind(), io::ErrorKind::NotFound);
    for record in [
        "",
        "{}",
        "{\"sha256\":\"../x\",\"accepted\":\"2026-06-01T08:00:00Z\",\"checked\":\"2026-06-01T08:00:00Z\"}",
    ] {
        fs::write(dir.path().join(RECORD), record).unwrap();
        assert!(state.list().unwrap_err().to_string().contains("record cannot be read"), "{record}");
    }
    fs::write(dir.path().join(RECORD), " ".repeat(5000)).unwrap();
    assert!(state.list().unwrap_err().to_string().contains("too large"));
}

#[test]
fn a_file_half_written_by_a_machine_that_stopped_is_not_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::new(dir.path());
    state.keep_list(&record(b"list"), b"list").unwrap();
    fs::write(dir.path().join(format!(".{RECORD}.new")), b"{\"sha").unwrap();
    assert_eq!(state.list().unwrap(), Some((record(b"list"), b"list".to_vec())));
    state.keep_record(&record(b"list")).unwrap();
    assert!(!dir.path().join(format!(".{RECORD}.new")).exists());
}
