//! The end of a session whose rights ended (S-1.5): told by the store, without polling.

use std::time::Duration;

use identity::Principal;
use mssante::{Address, BoxType, State};
use store::{Account, Action};
use tokio::time::timeout;

use crate::world::{PASSWORD, World};

struct Sessions {
    world: World,
    person: Account,
    service: Account,
    own: Principal,
    acting: Principal,
}

impl Sessions {
    async fn open() -> Self {
        let world = World::new();
        let person = world.person("un", BoxType::Per).await;
        let service = world.account("service", BoxType::Org, &[&person]).await;
        let own = world.log_in("un@chu-nord.fr").await.unwrap();
        let acting = world.log_in("service@chu-nord.fr*un@chu-nord.fr").await.unwrap();
        Self { world, person, service, own, acting }
    }

    /// Whether each of the two sessions ended, and that it did so whether it was watched before or after.
    async fn ended(&self, change: impl Future<Output = ()>) -> (bool, bool) {
        let before = (tokio::spawn(self.own.revoked()), tokio::spawn(self.acting.revoked()));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert!(!before.0.is_finished() && !before.1.is_finished(), "a session that stands is not ended");
        change.await;
        let ended = (is_over(self.own.revoked()).await, is_over(self.acting.revoked()).await);
        assert_eq!((is_over_task(before.0).await, is_over_task(before.1).await), ended);
        ended
    }

    fn end(self) {
        drop((self.own, self.acting));
        self.world.end();
    }
}

async fn is_over(revoked: impl Future<Output = ()>) -> bool {
    timeout(Duration::from_millis(400), revoked).await.is_ok()
}

/// Whether the task ends by itself; it is gone afterwards, and its hold on the store with it.
async fn is_over_task(mut task: tokio::task::JoinHandle<()>) -> bool {
    let over = timeout(Duration::from_millis(400), &mut task).await.is_ok();
    if !over {
        task.abort();
        let _ = task.await;
    }
    over
}

#[tokio::test]
async fn a_person_who_is_suspended_loses_every_session() {
    let sessions = Sessions::open().await;
    let (world, id) = (&sessions.world, sessions.person.id);
    let change = world.change(id, |person| person.state = State::Suspendu);
    assert_eq!(sessions.ended(change).await, (true, true));
    sessions.end();
}

#[tokio::test]
async fn a_person_who_is_removed_loses_every_session() {
    let sessions = Sessions::open().await;
    let (world, id) = (&sessions.world, sessions.person.id);
    let change = async { world.store.remove_account(id, world.trace(Action::AccountRemove)).await.unwrap() };
    assert_eq!(sessions.ended(change).await, (true, true));
    sessions.end();
}

#[tokio::test]
async fn a_password_that_is_revoked_ends_the_sessions_that_it_opened_and_no_other() {
    let sessions = Sessions::open().await;
    let world = &sessions.world;
    let second = world.password(&sessions.person, "second").await;
    let other = world.attempt("un@chu-nord.fr", None, "second").await.unwrap();
    let revoke = async |credential| {
        let trace = world.trace(Action::PasswordRevoke);
        assert!(world.store.revoke_password(sessions.person.id, credential, trace).await.unwrap());
    };
    assert_eq!(sessions.ended(revoke(second)).await, (false, false));
    assert!(is_over(other.revoked()).await);
    drop(other);
    assert_eq!(sessions.ended(revoke(sessions.own.credential())).await, (true, true));
    sessions.end();
}

#[tokio::test]
async fn a_box_that_is_closed_or_removed_ends_the_sessions_in_it() {
    let sessions = Sessions::open().await;
    let (world, id) = (&sessions.world, sessions.service.id);
    let change = world.change(id, |service| service.state = State::Suspendu);
    assert_eq!(sessions.ended(change).await, (false, true));
    sessions.end();
    let sessions = Sessions::open().await;
    let (world, id) = (&sessions.world, sessions.service.id);
    let change = async { world.store.remove_account(id, world.trace(Action::AccountRemove)).await.unwrap() };
    assert_eq!(sessions.ended(change).await, (false, true));
    sessions.end();
}

#[tokio::test]
async fn an_opener_who_is_struck_off_loses_the_box_and_keeps_their_own() {
    let sessions = Sessions::open().await;
    let (world, id) = (&sessions.world, sessions.service.id);
    let change = world.change(id, |service| service.openers.clear());
    assert_eq!(sessions.ended(change).await, (false, true));
    sessions.end();
}

#[tokio::test]
async fn a_change_that_takes_no_right_ends_nothing() {
    let sessions = Sessions::open().await;
    let (world, id) = (&sessions.world, sessions.service.id);
    let change = async {
        world.change(id, |service| service.profile.description = Some("Cardiologie".into())).await;
        world.change(sessions.person.id, |person| person.profile.region = "Bretagne".into()).await;
        world.attempt("un@chu-nord.fr", None, PASSWORD).await.unwrap();
    };
    assert_eq!(sessions.ended(change).await, (false, false));
    sessions.end();
}

#[tokio::test]
async fn losing_an_address_ends_the_sessions_that_could_write_under_it() {
    let sessions = Sessions::open().await;
    let (world, id) = (&sessions.world, sessions.service.id);
    let change = world.change(id, |service| {
        service.profile.login = Address::parse("cardiologie@chu-nord.fr").unwrap();
    });
    assert_eq!(sessions.ended(change).await, (false, true));
    sessions.end();
}

#[tokio::test]
async fn a_box_beside_ones_own_is_open_as_long_as_the_right_to_it() {
    let sessions = Sessions::open().await;
    let (world, id) = (&sessions.world, sessions.service.id);
    let service = std::sync::Arc::new(sessions.service.clone());
    let open = tokio::spawn(sessions.own.revoked_over(service.clone()));
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(!open.is_finished());
    world.change(id, |service| service.openers.clear()).await;
    assert!(is_over_task(open).await);
    assert!(is_over(sessions.own.revoked_over(service)).await, "as well when it was over before");
    assert!(!is_over(sessions.own.revoked()).await, "the person's own box stays open");
    sessions.end();
}
