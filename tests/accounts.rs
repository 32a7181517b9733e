//! The life of an account from the command line of a running daemon: made, used, shut out at once, removed, and traced (S-1.5, S-7.3, S-8.5).

use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{DEPARTMENT, DOCTOR, INTERN, Imap, PASSWORD, World, letter, run, succeed};

const NURSE: &str = "infirmiere@cabinet-nord.fr";

/// `account add` for the nurse's login address, under whatever name.
fn add(world: &World, last_name: &str, first_name: &str) -> Command {
    let mut command = world.command(&["account", "add", "--type", "MED", "--login", NURSE]);
    command.args(["--last-name", last_name, "--first-name", first_name]);
    command.args(["--region", "Hauts-de-France", "--profession", "Infirmier"]);
    command
}

fn password(world: &World, device: &str) -> String {
    let out = world.command(&["app-password", "create", NURSE, "--name", device]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

fn ends_within_five_seconds(imap: &mut Imap) {
    let started = Instant::now();
    // What the removal of a box means for its messages may be told first.
    while !imap.line().unwrap().starts_with(b"* BYE") {}
    assert!(started.elapsed() < Duration::from_secs(5), "a right that ends, ends the session within 5 s");
}

#[test]
fn an_account_lives_and_ends() {
    let world = World::start();
    succeed(&mut add(&world, "Martin", "Claire"));
    let (again, ok) = run(&mut add(&world, "Autre", "Une"));
    assert!(!ok && again.contains(NURSE), "a taken address is refused by name: {again}");

    let secret = password(&world, "Thunderbird du bureau");
    assert!(secret.len() >= 26, "128 bits at least");
    let mut imap = Imap::login(world.imaps(), &world.ca(), NURSE, &secret);
    assert!(
        imap.text("SELECT INBOX").contains("* 1 EXISTS"),
        "the notice of the new password is there (S-7.3)"
    );
    let notice = String::from_utf8(imap.section(1, "")).unwrap();
    assert!(!notice.contains(&secret), "the notice never holds the password");

    let list: serde_json::Value =
        serde_json::from_str(&succeed(&mut world.command(&["app-password", "list", NURSE, "--json"])))
            .unwrap();
    let text = list.to_string();
    assert!(text.contains("Thunderbird du bureau") && !text.contains(&secret), "{text}");
    succeed(&mut world.command(&["app-password", "revoke", NURSE, &first_id(&list)]));
    ends_within_five_seconds(&mut imap);
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(NURSE, &secret).0, 535);

    let second = password(&world, "portable");
    let mut imap = Imap::login(world.imaps(), &world.ca(), NURSE, &second);
    imap.ok("SELECT INBOX");
    imap.send(b"i IDLE\r\n").unwrap();
    assert!(imap.line().unwrap().starts_with(b"+"));
    succeed(&mut world.command(&["account", "remove", NURSE]));
    ends_within_five_seconds(&mut imap);
    let (gone, ok) = run(&mut world.command(&["account", "show", NURSE]));
    assert!(!ok && gone.contains(NURSE), "{gone}");
    let (taken, ok) = run(&mut add(&world, "Martin", "Claire"));
    assert!(!ok, "an address is never given again (S-1.3): {taken}");
}

/// The first number under the key `id`, wherever the list keeps it.
fn first_id(list: &serde_json::Value) -> String {
    match list {
        serde_json::Value::Array(items) => {
            items.iter().map(first_id).find(|id| !id.is_empty()).unwrap_or_default()
        }
        serde_json::Value::Object(fields) => match fields.get("id") {
            Some(id) if id.is_u64() => id.to_string(),
            _ => fields.values().map(first_id).find(|id| !id.is_empty()).unwrap_or_default(),
        },
        _ => String::new(),
    }
}

#[test]
fn a_trace_tells_the_journey_and_never_the_content() {
    let world = World::start();
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let message = letter(DEPARTMENT, "trace@poste", "#med# Sujet-Confidentiel", "Corps-Confidentiel");
    let reply = smtp.submit(DOCTOR, &[DEPARTMENT], message.as_bytes()).unwrap();
    assert_eq!(reply.0, 250);
    let id = reply.1.split_whitespace().last().unwrap().to_owned();
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{INTERN}"));
    imap.ok("SELECT INBOX");
    imap.ok("FETCH 1 BODY[]");

    let told = succeed(&mut world.command(&["trace", &id]));
    for word in [DOCTOR, DEPARTMENT] {
        assert!(told.contains(word), "{word} in\n{told}");
    }
    assert!(
        told.contains("interne.deux"),
        "the person who opened the shared box is named (S-1.7, S-4.5):\n{told}"
    );
    for text in [told, world.log(), succeed(&mut world.command(&["trace", &id, "--json"]))] {
        assert!(!text.contains("Confidentiel"), "{text}");
    }
    let (unknown, ok) = run(&mut world.command(&["trace", "pas-un-identifiant"]));
    assert!(!ok && !unknown.is_empty());
}

#[test]
fn commands_say_what_to_do_when_something_is_wrong() {
    let mut world = World::start();
    let status = succeed(&mut world.command(&["status", "--json"]));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert!(status.is_object());
    let (usage, _) = run(&mut world.command(&["compte"]));
    assert!(usage.contains("Usage"), "{usage}");

    // The store is the daemon's alone.
    let second =
        run(Command::new(env!("CARGO_BIN_EXE_vaguemestre")).args(["serve", "--config"]).arg(world.config()));
    assert!(!second.1, "{}", second.0);

    world.kill();
    let out = world.command(&["status"]).output().unwrap();
    assert_eq!(out.status.code(), Some(3), "not reachable: {}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn a_demonstration_store_is_served_to_loopback_only() {
    let world = World::prepared();
    let config = std::fs::read_to_string(world.config()).unwrap();
    let open = config.replace(&format!("127.0.0.1:{}", world.imaps()), &format!("0.0.0.0:{}", world.imaps()));
    assert_ne!(config, open, "{config}");
    std::fs::write(world.config(), open).unwrap();
    let (said, ok) =
        run(Command::new(env!("CARGO_BIN_EXE_vaguemestre")).args(["serve", "--config"]).arg(world.config()));
    assert!(!ok && said.contains("demonstration"), "{said}");
}

#[test]
fn what_is_wrong_in_a_configuration_is_named() {
    let world = World::prepared();
    let config = std::fs::read_to_string(world.config()).unwrap();
    succeed(&mut world.command(&["check-config"]));
    std::fs::write(world.config(), format!("{config}\n[limites]\nx = 1\n")).unwrap();
    let (said, ok) = run(&mut world.command(&["check-config"]));
    assert!(!ok && said.contains("limites"), "{said}");
}
