//! Which lists are taken, which replace another, and how long one serves (M-4).

use std::fs;

use demo_pki::{Crl as CrlToBe, Serial, Space};
use proptest::prelude::*;

use super::*;
use crate::samples::{GRACE, Sample, file, hours, now};

fn secs(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

/// A list of ORGANISATIONS.
struct Maker(Sample);

impl Maker {
    fn new() -> Self {
        Self(Sample::demo())
    }

    fn list(&self, number: u64, this_update: Timestamp, revoked: &[Serial]) -> CrlFile {
        file(
            self.0
                .hierarchy
                .organisations
                .crl(revoked, number, this_update, this_update + hours(24))
                .unwrap(),
        )
    }

    fn update(&self, known: &Revocations, offered: &[CrlFile]) -> (Revocations, Vec<CrlEvent>) {
        let (next, notes) = known.update(offered, &self.0.authorities, now());
        for note in &notes {
            assert!(!note.to_string().is_empty() && note.source == "offered.crl");
        }
        (next, notes.into_iter().map(|note| note.event).collect())
    }

    /// What becomes of a list where none is.
    fn first(&self, offered: &[u8]) -> CrlEvent {
        let (next, mut events) = self.update(&Revocations::none(), &[file(offered.to_vec())]);
        assert_eq!(events.len(), 1);
        let event = events.remove(0);
        assert_eq!(next.lists().count() == 1, matches!(event, CrlEvent::Accepted { .. }));
        event
    }
}

fn serials(count: u8) -> Vec<Serial> {
    (1..=count).map(|n| Serial::new(&[n; 16])).collect()
}

#[test]
fn a_list_is_taken_as_der_or_pem_and_says_what_it_holds() {
    let maker = Maker::new();
    let this = now() - hours(1);
    let der = maker.list(7, this, &serials(3));
    let (taken, events) = maker.update(&Revocations::none(), std::slice::from_ref(&der));
    assert!(matches!(events.as_slice(), [CrlEvent::Accepted { revoked: 3, .. }]));
    let crl = taken.lists().next().unwrap();
    assert_eq!((crl.number().to_string().as_str(), crl.count()), ("7", 3));
    assert_eq!((crl.this_update(), crl.next_update()), (this, this + hours(24)));
    assert!(crl.issuer().to_lowercase().contains("organisations"));
    assert_eq!(crl.der(), der.bytes);
    assert!(crl.file_name().ends_with(".crl"));
    let of = |serial: &Serial| crl.revoked(&Number::of(serial.as_bytes()).unwrap());
    assert_eq!(of(&serials(2)[1]), Some(this));
    assert_eq!(of(&Serial::new(&[9])), None);
    // the root and PERSONNES have none
    assert_eq!(taken.missing(&maker.0.authorities).count(), 2);

    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &der.bytes);
    let pem = format!("-----BEGIN X509 CRL-----\n{text}\n-----END X509 CRL-----\n");
    assert!(matches!(maker.first(pem.as_bytes()), CrlEvent::Accepted { .. }));
    let (_, events) = maker.update(&taken, &[file(pem.into_bytes()), der]);
    assert!(matches!(events.as_slice(), [CrlEvent::Unchanged { .. }, CrlEvent::Unchanged { .. }]));
}

#[test]
fn what_is_no_list_is_said_to_be_none() {
    let maker = Maker::new();
    let good = maker.list(1, now(), &serials(2)).bytes;
    let longer = [good.as_slice(), b"\n"].concat();
    for bytes in [
        b"".as_slice(),
        b"<!DOCTYPE html><html><body>403 Forbidden</body></html>",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN X509 CRL-----\n*\n-----END X509 CRL-----\n",
        &good[..good.len() - 1],
        &longer,
        maker.0.hierarchy.organisations.certificate(),
    ] {
        assert!(matches!(maker.first(bytes), CrlEvent::Refused(CrlFault::NotACrl(_))));
    }
    let huge = usize::try_from(MAX_CRL_BYTES).unwrap() + 1;
    assert_eq!(maker.first(&vec![0x30; huge]), CrlEvent::TooLarge);
}

