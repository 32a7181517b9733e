//! Crashes: a process is ended while it works on the store, at any moment, at each step of what it writes, with and without
//! what it had not synced. Afterwards the store opens, proves clean, holds everything that was acknowledged exactly once,
//! and nothing half made (I-1). The process is this test's own program, running the ignored test below.

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use crate::{
    common::{START, hours, profile, settle_and_prove, trace},
    faults::Faults,
};
use load::{AGAIN, Person, Place, act, found};
use store::{Kind, ManualClock, MasterKey, OpenError, OpenOptions, Settings, Store};

mod disk;
mod kills;
mod load;
mod small;
mod steps;

/// A store in a directory of its own, and the people whose mail is in it.
struct Scene {
    dir: tempfile::TempDir,
    people: Vec<Person>,
    days: i64,
    /// How often the process writes down how far its log reaches.
    mark_every: Duration,
}

/// Often, so that each end comes with a mark.
const OFTEN: Duration = Duration::from_millis(100);

impl Scene {
    /// A store for so many people.
    fn new(people: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        MasterKey::create(&dir.path().join("master")).unwrap();
        let people: Vec<Person> = (0..people).map(Person::new).collect();
        let scene = Self { dir, people, days: 0, mark_every: OFTEN };
        let store = open(scene.path(), 0, OFTEN, Some(Kind::Demonstration)).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for person in &scene.people {
            let made = trace(clock(0).as_ref(), store::Action::AccountCreate);
            let profile = profile(&person.name());
            runtime.block_on(store.create_account(profile, mssante::State::Valide, vec![], made)).unwrap();
        }
        settle_and_prove(&store);
        store.close().unwrap();
        scene
    }

    /// The same once more, in a directory of its own, so many days later.
    fn copy(&self, days: i64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy_dir(self.path(), dir.path());
        Self { dir, people: self.people.clone(), days: self.days + days, mark_every: self.mark_every }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn store_dir(&self) -> PathBuf {
        self.path().join("store")
    }

    /// Orders to the processes that work on it.
    fn faults(&self) -> Faults {
        Faults::new(&self.path().join("control"), &self.store_dir())
    }

    /// Starts the process that works on it, `limit` operations a person or without end.
    fn start(&self, faults: Option<&Faults>, limit: Option<u64>) -> Run {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let starts: Vec<String> = self.people.iter().map(|person| person.done.to_string()).collect();
        command
            .args(["--exact", "crash::child", "--ignored", "--nocapture"])
            .env("CRASH_DIR", self.path())
            .env("CRASH_MARK", self.mark_every.as_millis().to_string())
            .env("CRASH_DAYS", self.days.to_string())
            .env("CRASH_STARTS", starts.join(","))
            .env("CRASH_LIMIT", limit.unwrap_or(u64::MAX).to_string())
            .stdout(Stdio::piped());
        if let Some(faults) = faults {
            faults.over(&mut command).stderr(Stdio::null());
        }
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let done = self.people.iter().map(|person| person.done).collect();
        Run { child, lines, heard: Heard { done, refused: vec![], reads: 0 } }
    }

    /// What was acknowledged is there once; of what was under way, all or nothing.
    fn check(&mut self, heard: &Heard) {
        let store = open(self.path(), self.days, OFTEN, None).unwrap();
        settle_and_prove(&store);
        for (person, done) in self.people.iter_mut().zip(&heard.done) {
            while person.done < *done {
                person.step();
            }
            let place = Place::find(&store, person);
            let boxes = found(&store, &place).unwrap();
            if boxes != person.boxes {
                let acknowledged = person.clone();
                person.step();
                assert!(
                    boxes == person.boxes,
                    "after {} operations of {}, then {:?}:\n{boxes:#?}\nis neither\n{:#?}\nnor\n{:#?}",
                    acknowledged.done,
                    person.name(),
                    acknowledged.next(),
                    acknowledged.boxes,
                    person.boxes
                );
            }
        }
        store.close().unwrap();
    }
}

/// What the process said before it ended.
#[derive(Debug, Clone)]
struct Heard {
    /// Operations acknowledged to each person, since the beginning of time.
    done: Vec<u64>,
    /// Errors.
    refused: Vec<String>,
    /// How often a box could be read.
    reads: u64,
}

/// A process at work.
struct Run {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    heard: Heard,
}

impl Run {
    /// Waits for the next thing it says; false if it has ended.
    fn hear(&mut self) -> bool {
        let Some(Ok(line)) = self.lines.next() else { return false };
        // What it says may follow the test program's own words on the same line.
        if let Some((_, said)) = line.split_once("done ") {
            let mut words = said.split(' ').map(|word| word.parse::<u64>().unwrap());
            let (person, done) = (words.next().unwrap(), words.next().unwrap());
            self.heard.done[usize::try_from(person).unwrap()] = done;
        } else if let Some((_, said)) = line.split_once("refused ") {
            self.heard.refused.push(said.to_owned());
        } else if line.ends_with("reads") {
            self.heard.reads += 1;
        }
        true
    }

