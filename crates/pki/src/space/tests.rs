//! The trust space over files that change: what comes into force, what stays, and what people are told.

#![allow(clippy::unwrap_used)]

mod alarms;
mod offered;

use std::fs::{self, File, FileTimes};

use demo_pki::{Form, Row, Serial, Tier, document, sign_document, sign_list};
use mssante::Domain;
use tempfile::TempDir;

use super::*;
use crate::{
    distrust::Distrust,
    list::examine_list,
    list::fixture::{DEMO, NOW, accepted_signer, hours, rows, signer_leaf, signer_name},
    revocation::CrlFile,
};

/// The files of a trust space, as somebody keeps them.
struct Files {
    _dir: TempDir,
    settings: TrustSettings,
}

impl Files {
    /// Authorities, revocation lists and a white list of an hour ago.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("root.pem"), DEMO.hierarchy.root.certificate_pem()).unwrap();
        fs::write(at("issuing.pem"), DEMO.hierarchy.authorities_pem()).unwrap();
        fs::create_dir(at("crl")).unwrap();
        let mut settings = TrustSettings::new(&at("root.pem"), &at("crl"), &at("list.xml"), &at("state"));
        settings.authorities = Some(at("issuing.pem"));
        settings.signers = vec![accepted_signer()];
        let files = Self { _dir: dir, settings };
        for tier in Tier::ALL {
            files.crl(tier, &[], 1, *NOW - hours(1));
        }
        files.list(&list(1, &rows()), *NOW);
        files
    }

    fn crl(&self, tier: Tier, revoked: &[Serial], number: u64, this_update: Timestamp) {
        let crl =
            DEMO.hierarchy.tier(tier).crl(revoked, number, this_update, this_update + hours(24 * 7)).unwrap();
        fs::write(self.settings.crls.join(format!("{}.crl", tier.id())), crl).unwrap();
    }

    fn list(&self, bytes: &[u8], written: Timestamp) {
        fs::write(&self.settings.list, bytes).unwrap();
        self.touch(written);
    }

    fn touch(&self, at: Timestamp) {
        let times = FileTimes::new().set_modified(at.into());
        File::options().append(true).open(&self.settings.list).unwrap().set_times(times).unwrap();
    }

    fn open(&self, now: Timestamp) -> TrustSpace {
        TrustSpace::open(self.settings.clone(), now).unwrap()
    }
}

/// A list made so many hours before now.
fn list(age: i64, rows: &[Row]) -> Vec<u8> {
    sign_list(&DEMO.signer, *NOW - hours(age), rows).unwrap()
}

fn domain(name: &str) -> Domain {
    name.parse().unwrap()
}

fn lists(space: &TrustSpace, name: &str) -> bool {
    space.current().list().is_some_and(|list| list.contains(&domain(name)))
}

fn alarms(space: &TrustSpace, now: Timestamp) -> String {
    space.status(now).alarms.join("\n")
}

#[test]
fn without_a_configuration_nothing_is_trusted() {
    let space = TrustSpace::closed();
    assert_eq!(space.current().relaying(*NOW), Err(Distrust::NoList));
    assert_eq!(space.refresh(*NOW), Refreshed::default());
    assert_eq!(space.status(*NOW), TrustStatus::default());
    assert!(space.settings().is_none());
    assert_eq!(space.show(&domain("essai.mssante.fr")).generated, None);
}

#[test]
fn a_good_list_is_in_force_and_shown() {
    let files = Files::new();
    let space = files.open(*NOW);
    let status = space.status(*NOW + hours(2));
    assert_eq!(status.alarms, Vec::<String>::new());
    assert!(status.configured && status.stopped.is_none() && status.environment == "production");
    let list = status.list.clone().unwrap();
    assert!(list.in_force && list.left_out == 0 && list.age_seconds == 7200);
    assert_eq!((list.generated, list.accepted, list.checked), (*NOW - hours(1), *NOW, *NOW));
    assert_eq!((list.counts.rows, list.signer), (3, accepted_signer().to_string()));
    assert!(
        status.crls.len() == 3
            && status.crls.iter().all(|crl| crl.state == "valid" && crl.revoked == Some(0))
    );
    assert_eq!(status.authorities.len(), 3);
    let shown = space.show(&domain("essai.mssante.fr"));
    assert_eq!((shown.rows.len(), shown.generated), (2, Some(*NOW - hours(1))));
    assert!(shown.rows[0].dn.contains("Côte-d'Or") && shown.rows[0].name.contains("côte-d'or"));
    assert_eq!(space.show(&domain("sous.essai.mssante.fr")).rows.len(), 0);
    // the views go through the control socket
    let written = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<TrustStatus>(&written).unwrap(), status);
    assert!(space.settings().is_some());
}

