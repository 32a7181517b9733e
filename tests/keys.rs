//! Keys as an administrator meets them: shown and copied while the daemon runs, the master key changed while it does not, and
//! every way in which one can be missing said with what to do. No output and no log line shows a key (I-5).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;

use crate::harness::{DEPARTMENT, DOCTOR, INTERN, PASSWORD, Site, World, letter, run, succeed};

fn submit(world: &World, number: u32) {
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let message = letter(DEPARTMENT, &format!("cles-{number}@poste"), "#med# clés", "texte");
    let (code, text) = smtp.submit(DOCTOR, &[DEPARTMENT], message.as_bytes()).unwrap();
    assert_eq!(code, 250, "{text}");
}

fn stop(world: &mut World) {
    world.terminate();
    assert!(world.wait(Duration::from_secs(30)).success());
}

/// What a command says that must fail.
fn refused(world: &World, words: &[&str]) -> String {
    let (text, ok) = run(&mut world.command(words));
    assert!(!ok, "{words:?}: {text}");
    text
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The ways in which a master key might be written down.
fn forms(master: &Path) -> Vec<String> {
    let base64 = fs::read_to_string(master).unwrap().trim().to_owned();
    let bytes = base64::engine::general_purpose::STANDARD.decode(&base64).unwrap();
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{:?}", &bytes[..8]);
    vec![base64, hex, list.trim_matches(['[', ']']).to_owned()]
}

#[test]
fn keys_are_shown_and_copied_beside_the_daemon_and_never_told() {
    let mut world = World::prepared();
    world.configure(Site::Nord, "log", "level", "\"debug\"");
    world.serve();
    submit(&world, 1);
    let shown = succeed(&mut world.command(&["keys", "show"]));
    let facts: serde_json::Value =
        serde_json::from_str(&succeed(&mut world.command(&["keys", "show", "--json"]))).unwrap();
    let today = facts["messages"]["days"][0].as_str().unwrap().to_owned();
    assert!(shown.contains(&today) && shown.contains("traces"), "{shown}");
    assert_eq!(facts["store"].as_str().unwrap().len(), 32, "{facts}");
    // The first round of retention erases for good what is older than three months, there or not.
    assert!(
        facts["messages"]["erased_through"].as_str().is_some_and(|through| through < today.as_str()),
        "{facts}"
    );

    let safe = tempfile::tempdir().unwrap();
    let copy = safe.path().join("keys.copy");
    for _ in 0..2 {
        let said = succeed(&mut world.command(&["keys", "backup", text(&copy)]));
        assert!(said.contains("keep no older one"), "{said}");
    }
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let store = world.dir().join("nord/store");
    let said = refused(&world, &["keys", "backup", text(&store.join("copy"))]);
    assert!(said.contains("inside the store"), "{said}");

    stop(&mut world);
    fs::remove_file(store.join("keys")).unwrap();
    let said = refused(&world, &["serve"]);
    assert!(said.contains("there is no key file") && said.contains("keys backup"), "{said}");
    fs::copy(&copy, store.join("keys")).unwrap();
    world.serve();
    assert!(world.imap_as(&format!("{DEPARTMENT}*{INTERN}")).text("SELECT INBOX").contains("* 1 EXISTS"));

    let (log, master) = (world.log(), world.dir().join("nord/master.key"));
    assert!(log.contains("DEBUG"), "the log says all that it can");
    for form in forms(&master) {
        assert!(!log.contains(&form) && !shown.contains(&form), "a key was told");
    }
}

#[test]
fn the_master_key_is_changed_while_the_daemon_does_not_run() {
    let mut world = World::start();
    submit(&world, 1);
    let (old, new) = (world.dir().join("nord/master.key"), world.dir().join("nord/next.key"));
    let (made, ok) =
        run(std::process::Command::new(env!("CARGO_BIN_EXE_vaguemestre")).args(["keys", "create"]).arg(&new));
    assert!(ok, "{made}");
    let said = refused(&world, &["keys", "rotate", "--new", text(&new)]);
    assert!(said.contains("in use by another process"), "{said}");
    stop(&mut world);
    let said = refused(&world, &["keys", "rotate", "--new", text(&old)]);
    assert!(said.contains("the master key in use"), "{said}");
    for _ in 0..2 {
        let said = succeed(&mut world.command(&["keys", "rotate", "--new", text(&new)]));
        assert!(said.contains("the old one opens it no more") && said.contains(text(&new)), "{said}");
    }
    for words in [&["serve"][..], &["keys", "show"]] {
        let said = refused(&world, words);
        assert!(said.contains("keys rotate"), "it says which key is meant: {said}");
    }
    succeed(&mut world.command(&["keys", "show", "--master", text(&new)]));
    world.configure(Site::Nord, "store", "master_key", "\"next.key\"");
    fs::remove_file(old).unwrap();
    world.serve();
    assert!(world.imap_as(&format!("{DEPARTMENT}*{INTERN}")).text("SELECT INBOX").contains("* 1 EXISTS"));
    submit(&world, 2);
}

#[test]
fn the_master_key_may_be_a_credential_of_the_service() {
    let world = World::prepared();
    let credentials = tempfile::tempdir().unwrap();
    let (master, next) = (credentials.path().join("master"), credentials.path().join("next"));
    fs::rename(world.dir().join("nord/master.key"), &master).unwrap();
    // as systemd gives it: an access control list for the service shows as a group that reads
    fs::set_permissions(&master, fs::Permissions::from_mode(0o440)).unwrap();
    world.configure(Site::Nord, "store", "master_key", "\"credential:master\"");
    let said = refused(&world, &["check-config"]);
    assert!(said.contains("CREDENTIALS_DIRECTORY is not set"), "{said}");
    let given = |words: &[&str]| {
        let mut command = world.command(words);
        command.env("CREDENTIALS_DIRECTORY", credentials.path());
        command
    };
    succeed(&mut given(&["check-config"]));
    succeed(&mut given(&["keys", "show"]));
    let (said, ok) = run(&mut given(&["keys", "rotate", "--new", "credential:next"]));
    assert!(!ok && said.contains("LoadCredential"), "{said}");
    succeed(
        std::process::Command::new(env!("CARGO_BIN_EXE_vaguemestre")).args(["keys", "create"]).arg(&next),
    );
    succeed(&mut given(&["keys", "rotate", "--new", "credential:next"]));
    succeed(&mut given(&["keys", "show", "--master", "credential:next"]));
    world.configure(Site::Nord, "store", "master_key", "\"credential:../next\"");
    let said = refused(&world, &["check-config"]);
    assert!(said.contains("credential:NAME"), "{said}");
}
