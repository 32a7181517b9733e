//! Lists that were fetched or handed over, and signers that are accepted while the service runs: the same judgement as for files.

use demo_pki::{Issued, Leaf};
use mssante::dn::DistinguishedName;

use super::*;
use crate::revocation::CrlEvent;

const HOST: &str = "https://espacedeconfiance.example/list.xml";

/// A space whose list comes from an address alone.
fn fetching() -> Files {
    let mut files = Files::new();
    fs::remove_file(&files.settings.list).unwrap();
    files.settings.list = std::path::PathBuf::new();
    files.settings.list_url = Some(HOST.to_owned());
    files.settings.fetches_crls = true;
    files
}

/// Somebody whom the right authority certified to sign, and whom nobody accepted yet.
fn newcomer() -> Issued {
    let leaf = Leaf { subject: signer_name("NOUVEAU PRESTATAIRE"), ..signer_leaf() };
    DEMO.hierarchy.organisations.issue(&leaf).unwrap()
}

fn name(issued: &Issued) -> DistinguishedName {
    issued.subject.to_string().parse().unwrap()
}

#[test]
fn a_fetched_list_comes_into_force_ages_and_is_confirmed() {
    let files = fetching();
    let space = files.open(*NOW);
    assert!(alarms(&space, *NOW).contains("is expected from https://espacedeconfiance.example/list.xml"));
    assert_eq!(space.list_id(), None);
    let (taken, refreshed) = space.offer_list(HOST, list(1, &rows()), *NOW);
    assert!(taken.is_ok() && refreshed.changed && refreshed.alarms.is_empty(), "{refreshed:?}");
    let id = space.list_id().unwrap();
    // looking at the files does not make it younger, the host's word does
    space.refresh(*NOW + hours(49));
    assert!(alarms(&space, *NOW + hours(49)).contains("was last confirmed on"));
    assert!(space.confirm_list(&id, *NOW + hours(49)).alarms.is_empty());
    assert_eq!(space.status(*NOW + hours(50)).list.unwrap().age_seconds, 3600);
    // of another list it is no word
    let other = "0".repeat(64);
    assert!(!space.confirm_list(&other, *NOW + hours(60)).changed);
    assert_eq!(space.status(*NOW + hours(60)).list.unwrap().checked, *NOW + hours(49));
    // the same bytes are a confirmation too, and a restart knows it
    assert!(space.offer_list(HOST, list(1, &rows()), *NOW + hours(70)).0.is_ok());
    drop(space);
    let again = files.open(*NOW + hours(71));
    assert_eq!(again.status(*NOW + hours(71)).list.unwrap().checked, *NOW + hours(70));
    assert_eq!(again.list_id(), Some(id));
    // and 15 days after the last of these nothing is believed any more
    let late = *NOW + hours(70) + files.settings.stop_after + SignedDuration::from_secs(1);
    assert!(matches!(again.current().relaying(late), Err(Distrust::ListTooOld { .. })));
}

#[test]
fn what_changes_between_two_lists_is_told_by_name() {
    let files = fetching();
    let space = files.open(*NOW);
    space.offer_list(HOST, list(2, &rows()), *NOW).0.unwrap();
    let mut changed = rows();
    changed.remove(2);
    changed[1].dn = "CN=smtp9.essai.fr,OU=1750000000,O=CH D'ESSAI,ST=Paris (75),C=FR".to_owned();
    changed.push(Row::new("neuf.mssante.fr", &changed[0].dn.clone(), *NOW));
    let (taken, refreshed) = space.offer_list(HOST, list(1, &changed), *NOW);
    taken.unwrap();
    let changes = refreshed.changes.unwrap();
    assert_eq!(changes.added, [domain("neuf.mssante.fr")]);
    assert_eq!(changes.removed, [domain("autre.mssante.fr")]);
    let [rebound] = &changes.rebound[..] else { panic!("{changes:?}") };
    assert_eq!(rebound.domain, domain("essai.mssante.fr"));
    assert!(rebound.gone[0].contains("smtp2") && rebound.new[0].contains("smtp9"), "{rebound:?}");
    let note = refreshed.notes.concat();
    for part in ["added: neuf.mssante.fr", "removed: autre.mssante.fr", "with other names: essai.mssante.fr"]
    {
        assert!(note.contains(part), "{note}");
    }
}