    /// Hears until that holds.
    fn hear_until(&mut self, enough: impl Fn(&Heard) -> bool) {
        while !enough(&self.heard) {
            assert!(self.hear(), "the process ended by itself; it said {:?}", self.heard);
        }
    }

    /// Kills it, and hears what it had said.
    fn kill(mut self) -> Heard {
        let alive = self.child.try_wait().unwrap().is_none();
        self.child.kill().unwrap();
        assert!(alive, "the process ended by itself; it said {:?}", self.heard);
        self.wait().0
    }

    /// Hears it to its end.
    fn wait(mut self) -> (Heard, ExitStatus) {
        while self.hear() {}
        (self.heard.clone(), self.child.wait().unwrap())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Only a test that fails leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn clock(days: i64) -> Arc<ManualClock> {
    let start: jiff::Timestamp = START.parse().unwrap();
    Arc::new(ManualClock::new(start + hours(24 * days)))
}

fn open(dir: &Path, days: i64, mark_every: Duration, create: Option<Kind>) -> Result<Store, OpenError> {
    Store::open(OpenOptions {
        dir: dir.join("store"),
        master: MasterKey::load(&dir.join("master")).unwrap(),
        clock: clock(days),
        settings: Settings {
            memory: 16 << 20,
            disk_reserve: 0,
            watch_every: Duration::from_millis(50),
            mark_every,
            ..Settings::default()
        },
        create,
    })
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
#[ignore = "the process that is ended: run by the other tests"]
fn child() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let dir = PathBuf::from(variable("CRASH_DIR"));
    let days: i64 = variable("CRASH_DAYS").parse().unwrap();
    let limit: u64 = variable("CRASH_LIMIT").parse().unwrap();
    let starts = variable("CRASH_STARTS");
    let mark_every = Duration::from_millis(variable("CRASH_MARK").parse().unwrap());
    let store = open(&dir, days, mark_every, None).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut people = tokio::task::JoinSet::new();
        for (index, done) in (0..).zip(starts.split(',').filter(|start| !start.is_empty())) {
            let person = Person::after(index, done.parse().unwrap());
            people.spawn(live(store.clone(), days, person, limit));
        }
        people.join_all().await;
    });
    if limit < u64::MAX {
        settle_and_prove(&store);
        store.close().unwrap();
    }
}

/// A person's operations, one after the other; one that is refused is tried again unless it was done all the same.
async fn live(store: Store, days: i64, mut person: Person, limit: u64) {
    let clock = clock(days);
    let place = Place::find(&store, &person);
    let last = person.done.saturating_add(limit);
    while person.done < last {
        let mut tried = act(&store, clock.as_ref(), &place, person.next()).await;
        while let Err(error) = tried {
            println!("refused {} {error:?}", person.index);
            tokio::time::sleep(AGAIN).await;
            tried = again(&store, &clock, &place, &person).await;
        }
        person.step();
        println!("done {} {}", person.index, person.done);
    }
}

/// Tries once more what was refused: a client that looks first, since nobody told it what became of the first try.
async fn again(store: &Store, clock: &ManualClock, place: &Place, person: &Person) -> store::Result<()> {
    let boxes = {
        let (store, place) = (store.clone(), place.clone());
        tokio::task::spawn_blocking(move || found(&store, &place)).await.unwrap()
    };
    let boxes = boxes.inspect_err(|error| println!("refused reading {error:?}"))?;
    println!("reads");
    let mut after = person.clone();
    after.step();
    if boxes == after.boxes && boxes != person.boxes {
        return Ok(());
    }
    assert!(boxes == person.boxes, "{} has {boxes:#?} after {:?}", person.name(), person.next());
    act(store, clock, place, person.next()).await
}
