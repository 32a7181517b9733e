//! Logging in against a real store: who is let in, as whom, and what everybody else hears (S-1.5, S-1.7, S-7.3, S-7.4).

#![allow(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use identity::{AuthError, Principal};
use mssante::{BoxType, State};
use store::{Account, Action, Outcome};
use world::{PASSWORD, World};

mod others;
mod revocation;
mod world;

const DENIED: AuthError = AuthError::Denied;

fn granted(login: Result<Principal, AuthError>, person: &Account, acting_as: &Account) {
    let principal = login.unwrap();
    assert_eq!(principal.person().id, person.id);
    assert_eq!(principal.acting_as().id, acting_as.id);
    assert_eq!(principal.is_acting_for_other(), person.id != acting_as.id);
}

fn denied(login: Result<Principal, AuthError>) {
    assert_eq!(login.unwrap_err(), DENIED);
}

#[tokio::test]
async fn a_person_logs_in_by_either_address_whatever_its_case() {
    let world = World::new();
    for box_type in [BoxType::Per, BoxType::Int] {
        let name = format!("{box_type:?}").to_lowercase();
        let person = world.person(&name, box_type).await;
        for user in [
            format!("{name}@chu-nord.fr"),
            format!("{name}@chu-nord.mssante.fr"),
            format!("{name}@CHU-Nord.MSSante.fr").to_uppercase(),
        ] {
            granted(world.log_in(&user).await, &person, &person);
        }
    }
    let person = world.person("med", BoxType::Med).await;
    granted(world.log_in("med@chu-nord.fr").await, &person, &person);
    denied(world.log_in("med@chu-nord.mssante.fr").await);
    world.end();
}

#[tokio::test]
async fn the_password_is_checked_exactly() {
    let world = World::new();
    let person = world.person("un", BoxType::Per).await;
    let second = world.password(&person, "another-one").await;
    let peer = |last: usize| [192, 0, 2, u8::try_from(last).unwrap()].into();
    let wrong = [
        "",
        "k7wd",
        &PASSWORD.to_uppercase(),
        &PASSWORD.replace('-', ""),
        &format!("{PASSWORD} "),
        &format!(" {PASSWORD}"),
        &format!("{PASSWORD}\0"),
        &PASSWORD.repeat(40),
    ];
    for (index, password) in wrong.into_iter().enumerate() {
        denied(world.attempt_from(peer(index), "un@chu-nord.fr", None, password).await);
    }
    let principal = world.attempt("un@chu-nord.fr", None, "another-one").await.unwrap();
    assert_eq!(principal.credential(), second);
    assert_ne!(world.log_in("un@chu-nord.fr").await.unwrap().credential(), second);
    world.end();
}

#[tokio::test]
async fn a_password_opens_its_own_account_only() {
    let world = World::new();
    world.person("un", BoxType::Per).await;
    let other = world.account("deux", BoxType::Per, &[]).await;
    denied(world.log_in("deux@chu-nord.fr").await);
    world.password(&other, "of-the-second").await;
    denied(world.log_in("deux@chu-nord.fr").await);
    denied(world.attempt("un@chu-nord.fr", None, "of-the-second").await);
    world.end();
}

#[tokio::test]
async fn only_valid_accounts_log_in() {
    let world = World::new();
    for (index, state) in State::ALL.into_iter().enumerate() {
        let name = format!("nom{index}");
        let account = world.account_in(&name, BoxType::Per, state, &[]).await;
        world.password(&account, PASSWORD).await;
        let login = world.log_in(&format!("{name}@chu-nord.fr")).await;
        assert_eq!(login.is_ok(), state == State::Valide, "{state:?}");
    }
    world.end();
}