#[test]
fn a_newer_list_takes_the_place_at_once_and_says_what_changes() {
    let files = Files::new();
    let space = files.open(*NOW);
    let before = space.current();
    files.list(&list(0, &rows()[..2]), *NOW);
    let refreshed = space.refresh(*NOW);
    let changes = refreshed.changes.unwrap();
    assert_eq!((changes.removed, changes.added.len()), (vec![domain("autre.mssante.fr")], 0));
    assert!(refreshed.changed && refreshed.alarms.is_empty());
    assert!(refreshed.notes.concat().contains("removed: autre.mssante.fr"), "{:?}", refreshed.notes);
    assert!(!lists(&space, "autre.mssante.fr") && lists(&space, "essai.mssante.fr"));
    // whoever still holds the trust of before sees it whole
    assert!(before.list().unwrap().contains(&domain("autre.mssante.fr")));
    let again = space.refresh(*NOW);
    assert_eq!((again.changed, again.notes), (false, Vec::new()));
}

#[test]
fn a_bad_list_leaves_the_last_good_one_in_force_with_an_alarm() {
    let files = Files::new();
    let space = files.open(*NOW);
    let good = list(0, &rows());
    let signed_by = |leaf: &demo_pki::Leaf| {
        let signer = DEMO.hierarchy.organisations.issue(leaf).unwrap();
        sign_list(&signer, *NOW, &rows()).unwrap()
    };
    let key = &DEMO.signer.key;
    let other = demo_pki::Leaf { subject: signer_name("AUTRE AGENCE"), ..signer_leaf() };
    let server = demo_pki::Leaf { usage: demo_pki::Usage::Both, ..signer_leaf() };
    let policy = demo_pki::Leaf { policy: Some("1.2.3".to_owned()), ..signer_leaf() };
    let expired = signer_leaf().lasting(*NOW - hours(48), *NOW - hours(24));
    let test = demo_pki::Hierarchy::new(demo_pki::Space::Test, *NOW).unwrap();
    let foreign = test.organisations.issue(&signer_leaf().with_key(key)).unwrap();
    for (bytes, why) in [
        (good[..good.len() / 2].to_vec(), "cut off before its end"),
        (b"<html>403</html>".to_vec(), "not a white list"),
        (document(*NOW, &rows()).into_bytes(), "not signed"),
        (list(2, &rows()), "before the one in force"),
        (list(-1, &rows()), "has not come: is the clock right?"),
        (signed_by(&other.with_key(key)), "not one of the accepted signers"),
        (signed_by(&server.with_key(key)), "emailProtection"),
        (signed_by(&policy.with_key(key)), "none of the accepted policies"),
        (signed_by(&expired.with_key(key)), "expired"),
        (sign_list(&foreign, *NOW, &rows()).unwrap(), "TEST hierarchy"),
        (sign_document(&DEMO.signer, &document(*NOW, &[]), Form::Agency).unwrap(), "no row that can be read"),
        (vec![b' '; crate::MAX_LIST_BYTES + 1], "larger than 64 MiB"),
    ] {
        files.list(&bytes, *NOW);
        let refreshed = space.refresh(*NOW);
        assert!(!refreshed.changed, "{why}");
        assert!(refreshed.alarms.concat().contains(why), "{why}: {:?}", refreshed.alarms);
        assert!(alarms(&space, *NOW).contains(why) && lists(&space, "autre.mssante.fr"), "{why}");
    }
    fs::remove_file(&files.settings.list).unwrap();
    assert!(space.refresh(*NOW).alarms.concat().contains("cannot be read"));
    assert!(lists(&space, "autre.mssante.fr"));
    files.list(&good, *NOW);
    assert_eq!(space.refresh(*NOW).alarms, Vec::<String>::new());
}