#[test]
fn only_a_known_authoritys_signature_counts() {
    let maker = Maker::new();
    let other = |space| {
        let other = Sample::new(space);
        other.hierarchy.organisations.crl(&[], 1, now(), now() + hours(1)).unwrap()
    };
    let foreign = maker.first(&other(Space::Foreign));
    assert!(matches!(foreign, CrlEvent::Refused(CrlFault::UnknownAuthority { .. })));
    let impostor = maker.first(&other(Space::Impostor));
    assert!(matches!(impostor, CrlEvent::Refused(CrlFault::BadSignature { .. })));
}

#[test]
fn no_altered_byte_of_a_list_is_accepted() {
    let maker = Maker::new();
    let good = maker.list(1, now(), &serials(2)).bytes;
    Crl::read(&good, &maker.0.authorities).unwrap();
    // the signature is 256 bytes; before it stand its own header and the algorithm, which nothing signs
    let frame = |at: usize| at < 4 || (good.len() - 256 - 24..good.len() - 256).contains(&at);
    for at in 0..good.len() {
        for flip in 1..=255_u8 {
            // all values of the bytes that no signature covers, two of the others
            if !frame(at) && ![1, 0x80].contains(&flip) {
                continue;
            }
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            assert!(Crl::read(&bytes, &maker.0.authorities).is_err(), "byte {at} ^ {flip:#x}");
        }
    }
}

#[test]
fn delta_and_indirect_lists_do_not_serve() {
    let maker = Maker::new();
    let list = |delta_of, indirect| {
        let revoked = Vec::new();
        let (this_update, next_update) = (now(), now() + hours(24));
        let crl = CrlToBe { revoked, number: 2, this_update, next_update, delta_of, indirect, point: None };
        maker.0.hierarchy.organisations.crl_of(&crl).unwrap()
    };
    assert_eq!(maker.first(&list(Some(1), false)), CrlEvent::Refused(CrlFault::Delta));
    assert_eq!(maker.first(&list(None, true)), CrlEvent::Refused(CrlFault::Indirect));
    let alarm = |fault| CrlNote { source: String::new(), event: CrlEvent::Refused(fault) }.is_alarm();
    // an authority may publish deltas beside its lists: they are left alone
    assert!(!alarm(CrlFault::Delta) && alarm(CrlFault::Indirect));
}

#[test]
fn a_list_never_goes_back() {
    let maker = Maker::new();
    let (in_force, _) = maker.update(&Revocations::none(), &[maker.list(5, now() - hours(2), &serials(1))]);
    let older = [
        maker.list(4, now(), &[]),
        maker.list(5, now(), &[]),
        maker.list(6, now() - hours(2) - secs(1), &[]),
    ];
    for list in older {
        let (next, events) = maker.update(&in_force, &[list]);
        assert!(matches!(events.as_slice(), [CrlEvent::GoesBack { .. }]), "{events:?}");
        assert_eq!(next.lists().next().unwrap().count(), 1);
    }
    let (next, events) = maker.update(&in_force, &[maker.list(6, now() - hours(2), &[])]);
    assert!(matches!(events.as_slice(), [CrlEvent::Accepted { revoked: 0, .. }]));
    assert_eq!(next.lists().next().unwrap().number().to_string(), "6");
    // several at once, the newest first in the directory: it is the one that stays, without an alarm
    let several = [maker.list(9, now(), &serials(2)), maker.list(8, now() - hours(1), &serials(1))];
    let (next, events) = maker.update(&in_force, &several);
    assert!(events.iter().all(|event| matches!(event, CrlEvent::Accepted { .. })), "{events:?}");
    assert_eq!(next.lists().next().unwrap().number().to_string(), "9");
    // nor is there one while they stay there, or once the service starts again
    for known in [&next, &maker.update(&Revocations::none(), &several[..1]).0] {
        let (again, events) = maker.update(known, &several);
        assert!(matches!(events.as_slice(), [CrlEvent::Unchanged { .. }]), "{events:?}");
        assert_eq!(again.lists().next().unwrap().number().to_string(), "9");
    }
}