#[test]
fn a_bad_list_from_the_host_changes_nothing_but_is_an_alarm_until_a_good_one_comes() {
    let files = fetching();
    let space = files.open(*NOW);
    space.offer_list(HOST, list(1, &rows()), *NOW).0.unwrap();
    let good = list(0, &rows());
    let altered = String::from_utf8(good.clone()).unwrap().replace("autre.mssante.fr", "faux.mssante.fr");
    for (bytes, reason) in [
        (good[..good.len() / 2].to_vec(), "truncated"),
        (altered.into_bytes(), "altered"),
        (list(5, &rows()), "older"),
        (b"<html>trop vite</html>".to_vec(), "other-root"),
        (sign_list(&newcomer(), *NOW, &rows()).unwrap(), "signer-not-accepted"),
    ] {
        let (taken, refreshed) = space.offer_list(HOST, bytes, *NOW);
        assert_eq!(taken.unwrap_err().reason(), reason);
        assert!(!refreshed.changed && refreshed.alarms.concat().contains(HOST), "{refreshed:?}");
        assert!(refreshed.alarms.concat().contains("the last good list stays in force"), "{refreshed:?}");
        assert!(lists(&space, "autre.mssante.fr"));
    }
    assert!(space.offer_list(HOST, good, *NOW).1.alarms.is_empty());
}

#[test]
fn a_file_that_is_behind_the_fetched_list_is_no_alarm_and_confirms_nothing() {
    let mut files = Files::new();
    files.settings.list_url = Some(HOST.to_owned());
    let space = files.open(*NOW);
    space.offer_list(HOST, list(0, &rows()[..2]), *NOW).0.unwrap();
    files.touch(*NOW + hours(30));
    let refreshed = space.refresh(*NOW + hours(30));
    assert!(refreshed.alarms.is_empty() && !refreshed.changed, "{refreshed:?}");
    assert!(!lists(&space, "autre.mssante.fr"));
    assert_eq!(space.status(*NOW + hours(30)).list.unwrap().checked, *NOW);
    // a file that is newer is taken as before, whatever the host serves; without it the host's is enough
    files.list(&sign_list(&DEMO.signer, *NOW + hours(29), &rows()).unwrap(), *NOW + hours(30));
    assert!(space.refresh(*NOW + hours(30)).changed && lists(&space, "autre.mssante.fr"));
    fs::remove_file(&files.settings.list).unwrap();
    assert!(space.refresh(*NOW + hours(30)).alarms.is_empty());
}

#[test]
fn a_list_that_waits_for_revocation_lists_comes_into_force_with_them() {
    let files = fetching();
    let crl = fs::read(files.settings.crls.join("organisations.crl")).unwrap();
    fs::remove_dir_all(&files.settings.crls).unwrap();
    let space = files.open(*NOW);
    let (taken, _) = space.offer_list(HOST, list(1, &rows()), *NOW);
    assert!(taken.unwrap_err().reason().starts_with("signer-untrusted") && space.list_id().is_none());
    let crls: Vec<_> = [(Tier::Root, "root"), (Tier::Personnes, "personnes")]
        .map(|(tier, name)| {
            let authority = DEMO.hierarchy.tier(tier);
            let bytes = authority.crl(&[], 1, *NOW - hours(1), *NOW + hours(24)).unwrap();
            CrlFile { name: name.to_owned(), bytes }
        })
        .into_iter()
        .chain([CrlFile { name: "organisations".to_owned(), bytes: crl }])
        .collect();
    let (notes, refreshed) = space.offer_crls(&crls, *NOW);
    assert!(notes.iter().all(|note| matches!(note.event, CrlEvent::Accepted { .. })), "{notes:?}");
    assert!(space.list_id().is_some() && refreshed.alarms.is_empty(), "{refreshed:?}");
    // they are kept, without any directory of revocation lists
    drop(space);
    assert_eq!(alarms(&files.open(*NOW), *NOW), "");
}