#[test]
fn a_list_ages_until_it_is_confirmed_and_then_stops_relaying() {
    let files = Files::new();
    let space = files.open(*NOW);
    // revocation lists end earlier than the white list here: not what this is about
    let list_alarms = |now| {
        let alarms = space.status(now).alarms.into_iter();
        alarms.filter(|alarm| alarm.contains("white list")).collect::<Vec<_>>().concat()
    };
    assert_eq!(list_alarms(*NOW + hours(48)), "");
    assert!(list_alarms(*NOW + hours(49)).contains("was last confirmed on"));
    assert!(space.current().relaying(*NOW + hours(15 * 24)).is_ok());
    let late = *NOW + hours(15 * 24 + 1);
    assert!(matches!(space.current().relaying(late), Err(Distrust::ListTooOld { .. })));
    assert!(list_alarms(late).contains("too old to trust") && space.status(late).stopped.is_some());
    // nobody touched the file: reading it again confirms nothing
    assert!(!space.refresh(late).changed && space.current().relaying(late).is_err());
    files.touch(late - hours(1));
    assert!(space.refresh(late).changed);
    assert_eq!(space.status(late).list.unwrap().age_seconds, 3600);
    assert!(space.current().relaying(late).is_ok());
    // a list that is refused confirms nothing either
    files.list(b"<html/>", late + hours(10));
    space.refresh(late + hours(10));
    assert_eq!(space.status(late).list.unwrap().checked, late - hours(1));
}

#[test]
fn a_file_from_the_future_confirms_nothing_and_ages() {
    let files = Files::new();
    let space = files.open(*NOW);
    let ages = |space: &TrustSpace, at| {
        space.refresh(at);
        space.status(at).list.unwrap().age_seconds / 3600
    };
    files.touch(*NOW + hours(24 * 365));
    assert_eq!(ages(&space, *NOW + hours(10)), 10);
    let told = alarms(&space, *NOW + hours(10));
    assert!(told.contains("which has not come, so that it confirms nothing"), "{told}");
    assert_eq!(ages(&space, *NOW + hours(400)), 400);
    assert!(matches!(space.current().relaying(*NOW + hours(400)), Err(Distrust::ListTooOld { .. })));
    // a few minutes are nobody's fault, and no newer than now
    files.touch(*NOW + hours(20) + SignedDuration::from_mins(4));
    assert_eq!(ages(&space, *NOW + hours(20)), 0);
    assert!(!alarms(&space, *NOW + hours(20)).contains("confirms nothing"));
    // a new list is checked when it comes, whatever its date
    files.list(&list(0, &rows()), *NOW + hours(24 * 365));
    assert_eq!((ages(&space, *NOW + hours(30)), ages(&space, *NOW + hours(40))), (0, 10));
}

#[test]
fn what_a_fast_clock_confirmed_ages_once_the_clock_is_right() {
    let files = Files::new();
    let fast = *NOW + hours(24 * 3);
    files.touch(fast);
    let space = files.open(fast);
    assert_eq!(space.status(fast).list.unwrap().checked, fast);
    let age = |space: &TrustSpace, at| {
        space.refresh(at);
        space.status(at).list.unwrap().age_seconds
    };
    assert_eq!((age(&space, *NOW), age(&space, *NOW + hours(9))), (0, 9 * 3600));
    // after a restart, too
    assert_eq!(age(&files.open(*NOW + hours(10)), *NOW + hours(11)), 11 * 3600);
}

#[test]
fn what_was_accepted_survives_restarts_and_the_end_of_its_signer() {
    let mut files = Files::new();
    files.settings.stop_after = hours(24 * 365 * 9);
    files.open(*NOW);
    fs::remove_file(&files.settings.list).unwrap();
    for entry in fs::read_dir(&files.settings.crls).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    // years later the signer's certificate is long over
    let late = *NOW + hours(24 * 365 * 4);
    let space = files.open(late);
    assert!(lists(&space, "essai.mssante.fr"));
    let view = space.status(late).list.unwrap();
    assert!(view.in_force && view.accepted == *NOW && view.checked == *NOW && view.signer_until < late);
    assert_eq!(space.current().revocations().lists().count(), 3);
    // the same list as a new one is judged as of today
    fs::write(&files.settings.list, list(1, &rows())).unwrap();
    assert!(
        lists(&space, "essai.mssante.fr")
            && space.refresh(late).alarms.iter().all(|alarm| !alarm.contains("expired"))
    );
    fs::remove_dir_all(&files.settings.state).unwrap();
    let fresh = files.open(late);
    assert!(fresh.current().list().is_none() && alarms(&fresh, late).contains("expired"));
}

