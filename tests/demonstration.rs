//! The demonstration as a newcomer runs it: both operators come up, the report goes from one to the other and is read there
//! unchanged, what both traced is shown, and Ctrl-C ends everything.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{World, succeed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vaguemestre");

/// A demonstration under way; killed if the story ends early.
struct Show(Child);

impl Drop for Show {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the demonstration in the world's directory until it waits for Ctrl-C, then ends it; gives all that it said.
fn run(world: &World) -> String {
    let mut command = Command::new(PROGRAM);
    command
        .args(["demo", "--port-offset", &(world.submission() - 5870).to_string(), "--dir"])
        .arg(world.dir());
    let mut show =
        Show(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(show.0.stdout.take().unwrap()).lines();
    let mut said = String::new();
    for line in lines.by_ref().map_while(Result::ok) {
        said.push_str(&line);
        said.push('\n');
        if line.starts_with("Running until Ctrl-C") {
            succeed(Command::new("kill").args(["-INT", &show.0.id().to_string()]));
        }
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    let status = loop {
        if let Some(status) = show.0.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "the demonstration does not end:\n{said}");
        std::thread::sleep(Duration::from_millis(20));
    };
    let mut errors = String::new();
    show.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(status.success(), "{status}\n{said}\n{errors}");
    said
}

fn step<'a>(said: &'a str, what: &str) -> &'a str {
    said.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("“{what}” is not in:\n{said}"))
}

#[test]
fn the_report_reaches_the_other_operator_unchanged_and_both_show_what_they_traced() {
    let world = World::prepared();
    let said = run(&world);
    step(&said, "both operators up");
    step(&said, "relayed by mutual TLS");
    let compared = step(&said, "compared");
    assert!(
        compared.contains("octets of body") && compared.contains("the subject without its tag"),
        "{compared}"
    );
    let accepted = step(&said, "submitted, durable").split_whitespace().next_back().unwrap();
    step(&said, &format!("nord traced · a tracé : {accepted}"));
    let far = step(&said, "sud traced").split_whitespace().next_back().unwrap();
    assert_ne!(accepted, far);
    let relayed = step(&said, "relay done");
    assert!(relayed.contains(far), "nord keeps the identifier that sud answered: {relayed}");
    step(&said, "operator=CN=mail.chu-nord.fr");
    // A second run finds the world again: its accounts, and the mail of the first.
    let again = run(&world);
    assert!(
        step(&again, "urgences@clinique-sud.mssante.fr (sud) holds").contains("holds 1 message(s)"),
        "{again}"
    );
}

#[test]
fn a_world_of_one_operator_gets_the_other() {
    let mut world = World::prepared();
    // What an earlier version left: no second operator, no trust space.
    fs::remove_dir_all(world.dir().join("sud")).unwrap();
    for file in fs::read_dir(world.dir().join("pki")).unwrap().map(|entry| entry.unwrap().path()) {
        if file.is_dir() {
            fs::remove_dir_all(file).unwrap();
        } else {
            fs::remove_file(file).unwrap();
        }
    }
    let offset = (world.submission() - 5870).to_string();
    succeed(
        Command::new(PROGRAM)
            .args(["demo", "--prepare-only", "--port-offset", &offset, "--dir"])
            .arg(world.dir()),
    );
    world.serve();
    let status = succeed(&mut world.command(&["trust", "status"]));
    assert!(status.contains("white list of") && !status.contains("ALARM"), "{status}");
    assert!(world.dir().join("sud/vaguemestre.toml").exists());
}