#[test]
fn a_list_from_the_future_waits() {
    let maker = Maker::new();
    let list = |skew| maker.list(1, now() + skew, &[]).bytes;
    assert!(matches!(maker.first(&list(MAX_CLOCK_SKEW)), CrlEvent::Accepted { .. }));
    assert!(matches!(maker.first(&list(MAX_CLOCK_SKEW + secs(1))), CrlEvent::FromTheFuture { .. }));
}

#[test]
fn a_list_that_loses_half_of_itself_is_taken_with_an_alarm() {
    let maker = Maker::new();
    let (many, _) = maker.update(&Revocations::none(), &[maker.list(1, now() - hours(1), &serials(60))]);
    let alarmed = |count| {
        let (_, notes) = many.update(&[maker.list(2, now(), &serials(count))], &maker.0.authorities, now());
        notes.iter().any(CrlNote::is_alarm)
    };
    assert!(!alarmed(60) && !alarmed(45));
    assert!(alarmed(2));
    let (next, _) = maker.update(&many, &[maker.list(2, now(), &[])]);
    assert_eq!(next.lists().next().unwrap().count(), 0);
}

#[test]
fn the_last_list_serves_through_its_grace_and_no_longer() {
    let maker = Maker::new();
    let (lists, _) = maker.update(&Revocations::none(), &[maker.list(1, now(), &serials(1))]);
    let crl = lists.lists().next().unwrap();
    let organisations = maker.0.authorities.all().find(|found| found.id() == crl.authority()).unwrap();
    let judge = |serial: &Serial, at| {
        let serial = Number::of(serial.as_bytes()).unwrap();
        let (authority, issuer) = (organisations.id(), organisations.name());
        lists.judge(
            &IssuedBy { authority, issuer, serial: &serial, is_authority: false, points: &[] },
            at,
            GRACE,
            false,
        )
    };
    let other = Serial::new(&[0x77]);
    let due = now() + hours(24);
    for (at, state) in [
        (due, CrlState::Valid),
        (due + secs(1), CrlState::InGrace),
        (due + GRACE, CrlState::InGrace),
        (due + GRACE + secs(1), CrlState::Stale),
    ] {
        assert_eq!(crl.state(at, GRACE), state);
        let verdict = judge(&other, at).map_err(|error| error.reason());
        assert_eq!(verdict, if state == CrlState::Stale { Err("revocation-stale") } else { Ok(due + GRACE) });
        // who was revoked stays so, however old the list
        assert_eq!(judge(&serials(1)[0], at).unwrap_err().reason(), "revoked");
    }
}

#[test]
fn the_list_of_an_authority_that_is_gone_goes_too() {
    let maker = Maker::new();
    let (lists, _) = maker.update(&Revocations::none(), &[maker.list(1, now(), &[])]);
    let (next, notes) = lists.update(&[], &Authorities::none(), now());
    assert_eq!(next.lists().count(), 0);
    assert!(matches!(notes.as_slice(), [CrlNote { event: CrlEvent::AuthorityGone { .. }, .. }]));
}

#[test]
fn a_directory_is_read_within_bounds() {
    let maker = Maker::new();
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    write("organisations.crl", &maker.list(1, now(), &[]).bytes);
    write("page.crl", b"<html>");
    write(".hidden", b"?");
    fs::create_dir(dir.path().join("sub")).unwrap();
    let huge = fs::File::create(dir.path().join("z.crl")).unwrap();
    huge.set_len(MAX_CRL_BYTES + 1).unwrap();
    let (files, notes) = CrlFile::read_all(dir.path());
    assert_eq!(files.len(), 2);
    assert!(matches!(notes.as_slice(), [CrlNote { event: CrlEvent::TooLarge, .. }]));
    let (next, notes) = Revocations::none().update(&files, &maker.0.authorities, now());
    assert_eq!((next.lists().count(), notes.iter().filter(|note| note.is_alarm()).count()), (1, 1));
    for at in 0..crate::files::MAX_FILES {
        write(&format!("0{at}"), b"");
    }
    let (files, notes) = CrlFile::read_all(dir.path());
    assert_eq!(files.len(), crate::files::MAX_FILES);
    assert!(matches!(notes.as_slice(), [CrlNote { event: CrlEvent::TooMany, .. }]));
    let (files, notes) = CrlFile::read_all(&dir.path().join("absent"));
    assert!(files.is_empty() && matches!(notes.as_slice(), [CrlNote { event: CrlEvent::Unreadable(_), .. }]));
}

