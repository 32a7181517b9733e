//! The boxes that a person opens beside their own (S-1.7): those that list them and are valid, for who acts as themselves.

use mssante::{Address, BoxType, State};
use store::Account;

use crate::world::World;

fn numbers(accounts: &[Account]) -> Vec<u64> {
    accounts.iter().map(|account| account.id.to_string().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_person_sees_the_valid_boxes_that_list_them_and_no_other() {
    let world = World::new();
    let person = world.person("un", BoxType::Med).await;
    let other = world.person("deux", BoxType::Per).await;
    let cardio = world.account("cardio", BoxType::Org, &[&person, &other]).await;
    let robot = world.account("noreply", BoxType::App, &[&person]).await;
    let closed = world.account_in("ferme", BoxType::Org, State::Suspendu, &[&person]).await;
    let theirs = world.account("urgences", BoxType::Org, &[&other]).await;
    let principal = world.log_in("un@chu-nord.fr").await.unwrap();
    {
        let reader = world.store.reader();
        assert_eq!(principal.others(&reader).unwrap(), [cardio.clone(), robot.clone()]);
        let found = |account: &Account| principal.other(&reader, &account.profile.login).unwrap();
        assert_eq!(found(&cardio).as_ref(), Some(&cardio));
        for none in [&closed, &theirs, &other, &person] {
            assert_eq!(found(none), None, "{}", none.id);
        }
        let may = |account: &Account| principal.may_open(&reader, account.id).unwrap();
        assert!(
            may(&person) && may(&cardio) && may(&robot) && !may(&closed) && !may(&theirs) && !may(&other)
        );
        let nowhere = Address::parse("nulle-part@chu-nord.fr").unwrap();
        assert_eq!(principal.other(&reader, &nowhere).unwrap(), None);
    }
    // Who acts as a box sees that box alone.
    let acting = world.log_in("cardio@chu-nord.fr*un@chu-nord.fr").await.unwrap();
    assert_eq!(acting.others(&world.store.reader()).unwrap(), []);
    assert!(acting.may_open(&world.store.reader(), cardio.id).unwrap());
    assert!(!acting.may_open(&world.store.reader(), robot.id).unwrap());
    assert_eq!(acting.other(&world.store.reader(), &robot.profile.login).unwrap(), None);
    // Rights are those of now, not those of the login.
    world.change(cardio.id, |cardio| cardio.openers.retain(|id| *id != person.id)).await;
    assert!(!principal.may_open(&world.store.reader(), cardio.id).unwrap());
    assert_eq!(numbers(&principal.others(&world.store.reader()).unwrap()), numbers(&[robot]));
    world.change(person.id, |person| person.state = State::Suspendu).await;
    assert_eq!(principal.others(&world.store.reader()).unwrap(), []);
    drop((principal, acting));
    world.end();
}
