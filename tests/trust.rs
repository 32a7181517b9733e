//! What an administrator sees and does of the trust space: its commands, the alarms, the figures.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{DOCTOR, EMERGENCIES, Flaw, PASSWORD, Site, World, letter, run, succeed};

fn json(world: &World, words: &[&str]) -> serde_json::Value {
    serde_json::from_str(&succeed(world.command(words).arg("--json"))).unwrap()
}

/// What `GET path` answers on the port of figures.
fn get(world: &World, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", world.metrics(Site::Nord))).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn figure(world: &World, name: &str) -> f64 {
    let text = get(world, "/metrics");
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}:\n{text}"));
    line.split_whitespace().next_back().unwrap().parse().unwrap()
}

#[test]
fn status_and_show_tell_people_and_scripts_who_is_believed() {
    let world = World::start();
    let status = json(&world, &["trust", "status"]);
    let status = &status["trust-status"];
    assert_eq!(status["list"]["counts"]["rows"], 2);
    assert_eq!(status["crls"].as_array().unwrap().len(), 3);
    assert_eq!(status["alarms"].as_array().unwrap().len(), 0, "{status}");
    let text = succeed(&mut world.command(&["trust", "show", "clinique-sud.mssante.fr"]));
    assert!(text.contains("CN=mail.clinique-sud.fr,OU=1130000029,O=CLINIQUE SUD"), "{text}");
    let (text, listed) = run(&mut world.command(&["trust", "show", "inconnu.mssante.fr"]));
    assert!(!listed && text.contains("is not in the white list"), "{text}");
}

#[test]
fn check_says_what_it_thinks_of_a_list_and_exits_accordingly() {
    let world = World::prepared();
    let list = world.dir().join("pki/listeblanche.xml");
    let text = succeed(world.command(&["trust", "check"]).arg(&list));
    assert!(text.contains("ok      signature") && text.contains("examined in"), "{text}");
    let altered = world.dir().join("altered.xml");
    let content = fs::read_to_string(&list).unwrap();
    fs::write(&altered, content.replace("clinique-sud.mssante.fr", "clinique-est.mssante.fr")).unwrap();
    let output = world.command(&["trust", "check"]).arg(&altered).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let (text, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("FAILED  digest"), "{text}");
    assert!(error.contains("altered.xml would be refused: digest"), "{error}");
}

#[test]
fn an_operator_that_leaves_the_list_raises_our_alarm_once_and_is_believed_again_after() {
    let world = World::start();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    world.refresh(Site::Nord);
    assert_eq!(json(&world, &["trust", "status"])["trust-status"]["list"]["counts"]["rows"], 3);
    drop(peer);
    let listed = fs::read(world.dir().join("pki/listeblanche.xml")).unwrap();
    fs::write(world.dir().join("pki/listeblanche.xml"), &listed[..listed.len() / 2]).unwrap();
    let output = world.command(&["trust", "refresh", "--json"]).output().unwrap();
    let refreshed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!refreshed["refreshed"]["alarms"].as_array().unwrap().is_empty(), "{refreshed}");
    assert_eq!(output.status.code(), Some(1), "an alarm holds");
    assert!(world.refresh(Site::Nord).contains("ALARM"));
    assert_eq!(world.log().matches("WARN vaguemestre::trust::warden").count(), 1, "{}", world.log());
    let status = succeed(&mut world.command(&["status"]));
    assert!(status.contains("ALARM"), "{status}");
    assert!(figure(&world, "vaguemestre_trust_alarms") >= 1.0);
    assert_eq!(figure(&world, "vaguemestre_trust_list_rows"), 3.0, "the last good list stays in force");
    fs::write(world.dir().join("pki/listeblanche.xml"), listed).unwrap();
    let refreshed = json(&world, &["trust", "refresh"]);
    assert!(refreshed["refreshed"]["alarms"].as_array().unwrap().is_empty(), "{refreshed}");
    assert!(world.log().contains("no longer so"), "{}", world.log());
}

#[test]
fn an_own_domain_that_is_not_listed_is_an_alarm_and_a_warning_beforehand() {
    let world = World::start();
    world.unlist("chu-nord.mssante.fr");
    world.refresh(Site::Nord);
    let status = succeed(&mut world.command(&["trust", "status"]));
    assert!(status.contains("is not listed for our domain chu-nord.mssante.fr"), "{status}");
    let checked = succeed(&mut world.command(&["check-config"]));
    assert!(checked.contains("is not listed for our domain chu-nord.mssante.fr"), "{checked}");
}

#[test]
fn the_figures_follow_a_message_to_the_other_operator() {
    let world = World::start_both();
    assert!(get(&world, "/healthz").ends_with("ok\n"));
    let mut smtp = world.smtp();
    smtp.login(DOCTOR, PASSWORD);
    let message = letter(EMERGENCIES, "chiffres@poste", "#med# chiffres", "bonjour");
    assert_eq!(smtp.submit(DOCTOR, &[EMERGENCIES], message.as_bytes()).unwrap().0, 250);
    smtp.command("QUIT").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while figure(&world, "vaguemestre_relayed_total") < 1.0 {
        assert!(Instant::now() < deadline, "{}", get(&world, "/metrics"));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(figure(&world, "vaguemestre_queue_size"), 0.0);
    assert_eq!(figure(&world, "vaguemestre_messages_accepted_total{listener=\"submission\"}"), 1.0);
    assert!(figure(&world, "vaguemestre_commits_total") >= 1.0);
    let text = get(&world, "/metrics");
    assert!(!text.contains('@') && !text.contains("medecin"), "no name of a person: {text}");
}

#[test]
fn a_command_that_asks_no_daemon_takes_no_socket() {
    let world = World::prepared();
    let socket = world.dir().join("nord/control.sock");
    let program = env!("CARGO_BIN_EXE_vaguemestre");
    let (text, good) =
        run(std::process::Command::new(program).args(["trust", "check", "x.xml", "--socket"]).arg(socket));
    assert!(!good && text.contains("asks no daemon"), "{text}");
}