#[test]
fn an_offered_revocation_list_is_judged_like_one_in_a_file() {
    let files = fetching();
    let space = files.open(*NOW);
    space.offer_list(HOST, list(1, &rows()), *NOW).0.unwrap();
    let made = |number, age| {
        let authority = &DEMO.hierarchy.organisations;
        let bytes = authority.crl(&[], number, *NOW - hours(age), *NOW + hours(24 * 7)).unwrap();
        CrlFile { name: "http://host/x.crl".to_owned(), bytes }
    };
    let mut forged = made(3, 0);
    let last = forged.bytes.len() - 1;
    forged.bytes[last] ^= 1;
    let (_, refreshed) = space.offer_crls(&[forged], *NOW);
    assert!(
        refreshed.alarms.concat().contains("http://host/x.crl: not used: its signature"),
        "{refreshed:?}"
    );
    let page = CrlFile { name: "http://host/x.crl".to_owned(), bytes: b"<html>".to_vec() };
    let (notes, refreshed) = space.offer_crls(&[page], *NOW);
    assert!(notes[0].to_string().contains("it is not a certificate revocation list"), "{notes:?}");
    assert!(refreshed.alarms.is_empty(), "a busy host is no attack: {refreshed:?}");
    let (_, refreshed) = space.offer_crls(&[made(2, 0)], *NOW);
    assert!(refreshed.changed && refreshed.alarms.is_empty());
    let (notes, _) = space.offer_crls(&[made(1, 0)], *NOW);
    assert!(matches!(notes[0].event, CrlEvent::GoesBack { .. }));
    // the directory holds the first one still, which is nobody's fault here
    assert!(space.refresh(*NOW).alarms.iter().all(|alarm| !alarm.contains("organisations.crl")));
}

#[test]
fn an_offered_revocation_list_that_lost_half_of_its_bytes_is_in_force_and_an_alarm() {
    let files = fetching();
    let space = files.open(*NOW);
    let made = |number, revoked: u8| {
        let revoked: Vec<_> = (1..=revoked).map(|serial| Serial::new(&[serial; 16])).collect();
        let authority = &DEMO.hierarchy.organisations;
        let bytes = authority.crl(&revoked, number, *NOW, *NOW + hours(24 * 7)).unwrap();
        [CrlFile { name: "http://host/x.crl".to_owned(), bytes }]
    };
    assert!(space.offer_crls(&made(2, 100), *NOW).1.alarms.iter().all(|alarm| !alarm.contains("shrank")));
    let (_, refreshed) = space.offer_crls(&made(3, 1), *NOW);
    assert!(refreshed.changed && refreshed.alarms.concat().contains("shrank from"), "{refreshed:?}");
    // it stays worth a look until the next one comes
    assert!(alarms(&space, *NOW + hours(1)).contains("shrank from"));
    assert!(!space.offer_crls(&made(4, 2), *NOW).1.alarms.concat().contains("shrank from"));
}

#[test]
fn a_signer_is_considered_then_accepted_durably_and_their_list_comes_into_force() {
    let files = fetching();
    let space = files.open(*NOW);
    space.offer_list(HOST, list(1, &rows()), *NOW).0.unwrap();
    let newcomer = newcomer();
    let theirs = sign_list(&newcomer, *NOW, &rows()[..2]).unwrap();
    assert!(space.offer_list(HOST, theirs.clone(), *NOW).0.is_err());
    let view = space.consider_signer(&name(&newcomer), *NOW);
    assert!(!view.accepted && view.candidates.len() == 1, "{view:?}");
    let candidate = &view.candidates[0];
    assert_eq!((candidate.source.as_str(), candidate.refused.as_deref()), (HOST, None));
    assert_eq!(candidate.changes.as_ref().unwrap().removed, [domain("autre.mssante.fr")]);
    assert_eq!(candidate.counts.unwrap().rows, 2);
    // considering changes nothing, another name neither
    assert!(lists(&space, "autre.mssante.fr"));
    assert_eq!(space.consider_signer(&accepted_signer(), *NOW).candidates, []);
    let refreshed = space.accept_signer(&name(&newcomer), "claire", *NOW).unwrap();
    assert!(refreshed.changed && refreshed.alarms.is_empty(), "{refreshed:?}");
    assert!(!lists(&space, "autre.mssante.fr"));
    let kept = &space.status(*NOW).signers[0];
    assert_eq!((&kept.name, kept.administrator.as_str(), kept.accepted), (&name(&newcomer), "claire", *NOW));
    // a restart knows both, whoever is configured; and checks of files know the signer too
    drop(space);
    let again = files.open(*NOW + hours(1));
    assert!(!lists(&again, "autre.mssante.fr") && alarms(&again, *NOW).is_empty());
    let settings = files.settings.clone().with_kept_signers();
    assert!(settings.signers.contains(&name(&newcomer)));
    assert!(again.consider_signer(&name(&newcomer), *NOW).accepted);
}

