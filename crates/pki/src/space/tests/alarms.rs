//! What alarms say, and in which order.

use super::*;

#[test]
fn alarms_tell_the_cause_first_and_what_to_do() {
    let files = Files::new();
    let space = files.open(*NOW);
    let list = files.settings.list.display().to_string();
    let late = space.status(*NOW + hours(20 * 24));
    let stopped = late.stopped.unwrap();
    assert!(stopped.contains("touch the file") && stopped.contains(&list), "{stopped}");
    assert!(late.alarms.contains(&stopped), "{:?}", late.alarms);
    fs::remove_dir_all(&files.settings.state).unwrap();
    fs::remove_dir_all(&files.settings.crls).unwrap();
    let status = files.open(*NOW).status(*NOW);
    let place = |what: &str| status.alarms.iter().position(|alarm| alarm.contains(what)).unwrap();
    assert_eq!(place("[trust] crls must name a directory"), 0, "{:?}", status.alarms);
    assert!(place("there is no revocation list of") < place("no white list is in force"));
    assert!(status.stopped.unwrap().contains(&list));
    fs::remove_file(&files.settings.list).unwrap();
    let told = alarms(&files.open(*NOW), *NOW);
    assert!(told.contains("or correct [trust] list"), "{told}");
    assert!(!told.contains("try again later"), "that is for peers: {told}");
    assert!(status.alarms.iter().all(|alarm| !alarm.contains("try again later")), "{:?}", status.alarms);
}

#[test]
fn an_alarm_says_the_same_for_as_long_as_it_holds() {
    let files = Files::new();
    let space = files.open(*NOW);
    let day = |days: i64, hour| space.status(*NOW + hours(days * 24 + hour)).alarms;
    for days in [3, 8, 20] {
        assert!(!day(days, 1).is_empty());
        assert_eq!(day(days, 1), day(days, 2), "day {days}");
    }
    fs::remove_dir_all(&files.settings.state).unwrap();
    fs::remove_file(&files.settings.list).unwrap();
    let without = files.open(*NOW);
    assert!(alarms(&without, *NOW).contains("no white list is in force"));
}

#[test]
fn a_revocation_list_that_shrank_is_an_alarm_until_the_next_one_comes() {
    let files = Files::new();
    let many: Vec<Serial> = (1..=60_u8).map(|n| Serial::new(&[n; 16])).collect();
    files.crl(Tier::Personnes, &many, 2, *NOW - hours(1));
    let space = files.open(*NOW);
    assert_eq!(alarms(&space, *NOW), "");
    files.crl(Tier::Personnes, &[], 3, *NOW);
    for _ in 0..3 {
        let told = space.refresh(*NOW).alarms.concat();
        assert!(told.contains("shrank from") && told.matches("shrank").count() == 1, "{told}");
    }
    files.crl(Tier::Personnes, &[], 4, *NOW);
    assert_eq!(space.refresh(*NOW).alarms, Vec::<String>::new());
}

#[test]
fn revocation_lists_that_end_and_authorities_that_end_are_alarms() {
    let files = Files::new();
    let space = files.open(*NOW);
    let due = *NOW + hours(24 * 7 - 1);
    assert!(alarms(&space, due + hours(1)).contains("it still serves, but not for long"));
    assert!(alarms(&space, due + hours(5)).contains("nothing that it issued is trusted until it is"));
    assert!(alarms(&space, *NOW + hours(24 * 365 * 10 - 24 * 20)).contains("install its successor"));
}