#[test]
fn what_was_accepted_waits_for_its_authorities_over_a_restart() {
    let mut files = Files::new();
    files.settings.stop_after = hours(24 * 365 * 9);
    files.open(*NOW);
    fs::remove_file(&files.settings.list).unwrap();
    // a restart in a bad moment, long after the signer's certificate ended
    let late = *NOW + hours(24 * 365 * 4);
    let issuing = files.settings.authorities.clone().unwrap();
    fs::write(&issuing, DEMO.hierarchy.personnes.certificate_pem()).unwrap();
    let space = files.open(late);
    assert_eq!(space.current().relaying(late), Err(Distrust::NoList));
    assert!(alarms(&space, late).contains("is not among the authorities"));
    fs::write(&issuing, DEMO.hierarchy.authorities_pem()).unwrap();
    space.refresh(late);
    assert!(lists(&space, "essai.mssante.fr"), "{}", alarms(&space, late));
}

#[test]
fn a_state_that_is_damaged_is_not_believed() {
    let files = Files::new();
    files.open(*NOW);
    let kept = fs::read_dir(&files.settings.state).unwrap().map(|entry| entry.unwrap().path());
    let kept = kept.into_iter().find(|path| path.extension().is_some_and(|end| end == "xml")).unwrap();
    fs::write(&kept, list(1, &rows()[..1])).unwrap();
    fs::remove_file(&files.settings.list).unwrap();
    let space = files.open(*NOW);
    assert!(space.current().list().is_none());
    assert!(alarms(&space, *NOW).contains("kept in the state directory is not in force"));
    // the agency's list mends it
    files.list(&list(1, &rows()), *NOW);
    assert_eq!(space.refresh(*NOW).alarms, Vec::<String>::new());
}

#[test]
fn a_state_that_cannot_be_written_is_an_alarm_and_written_later() {
    let files = Files::new();
    fs::write(&files.settings.state, b"a file in the way").unwrap();
    let space = files.open(*NOW);
    assert!(lists(&space, "essai.mssante.fr"));
    let told = alarms(&space, *NOW);
    assert!(
        told.contains("white list in force cannot be kept")
            && told.contains("revocation lists in force cannot")
    );
    fs::remove_file(&files.settings.state).unwrap();
    assert_eq!(space.refresh(*NOW).alarms, Vec::<String>::new());
    fs::remove_file(&files.settings.list).unwrap();
    assert!(lists(&files.open(*NOW), "essai.mssante.fr"));
}

#[test]
fn a_signer_revoked_later_changes_nothing_one_revoked_before_does() {
    let files = Files::new();
    let space = files.open(*NOW);
    let later = *NOW + hours(5);
    files.crl(Tier::Organisations, std::slice::from_ref(&DEMO.signer.serial), 2, later);
    assert!(space.refresh(later).changed);
    assert!(lists(&space, "essai.mssante.fr") && lists(&files.open(later), "essai.mssante.fr"));
    // but a new list by that signer is refused
    files.list(&sign_list(&DEMO.signer, later, &rows()).unwrap(), later);
    assert!(space.refresh(later).alarms.concat().contains("was revoked on"));
    // revoked since before the list was accepted: it should not have been
    let files = Files::new();
    let space = files.open(*NOW);
    files.crl(
        Tier::Organisations,
        std::slice::from_ref(&DEMO.signer.serial),
        2,
        *NOW - SignedDuration::from_mins(1),
    );
    let refreshed = space.refresh(*NOW);
    assert!(
        refreshed.changed && refreshed.notes.concat().contains("no longer in force"),
        "{:?}",
        refreshed.notes
    );
    assert_eq!(space.current().relaying(*NOW), Err(Distrust::NoList));
    assert!(alarms(&space, *NOW).contains("was revoked on") && !space.status(*NOW).list.unwrap().in_force);
    assert!(files.open(*NOW).current().list().is_none());
}

#[test]
fn a_list_waits_for_the_revocation_lists_that_its_signer_needs() {
    let files = Files::new();
    files.open(*NOW);
    fs::remove_dir_all(files.settings.state.join("crl")).unwrap();
    let crl = files.settings.crls.join("organisations.crl");
    let kept = fs::read(&crl).unwrap();
    fs::remove_file(&crl).unwrap();
    let space = files.open(*NOW);
    let told = alarms(&space, *NOW);
    assert!(space.current().list().is_none() && told.contains("no revocation list"), "{told}");
    assert_eq!(space.status(*NOW).crls.iter().filter(|crl| crl.state == "missing").count(), 1);
    // an older list does not slip in meanwhile
    files.list(&list(2, &rows()), *NOW);
    fs::write(&crl, kept).unwrap();
    let refreshed = space.refresh(*NOW);
    assert!(refreshed.notes.concat().contains("in force again"), "{:?}", refreshed.notes);
    assert!(refreshed.alarms.concat().contains("before the one in force"));
    assert_eq!(space.status(*NOW).list.unwrap().generated, *NOW - hours(1));
}