#[tokio::test]
async fn a_box_is_opened_by_the_people_it_lists() {
    let world = World::new();
    let opener = world.person("un", BoxType::Per).await;
    let secretary = world.person("deux", BoxType::Med).await;
    world.person("trois", BoxType::Int).await;
    let service = world.account("service", BoxType::Org, &[&opener, &secretary]).await;
    let software = world.account("noreply", BoxType::App, &[&opener]).await;
    let both = ["service@chu-nord.mssante.fr", "Service@chu-nord.fr"];
    for target in both {
        granted(world.attempt("un@chu-nord.fr", Some(target), PASSWORD).await, &opener, &service);
        granted(world.log_in(&format!("{target}*un@chu-nord.mssante.fr")).await, &opener, &service);
    }
    let user = "service@chu-nord.fr*deux@chu-nord.fr";
    granted(world.log_in(user).await, &secretary, &service);
    granted(world.attempt(user, Some(user), PASSWORD).await, &secretary, &service);
    granted(world.log_in("noreply@chu-nord.fr*un@chu-nord.fr").await, &opener, &software);
    denied(world.log_in("service@chu-nord.fr*trois@chu-nord.fr").await);
    denied(world.log_in("noreply@chu-nord.fr*deux@chu-nord.fr").await);
    world.end();
}

#[tokio::test]
async fn acting_as_oneself_is_fine_and_as_another_person_never() {
    let world = World::new();
    let person = world.person("un", BoxType::Per).await;
    world.account("deux", BoxType::Per, &[&person]).await;
    for target in [Some("un@chu-nord.mssante.fr"), Some("UN@chu-nord.fr"), Some(""), None] {
        granted(world.attempt("un@chu-nord.fr", target, PASSWORD).await, &person, &person);
    }
    for target in ["deux@chu-nord.fr", "absent@chu-nord.fr", "not an address", "*"] {
        denied(world.attempt("un@chu-nord.fr", Some(target), PASSWORD).await);
    }
    world.end();
}

#[tokio::test]
async fn boxes_have_no_password_of_their_own() {
    let world = World::new();
    let opener = world.person("un", BoxType::Per).await;
    for (name, box_type) in [("service", BoxType::Org), ("noreply", BoxType::App)] {
        let account = world.account(name, box_type, &[&opener]).await;
        let user = format!("{name}@chu-nord.fr");
        denied(world.log_in(&user).await);
        // even if something gave it one
        if world
            .store
            .create_password(account.id, "x".into(), PASSWORD.as_bytes(), world.trace(Action::PasswordCreate))
            .await
            .is_ok()
        {
            denied(world.log_in(&user).await);
            denied(world.log_in(&format!("{user}*{user}")).await);
        }
    }
    world.end();
}

#[tokio::test]
async fn a_box_that_is_not_valid_is_opened_by_nobody() {
    let world = World::new();
    let opener = world.person("un", BoxType::Per).await;
    let service = world.account("service", BoxType::Org, &[&opener]).await;
    world.change(service.id, |service| service.state = State::Suspendu).await;
    denied(world.log_in("service@chu-nord.fr*un@chu-nord.fr").await);
    world.change(service.id, |service| service.state = State::Valide).await;
    world.log_in("service@chu-nord.fr*un@chu-nord.fr").await.unwrap();
    world.end();
}

#[tokio::test]
async fn every_refusal_is_said_alike_and_its_reason_is_traced() {
    let world = World::new();
    let person = world.person("un", BoxType::Per).await;
    let rejected = world.account_in("rejete", BoxType::Per, State::Rejete, &[]).await;
    world.password(&rejected, PASSWORD).await;
    world.account_in("ferme", BoxType::Org, State::Suspendu, &[&person]).await;
    world.account("service", BoxType::Org, &[&rejected]).await;
    let cases = [
        ("absent@chu-nord.fr", PASSWORD, "unknown-account", false),
        ("not an address", PASSWORD, "unknown-account", false),
        ("un@chu-nord.fr", "wrong", "wrong-password", false),
        ("service@chu-nord.fr", PASSWORD, "wrong-password", false),
        ("rejete@chu-nord.fr", PASSWORD, "account-state", true),
        ("absent@chu-nord.fr*un@chu-nord.fr", PASSWORD, "unknown-box", true),
        ("service@chu-nord.fr*un@chu-nord.fr", PASSWORD, "not-an-opener", true),
        ("ferme@chu-nord.fr*un@chu-nord.fr", PASSWORD, "box-state", true),
    ];
    for (user, password, reason, proved) in cases {
        denied(world.attempt(user, None, password).await);
        let trace = world.last_trace().await;
        assert_eq!((trace.action, trace.outcome), (Action::Login, Outcome::Refused));
        assert!(trace.detail.contains(&("reason".into(), reason.into())), "{user}: {:?}", trace.detail);
        assert_eq!(trace.person.is_some(), proved, "{user}: only a right password tells who it is");
        assert_eq!(trace.peer, Some([192, 0, 2, 1].into()));
    }
    world.end();
}

