//! A table file of the store that is cut under the running daemon: found at once and named, new mail refused with the right
//! code, flags and reading go on; then the file is put back whole, or the store is restored from its second place. A log of
//! commits that is altered after a crash: the daemon does not start on what is left without a word (I-9).

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::backup::{Follower, json};
use crate::failing_disk::{PATIENCE, http, reader, status, submit, the_rest_goes_on, until};
use crate::harness::{Site, World, succeed};

fn engine(world: &World) -> PathBuf {
    world.dir().join("nord/store/engine")
}

/// The largest table last.
fn tables(world: &World) -> Vec<PathBuf> {
    let mut tables: Vec<PathBuf> = fs::read_dir(engine(world))
        .unwrap()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .collect();
    tables.sort_by_key(|path| fs::metadata(path).map_or(0, |found| found.len()));
    tables
}

/// Letters until there is a table of bodies; how many.
fn fill(world: &World) -> usize {
    let mut messages = 0;
    until(world, "a table of bodies is written", || {
        assert_eq!(submit(world, &format!("avant-{messages}@poste"), 2_000_000).0, 250);
        messages += 1;
        let largest = tables(world).pop().and_then(|path| fs::metadata(path).ok());
        largest.is_some_and(|found| found.len() > 1_000_000)
    });
    messages
}

/// The largest table, once background work is over.
fn table(world: &World) -> (PathBuf, String) {
    let mut before = vec![];
    until(world, "background work is over", || {
        let now = tables(world);
        let same = now == before && !now.is_empty();
        before = now;
        sleep(Duration::from_millis(400));
        same
    });
    let path = before.pop().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    (path, name)
}

fn served_with_little_memory() -> World {
    let mut world = World::prepared();
    world.configure(Site::Nord, "store", "memory", "\"16 MiB\"");
    world.serve();
    world
}

/// How often the engine was opened anew to work beside damage.
fn careful(world: &World) -> usize {
    world.log().matches("works beside damaged files").count()
}

/// Cuts it; it is found, named and told, new mail is refused, the rest goes on.
fn cut(world: &World, path: &Path, name: &str) {
    let before = careful(world);
    fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap();
    let cut = Instant::now();
    until(world, "the damage is in the log", || world.log().contains(name));
    assert!(cut.elapsed() < Duration::from_secs(10), "found at once");
    assert!(world.log().contains("ALERT"), "{}", world.log());
    until(world, "the engine works beside the damage", || careful(world) > before);
    let (code, text) = submit(world, "refuse@poste", 100);
    assert!(code == 451 && text.contains("4.3.0") && text.contains("fichier"), "{code} {text}");
    let status = status(world);
    assert!(status.contains("ALARM") && status.contains(name), "{status}");
    assert!(http(world, "/healthz").starts_with("HTTP/1.1 503"));
    assert!(http(world, "/metrics").contains("vaguemestre_damaged_files 1"));
    the_rest_goes_on(world);
}

