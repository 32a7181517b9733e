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