#[tokio::test]
async fn a_login_is_traced_to_the_person() {
    let world = World::new();
    let person = world.person("un", BoxType::Per).await;
    let service = world.account("service", BoxType::Org, &[&person]).await;
    let principal = world.log_in("service@chu-nord.fr*un@chu-nord.fr").await.unwrap();
    let trace = world.last_trace().await;
    assert_eq!((trace.action, trace.outcome), (Action::Login, Outcome::Done));
    assert_eq!((trace.person, trace.acting_as), (Some(person.id), Some(service.id)));
    let detail = |name: &str, value: &str| trace.detail.contains(&(name.to_owned(), value.to_owned()));
    assert!(detail("service", "imap") && detail("mechanism", "plain"));
    assert!(detail("credential", &principal.credential().to_string()));
    world.log_in("un@chu-nord.fr").await.unwrap();
    assert_eq!(world.last_trace().await.acting_as, None);
    world.end();
}

#[tokio::test]
async fn neither_names_nor_passwords_reach_the_log_and_no_password_a_trace() {
    let world = World::new();
    world.person("un", BoxType::Per).await;
    world.log_in("un@chu-nord.fr").await.unwrap();
    // a password in the field of the name is not kept
    denied(world.attempt(PASSWORD, None, "un@chu-nord.fr").await);
    let trace = world.last_trace().await;
    assert!(!format!("{trace:?}").contains("k7wd"), "{trace:?}");
    denied(world.attempt("deux@chu-nord.fr", None, "wrong-password-text").await);
    let trace = world.last_trace().await;
    assert!(trace.detail.contains(&("name".into(), "deux@chu-nord.fr".into())));
    let log = world.log.text();
    for secret in ["k7wd", "chu-nord", "wrong-password-text"] {
        assert!(!log.contains(secret), "{log}");
    }
    world.end();
}

#[tokio::test]
async fn repeated_failures_block_for_a_while_and_unknown_accounts_are_blocked_alike() {
    let world = World::new();
    world.person("un", BoxType::Per).await;
    for user in ["un@chu-nord.fr", "absent@chu-nord.fr", "not an address"] {
        for guess in 0..6 {
            denied(world.attempt(user, None, &guess.to_string()).await);
        }
        for password in [PASSWORD, "wrong"] {
            let login = world.attempt(user, None, password).await;
            assert!(
                matches!(login, Err(AuthError::Throttled { retry_after }) if retry_after.as_secs() == 600)
            );
        }
    }
    assert!(world.attempt_from([192, 0, 2, 9].into(), "un@chu-nord.fr", None, PASSWORD).await.is_ok());
    world.wait(10);
    world.log_in("un@chu-nord.fr").await.unwrap();
    world.end();
}

#[tokio::test]
async fn a_flood_of_throttled_attempts_leaves_one_trace() {
    let world = World::new();
    world.person("un", BoxType::Per).await;
    for guess in 0..6 {
        denied(world.attempt("un@chu-nord.fr", None, &guess.to_string()).await);
    }
    let lines = |world: &World| world.log.text().lines().filter(|line| line.contains("trace=")).count();
    let before = lines(&world);
    for _ in 0..50 {
        assert!(world.log_in("un@chu-nord.fr").await.is_err());
    }
    assert_eq!(lines(&world), before + 1);
    assert!(world.last_trace().await.detail.contains(&("reason".into(), "throttled".into())));
    world.end();
}

#[tokio::test(start_paused = true)]
async fn every_refusal_takes_the_same_time_at_least() {
    let world = World::slow();
    world.person("un", BoxType::Per).await;
    let elapsed = async |user: &str, password: &str| {
        let begun = tokio::time::Instant::now();
        let _ = world.attempt(user, None, password).await;
        begun.elapsed()
    };
    let floor = identity::Settings::default().denial_floor;
    assert!(elapsed("un@chu-nord.fr", "wrong").await >= floor);
    assert!(elapsed("absent@chu-nord.fr", "wrong").await >= floor);
    assert!(elapsed("absent@chu-nord.fr*un@chu-nord.fr", PASSWORD).await >= floor);
    world.end();
}