#[test]
fn a_signer_whose_certificate_is_no_good_lets_no_list_in_however_accepted() {
    let files = fetching();
    let space = files.open(*NOW);
    let expired = signer_leaf().lasting(*NOW - hours(48), *NOW - hours(24));
    let expired = DEMO.hierarchy.organisations.issue(&expired).unwrap();
    let theirs = sign_list(&expired, *NOW, &rows()).unwrap();
    assert!(space.offer_list(HOST, theirs, *NOW).0.is_err());
    space.accept_signer(&name(&expired), "claire", *NOW).unwrap();
    assert_eq!(space.list_id(), None);
    // a state that cannot be written accepts nobody
    fs::remove_dir_all(&files.settings.state).unwrap();
    fs::write(&files.settings.state, "a file is in the way").unwrap();
    assert!(space.accept_signer(&name(&newcomer()), "claire", *NOW).is_err());
    assert!(!space.consider_signer(&name(&newcomer()), *NOW).accepted);
}

#[test]
fn the_places_of_revocation_lists_are_those_that_trusted_certificates_name() {
    let files = fetching();
    let space = files.open(*NOW);
    let urls =
        |space: &TrustSpace| -> Vec<_> { space.crl_points(&[]).into_iter().map(|point| point.url).collect() };
    // the issuing authorities name the root's
    assert_eq!(urls(&space), [DEMO.hierarchy.root.crl_url()]);
    space.offer_list(HOST, list(1, &rows()), *NOW).0.unwrap();
    let point = space.crl_points(&[]).pop().unwrap();
    assert_eq!(point.url, DEMO.hierarchy.organisations.crl_url());
    assert!(point.issuer.contains("ORGANISATIONS") || point.issuer.contains("organisations"), "{point:?}");
    // a certificate of somebody else's authority names nothing here
    let foreign = demo_pki::Hierarchy::new(demo_pki::Space::Foreign, *NOW).unwrap();
    let foreign = foreign.organisations.issue(&signer_leaf()).unwrap();
    assert_eq!(space.crl_points(&[CertificateDer::from(foreign.der())]).len(), 2);
}

#[test]
fn what_a_fetcher_keeps_is_there_after_a_restart() {
    let files = fetching();
    let space = files.open(*NOW);
    assert_eq!(space.fetched(), None);
    space.keep_fetched(b"{}").unwrap();
    assert_eq!(files.open(*NOW).fetched().as_deref(), Some(&b"{}"[..]));
    assert!(TrustSpace::closed().keep_fetched(b"x").is_ok() && TrustSpace::closed().fetched().is_none());
}

#[test]
fn a_start_can_be_tried_on_a_copy_of_what_was_kept() {
    let files = fetching();
    let space = files.open(*NOW);
    space.offer_list(HOST, list(1, &rows()), *NOW).0.unwrap();
    space.accept_signer(&name(&newcomer()), "claire", *NOW).unwrap();
    fs::remove_dir_all(&files.settings.crls).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let settings = files.settings.clone().on_a_copy(copy.path()).unwrap();
    let tried = TrustSpace::open(settings, *NOW).unwrap();
    assert_eq!((alarms(&tried, *NOW), tried.list_id()), (String::new(), space.list_id()));
    assert_eq!(tried.status(*NOW).signers.len(), 1);
    // what is done there is not done here, and where nothing was kept there is nothing to copy
    tried.offer_list(HOST, list(0, &rows()[..2]), *NOW).0.unwrap();
    assert!(lists(&files.open(*NOW), "autre.mssante.fr"));
    let mut fresh = files.settings.clone();
    fresh.state = copy.path().join("absent");
    let empty = tempfile::tempdir().unwrap();
    assert!(TrustSpace::open(fresh.on_a_copy(empty.path()).unwrap(), *NOW).unwrap().list_id().is_none());
}