#[test]
fn a_table_cut_under_the_daemon_is_named_and_mail_is_refused_until_it_is_whole() {
    let mut world = served_with_little_memory();
    let messages = fill(&world);
    let (path, name) = table(&world);
    let whole = fs::read(&path).unwrap();
    cut(&world, &path, &name);

    // It does not start on it, and says why.
    world.kill();
    let refused = world.command(&["serve"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains(&name), "{said}");

    fs::write(&path, &whole).unwrap();
    world.serve();
    assert_eq!(submit(&world, "apres@poste", 100).0, 250);
    world.imap_as(&reader()).wait_for(messages + 1, PATIENCE);

    // While it runs, too.
    let (path, name) = table(&world);
    let whole = fs::read(&path).unwrap();
    cut(&world, &path, &name);
    fs::write(&path, &whole).unwrap();
    until(&world, "mail is taken again", || submit(&world, "encore@poste", 100).0 == 250);
    assert!(!status(&world).contains("is damaged"), "{}", status(&world));
    world.imap_as(&reader()).wait_for(messages + 2, PATIENCE);
    world.terminate();
    assert!(world.wait(PATIENCE).success());
}

#[test]
fn a_store_with_a_cut_table_is_restored_with_all_that_its_second_place_had() {
    let mut world = served_with_little_memory();
    let second = world.dir().join("second");
    let mut follower = Follower::start(&world, &second);
    follower.says("copy-whole");
    follower.says("up-to");
    let messages = fill(&world);
    let mut imap = world.imap_as(&reader());
    imap.ok("SELECT INBOX");
    imap.ok("STORE 1 +FLAGS (\\Answered)");
    drop(imap);
    // Begun anew it first says when it has all that was told before: the loss window is over. The daemon may not have seen yet
    // that the first one went.
    drop(follower);
    let mut following = None;
    until(&world, "it follows again", || {
        let mut follower = Follower::start(&world, &second);
        let follows = follower.hears("up-to");
        following = Some(follower);
        follows
    });

    let (path, name) = table(&world);
    cut(&world, &path, &name);
    world.terminate();
    assert!(world.wait(PATIENCE).success());
    drop(following);

    let store = world.dir().join("nord/store");
    fs::rename(store.join("engine"), world.dir().join("damaged")).unwrap();
    succeed(world.command(&["verify"]).arg("--backup").arg(&second));
    let mut restore = world.command(&["restore"]);
    restore.arg("--from").arg(&second).arg("--keys").arg(store.join("keys")).arg("--to").arg(&store);
    let restored = json(&mut restore);
    assert_eq!(restored["proof"]["clean"], true, "{restored}");

    world.serve();
    let mut imap = world.imap_as(&reader());
    assert!(imap.text("SELECT INBOX").contains(&format!("* {messages} EXISTS")), "all of them");
    assert!(imap.text("FETCH 1 (FLAGS)").contains("\\Answered"));
    for number in 1..=messages {
        let number = u32::try_from(number).unwrap();
        assert!(imap.section(number, "TEXT").len() > 2_000_000, "{number}");
    }
    assert_eq!(submit(&world, "apres@poste", 100).0, 250);
    imap.wait_for(messages + 1, PATIENCE);
    assert_eq!(json(&mut world.command(&["verify"]))["chored"]["proof"]["clean"], true);
    world.terminate();
    assert!(world.wait(PATIENCE).success());
}

/// The log that the mark of the engine names, once the mark covers all of it.
fn marked_log(world: &World) -> PathBuf {
    let mut found = None;
    until(world, "the log's mark is written", || {
        let text = fs::read_to_string(engine(world).join("reached")).unwrap_or_default();
        let words: Vec<&str> = text.split(' ').collect();
        let [_, _, _, log, bytes, _] = words[..] else { return false };
        let path = engine(world).join(format!("{log:0>6}.log"));
        let covered =
            fs::metadata(&path).is_ok_and(|found| found.len().to_string() == bytes && found.len() > 10_000);
        found = Some(path);
        covered
    });
    found.unwrap()
}

#[test]
fn a_log_altered_after_a_crash_is_named_and_only_an_administrator_accepts_the_loss() {
    let mut world = World::start();
    for number in 0..10 {
        assert_eq!(submit(&world, &format!("avant-{number}@poste"), 10_000).0, 250);
    }
    let log = marked_log(&world);
    world.kill();
    let whole = fs::read(&log).unwrap();
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    fs::write(&log, &altered).unwrap();

    let refused = world.command(&["serve"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let name = log.file_name().unwrap().to_str().unwrap();
    assert!(
        !refused.status.success() && said.contains(name) && said.contains("vaguemestre restore"),
        "{said}"
    );
    assert_eq!(fs::read(&log).unwrap(), altered, "left as it is");

    let accepted = json(&mut world.command(&["store", "accept-loss"]));
    assert!(accepted["log"] == name && accepted["lost_changes"].as_u64() > Some(0), "{accepted}");
    let again = json(&mut world.command(&["store", "accept-loss"]));
    assert_eq!((again["log"].is_null(), again["lost_changes"].as_u64()), (true, Some(0)), "{again}");
    world.serve();
    assert_eq!(json(&mut world.command(&["verify"]))["chored"]["proof"]["clean"], true);
    let (left, _) = world.imap_as(&reader()).command("EXAMINE INBOX");
    let left = String::from_utf8_lossy(&left.concat()).into_owned();
    assert!((0..10).any(|count| left.contains(&format!("* {count} EXISTS"))), "{left}");
    assert_eq!(submit(&world, "apres@poste", 100).0, 250);
    world.terminate();
    assert!(world.wait(PATIENCE).success());
}