#[test]
fn numbers_compare_as_numbers() {
    let number = |bytes: &[u8]| Number::of(bytes).unwrap();
    assert!(number(&[9]) < number(&[1, 0]));
    assert_eq!(number(&[0, 9]), number(&[9]));
    assert_eq!((number(&[0]).to_string().as_str(), number(&[0]).hex().as_str()), ("0", "00"));
    assert_eq!(number(&[1, 0, 0]).to_string(), "65536");
    assert_eq!(number(&[0x7F; 20]).to_string(), format!("0x{}", "7f".repeat(20)));
    assert_eq!(Number::of(&[]), None);
    assert_eq!(Number::of(&[0x80]), None);
    assert_eq!(Number::of(&[1; 22]), None);
}

#[test]
fn any_piece_of_a_list_is_read_without_panic() {
    let maker = Maker::new();
    let good = maker.list(1, now(), &serials(2)).bytes;
    for at in 0..good.len() {
        assert!(Crl::read(&good[..at], &maker.0.authorities).is_err());
        assert!(Crl::read(&good[at + 1..], &maker.0.authorities).is_err());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Crl::read(&bytes, &Authorities::none()).is_err());
        let framed = [&[0x30, 0x82, 1, 44][..], &bytes].concat();
        prop_assert!(Crl::read(&framed, &Authorities::none()).is_err());
    }
}

mod by_hand;

#[test]
fn a_list_of_one_distribution_point_covers_what_names_it_and_nothing_else() {
    let maker = Maker::new();
    let organisations = &maker.0.hierarchy.organisations;
    let of_point = |point: &str, number, revoked: &[Serial]| {
        let (this_update, next_update) = (now(), now() + hours(24));
        let (revoked, point) = (revoked.to_vec(), Some(point.to_owned()));
        let crl =
            CrlToBe { revoked, number, this_update, next_update, delta_of: None, indirect: false, point };
        file(organisations.crl_of(&crl).unwrap())
    };
    let here = organisations.crl_url();
    let root = file(maker.0.hierarchy.root.crl(&[], 1, now(), now() + hours(24)).unwrap());
    let (chain, serial) = maker.0.issue(&maker.0.leaf());
    let judge = |lists: &Revocations| {
        maker.0.judge(lists).chain(&chain, crate::path::Usage::Server, now()).map(|_| ())
    };
    // another point's list says nothing of it, whatever it says
    let (elsewhere, _) = maker.update(
        &Revocations::none(),
        &[root.clone(), of_point("http://elsewhere.invalid/2.crl", 9, std::slice::from_ref(&serial))],
    );
    assert!(matches!(judge(&elsewhere), Err(Distrust::RevocationUnknown { .. })));
    // its own does, beside the other: numbers of one are not compared with those of the other
    let (both, events) = maker.update(&elsewhere, &[of_point(here, 1, &[])]);
    assert!(matches!(events.as_slice(), [CrlEvent::Accepted { .. }]), "{events:?}");
    assert_eq!((both.lists().count(), judge(&both)), (3, Ok(())));
    let files: std::collections::BTreeSet<_> = both.lists().map(Crl::file_name).collect();
    assert_eq!(files.len(), 3, "each has a file of its own");
    let shown: Vec<_> = both.lists().filter_map(Crl::part).collect();
    assert!(shown.contains(&here.to_owned()), "{shown:?}");
    let (revoked, _) = maker.update(&both, &[of_point(here, 2, std::slice::from_ref(&serial))]);
    assert!(matches!(judge(&revoked), Err(Distrust::Revoked { .. })));
    // and a complete one beside them cannot take that back
    let (complete, _) = maker.update(&revoked, &[maker.list(1, now(), &[])]);
    assert!(matches!(judge(&complete), Err(Distrust::Revoked { .. })));
}
