//! A disk of 64 MiB that another program fills: the reserve keeps new mail out before it is full, and once it is full to
//! the last byte the store refuses, reads on, and works again by itself when there is room. The disk is a file system in
//! memory of its own, in a name space of its own that any user may make where the system lets him.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::common::*;
use store::{
    Actor, FlagChange, FlagMode, Flags, Kind, MasterKey, OpenOptions, Settings, Store, StoreError,
    SystemFlag, Uid,
};

const RESERVE: u64 = 12 << 20;
const SERVED: &str = "the small disk was served";

#[test]
fn a_small_disk_that_is_filled() {
    let dir = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=64m tmpfs \"$SMALL_DIR\" && exec \"$0\" \"$@\"";
    let program = std::env::current_exe().unwrap();
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]).env("SMALL_DIR", dir.path());
        command
    };
    let may = unshare("mount -t tmpfs -o size=1m tmpfs \"$SMALL_DIR\"").output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "NOT TESTED: this system lets no user mount a file system of his own (unshare --map-root-user --mount)"
        );
        return;
    }
    let mut child = unshare(script);
    child.arg(program).args(["--exact", "crash::small::child", "--ignored", "--nocapture"]);
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains(SERVED), "{said}\n{complained}");
}

fn open(dir: &Path) -> Store {
    let master = dir.join("master");
    Store::open(OpenOptions {
        dir: dir.join("store"),
        master: MasterKey::load(&master).or_else(|_| MasterKey::create(&master)).unwrap(),
        clock: super::clock(0),
        settings: Settings {
            memory: 16 << 20,
            disk_reserve: RESERVE,
            watch_every: Duration::from_millis(20),
            ..Settings::default()
        },
        create: Some(Kind::Demonstration),
    })
    .unwrap()
}

/// Fills the disk but for about so many bytes.
fn fill(dir: &Path, but: u64) {
    let mut file = fs::File::options().create(true).append(true).open(dir.join("filler")).unwrap();
    let block = vec![7_u8; 64 << 10];
    while free(dir) > but {
        let room = usize::try_from(free(dir) - but).unwrap();
        if file.write_all(&block[..block.len().min(room)]).is_err() {
            return;
        }
    }
}

fn free(dir: &Path) -> u64 {
    let found = rustix::fs::statvfs(dir).unwrap();
    found.f_bavail * found.f_frsize
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(40);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// For longer than the latch stays shut: the cause is not forgotten with it.
fn stays_full(work: impl Fn() -> store::Result<()>) {
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(3) {
        assert_eq!(work(), Err(StoreError::Full), "after {:?}", since.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
#[ignore = "run by the test above, on a disk of its own"]
fn child() {
    let dir = std::path::PathBuf::from(std::env::var_os("SMALL_DIR").unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(&dir);
    let now = store::Clock::now(super::clock(0).as_ref());
    let made = trace(super::clock(0).as_ref(), store::Action::AccountCreate);
    let account = runtime.block_on(store.create_account(profile("un"), mssante::State::Valide, vec![], made));
    let account = account.unwrap().id;
    let inbox = inbox(&store, account).id;
    let body = |number| body_bytes(number, 200_000);
    for number in 1..=10 {
        runtime.block_on(deliver(&store, now, number, &body(number), &[account]));
    }
    let all_read = |store: &Store| {
        (1..=10).all(|uid| read_body(store, inbox, Uid::new(uid).unwrap()) == body(u64::from(uid)))
    };
    let set = |change| {
        let done = runtime.block_on(store.store_flags(inbox, vec![Uid::MIN], change, Actor::default()));
        done.map(drop).map_err(|stopped| stopped.error)
    };
    let flag = |flag| {
        let change = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(flag) };
        set(change)
    };

    fill(&dir, RESERVE - (4 << 20));
    until("the reserve is seen", || store.takes_mail() == Err(StoreError::Full));
    let refused = runtime.block_on(async { store.body().write(b"x").await });
    assert_eq!(refused, Err(StoreError::Full));
    flag(SystemFlag::Seen).unwrap();
    assert!(all_read(&store));

    let mut last = Ok(());
    for round in 0..20_000 {
        // The engine reserves room for its log, and gives back what it no longer needs: all of it is taken.
        if round % 20 == 0 {
            fill(&dir, 0);
        }
        last = flag(if round % 2 == 0 { SystemFlag::Flagged } else { SystemFlag::Answered });
        let clear = FlagChange { mode: FlagMode::Replace, flags: Flags::new() };
        last = last.and_then(|()| set(clear));
        if last.is_err() {
            break;
        }
    }
    assert_eq!(last, Err(StoreError::Full), "the last byte is taken");
    stays_full(|| flag(SystemFlag::Flagged));
    assert_eq!(store.takes_mail(), Err(StoreError::Full));
    assert!(all_read(&store), "reading goes on");

    fs::remove_file(dir.join("filler")).unwrap();
    until("new mail is taken again", || store.takes_mail().is_ok());
    flag(SystemFlag::Deleted).unwrap();
    assert!(all_read(&store));
    runtime.block_on(deliver(&store, now, 11, &body(11), &[account]));
    assert_eq!(runtime.block_on(store.expunge(inbox, None, Actor::default())).unwrap(), [Uid::MIN]);
    settle_and_prove(&store);
    store.close().unwrap();
    let store = open(&dir);
    assert_eq!(store.reader().messages(inbox).unwrap().len(), 10);
    settle_and_prove(&store);
    store.close().unwrap();
    println!("{SERVED}");
}