#[test]
fn authorities_are_read_again_and_kept_when_they_cannot_be() {
    let files = Files::new();
    let space = files.open(*NOW);
    let issuing = files.settings.authorities.clone().unwrap();
    fs::write(&issuing, "nothing").unwrap();
    let refreshed = space.refresh(*NOW);
    assert!(!refreshed.changed && refreshed.alarms.concat().contains("stay trusted"));
    assert!(lists(&space, "essai.mssante.fr"));
    fs::write(&issuing, DEMO.hierarchy.personnes.certificate_pem()).unwrap();
    let refreshed = space.refresh(*NOW);
    assert!(refreshed.changed && space.current().list().is_none());
    let told = refreshed.alarms.concat();
    assert!(told.contains("organisations") && told.contains("is not among the authorities"), "{told}");
    fs::write(&issuing, DEMO.hierarchy.authorities_pem()).unwrap();
    space.refresh(*NOW);
    // its revocation list was dropped with the authority; the directory has it still
    assert!(lists(&space, "essai.mssante.fr") && space.status(*NOW).alarms.is_empty());
    // at the start there is nothing to keep
    fs::write(&issuing, "nothing").unwrap();
    assert!(TrustSpace::open(files.settings.clone(), *NOW).is_err());
}

#[test]
fn an_examination_tells_every_check() {
    let files = Files::new();
    let authorities =
        Authorities::load(&files.settings.roots, files.settings.authorities.as_deref()).unwrap();
    let (crls, _) = CrlFile::read_all(&files.settings.crls);
    let (revocations, _) = Revocations::none().update(&crls, &authorities, *NOW);
    let examine = |bytes: &[u8], authorities: &Authorities, at| {
        examine_list(bytes, authorities, &revocations, &files.settings, at)
    };
    let outcomes = |examination: &crate::ListExamination| {
        let short = |step: &crate::Step| match &step.outcome {
            crate::Outcome::Holds(_) => '+',
            crate::Outcome::Fails(_) => '-',
            crate::Outcome::NotReached => '?',
        };
        examination.steps.iter().map(short).collect::<String>()
    };
    let good = list(1, &rows());
    let told = examine(&good, &authorities, *NOW);
    assert!(told.is_good() && told.counts.unwrap().rows == 3 && told.faults.is_empty(), "{told:?}");
    let roots = Authorities::load(&files.settings.roots, None).unwrap();
    let gap = examine(&good, &roots, *NOW);
    assert_eq!(outcomes(&gap), "+++-+?+++++");
    assert!(format!("{:?}", gap.steps[3]).contains("install that authority's certificate"), "{gap:?}");
    assert!(!gap.is_good() && gap.counts.is_some());
    assert_eq!(outcomes(&examine(&good, &authorities, *NOW + hours(24 * 365 * 4))), "++++-?+++++");
    assert_eq!(outcomes(&examine(&good, &authorities, *NOW - hours(2))), "+++++++++?-".replace('?', "+"));
    assert_eq!(outcomes(&examine(&good[..400], &authorities, *NOW)), "-??????????");
    let altered = String::from_utf8(good).unwrap().replacen("essai", "essay", 1);
    let altered = examine(altered.as_bytes(), &authorities, *NOW);
    assert_eq!((outcomes(&altered).as_str(), altered.counts), ("+-?++++++??", None));
}

#[test]
fn readers_never_see_half_of_a_swap() {
    let files = Files::new();
    let space = files.open(*NOW);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let trust = space.current();
                        let list = trust.list().unwrap();
                        let both = list.contains(&domain("essai.mssante.fr"))
                            && list.contains(&domain("autre.mssante.fr"));
                        assert!(both || list.counts().rows == 1);
                    }
                })
            })
            .collect();
        for turn in 1..=10_i64 {
            let rows = if turn % 2 == 0 { rows() } else { rows()[..1].to_vec() };
            let at = *NOW + SignedDuration::from_secs(turn);
            files.list(&sign_list(&DEMO.signer, at, &rows).unwrap(), at);
            assert!(space.refresh(at).changed);
        }
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}
