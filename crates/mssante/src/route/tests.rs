//! Every combination of facts against the rules written down once more, in another way.

use std::collections::HashSet;

use super::*;
use crate::{Address, NearMiss, Tag};

const OUR: &str = "jean.dupont@chu-nord.mssante.fr";
const LOGIN: &str = "secretariat@cabinet-nord.fr";
const PEER: &str = "anne.martin@chu-sud.mssante.fr";
const LISTED: &str = "x@medical.apicrypt.org";
const UNLISTED: &str = "anne.martin@nowhere.mssante.fr";
const ORDINARY: &str = "someone@example.org";
const LOOK_ALIKE: &str = "someone@mssante-chu.example.org";

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn settings() -> RouteSettings {
    RouteSettings {
        test_identities: false,
        patient_domain: Domain::parse("patient.mssante.fr").unwrap(),
        patient_robots: vec!["Reponse.Automatique-test".into()],
    }
}

/// Every kind of recipient, with an address of that kind.
fn kinds() -> Vec<(Address, Place)> {
    let mut kinds = Vec::new();
    for rights in [Rights::Internal, Rights::Full] {
        kinds.push((address(OUR), Place::Local { rights, mssante: true }));
        kinds.push((address(LOGIN), Place::Local { rights, mssante: false }));
    }
    kinds.push((address("nobody@chu-nord.mssante.fr"), Place::UnknownLocal));
    kinds.push((address(PEER), Place::TrustSpace));
    kinds.push((address(LISTED), Place::TrustSpace));
    kinds.push((address(UNLISTED), Place::Unlisted));
    kinds.push((address(ORDINARY), Place::Outside));
    kinds.push((address(LOOK_ALIKE), Place::Outside));
    kinds
}

const TAGS: [Tag; 5] = [
    Tag::Present,
    Tag::Absent,
    Tag::NearMiss(NearMiss::Place),
    Tag::NearMiss(NearMiss::Space),
    Tag::NearMiss(NearMiss::Letters),
];

/// All lists of recipients of one, two and three kinds, and the empty one.
fn recipient_lists() -> Vec<Vec<(Address, Place)>> {
    let kinds = kinds();
    let mut lists = vec![Vec::new()];
    for a in &kinds {
        lists.push(vec![a.clone()]);
        for b in &kinds {
            lists.push(vec![a.clone(), b.clone()]);
            for c in &kinds {
                lists.push(vec![a.clone(), b.clone(), c.clone()]);
            }
        }
    }
    lists
}

fn for_every_fact(mut check: impl FnMut(&Facts<'_>)) -> usize {
    let mut count = 0;
    for recipients in &recipient_lists() {
        for rights in [Rights::Internal, Rights::Full] {
            for state in State::ALL {
                for tag in TAGS {
                    for answers in [Answers::Carried, Answers::LooksOursUnknown, Answers::No] {
                        for bits in 0..4 {
                            let (structure_all_secure, smart_host) = (bits & 1 == 1, bits & 2 == 2);
                            let sender = Sender { rights, state };
                            check(&Facts {
                                sender,
                                tag,
                                recipients,
                                answers,
                                structure_all_secure,
                                smart_host,
                            });
                            count += 1;
                        }
                    }
                }
            }
        }
    }
    count
}

/// What the rules say, as a list of statements; the first true one tells.
fn expected(facts: &Facts<'_>) -> Result<Option<Why>, Reason> {
    let any = |test: fn(&Place) -> bool| facts.recipients.iter().any(|(_, place)| test(place));
    let beyond = facts.recipients.iter().find_map(|(_, place)| match place {
        Place::Outside => Some(Reason::OutsideTrustSpace),
        Place::Unlisted => Some(Reason::UnlistedDomain),
        _ => None,
    });
    let secure = [
        (facts.tag == Tag::Present, Why::Tag),
        (
            any(|p| matches!(p, Place::TrustSpace | Place::Unlisted | Place::Local { mssante: true, .. })),
            Why::MssanteRecipient,
        ),
        (beyond.is_none(), Why::AllLocal),
        (facts.answers == Answers::Carried, Why::Answer),
        (facts.structure_all_secure, Why::Structure),
    ];
    let why = secure.iter().find(|(holds, _)| *holds).map(|(_, why)| *why);
    let first_wrong = facts.recipients.iter().find_map(|(_, place)| match place {
        Place::UnknownLocal => Some(Reason::UnknownRecipient),
        Place::TrustSpace | Place::Unlisted if facts.sender.rights == Rights::Internal => {
            Some(Reason::BeyondRights)
        }
        _ => None,
    });
    let near_miss = matches!(facts.tag, Tag::NearMiss(_));
    let look_alike = facts.recipients.iter().any(|(to, _)| to.domain().as_str().starts_with("mssante-"));
    let refusals = [
        (facts.recipients.is_empty(), Reason::NoRecipient),
        (facts.sender.state != State::Valide, Reason::SenderState),
        (first_wrong.is_some(), first_wrong.unwrap_or(Reason::NoRecipient)),
        (why.is_some() && beyond.is_some(), beyond.unwrap_or(Reason::NoRecipient)),
        (why.is_none() && near_miss, Reason::TagNearMiss),
        (why.is_none() && look_alike, Reason::DomainLookAlike),
        (why.is_none() && facts.answers == Answers::LooksOursUnknown, Reason::UnknownAnswer),
        (why.is_none() && !facts.smart_host, Reason::NotSecure),
    ];
    refusals.iter().find(|(holds, _)| *holds).map_or(Ok(why), |(_, reason)| Err(*reason))
}

#[test]
fn the_decision_follows_the_rules_for_every_combination_of_facts() {
    let mut seen = HashSet::new();
    let count = for_every_fact(|facts| {
        let decision = decide(facts);
        let got = match &decision {
            Decision::Secure(why) => Ok(Some(*why)),
            Decision::SmartHost => Ok(None),
            Decision::Refuse(refusal) => Err(refusal.reason),
        };
        assert_eq!(got, expected(facts), "{facts:?}");
        seen.insert(got);
    });
    assert_eq!(count, 1_111 * 600);
    assert_eq!(seen.len(), 3 + 1 + 10, "every outcome was reached: {seen:?}");
}

#[test]
fn nothing_that_may_be_secure_ever_leaves_in_clear() {
    for_every_fact(|facts| {
        let decision = decide(facts);
        let outside = facts.recipients.iter().find(|(_, place)| *place == Place::Outside);
        if decision == Decision::SmartHost {
            assert!(
                facts.smart_host && facts.tag == Tag::Absent && facts.answers == Answers::No,
                "{facts:?}"
            );
            assert!(!facts.structure_all_secure);
            assert!(facts.recipients.iter().all(|(to, _)| !to.domain().mentions_mssante()), "{facts:?}");
        }
        if matches!(decision, Decision::Secure(_)) {
            assert!(outside.is_none(), "a secure message stays in the trust space: {facts:?}");
            assert!(
                facts.recipients.iter().all(|(_, p)| *p != Place::Unlisted),
                "the list decides: {facts:?}"
            );
        }
        if let Decision::Refuse(refusal) = &decision
            && refusal.reason == Reason::OutsideTrustSpace
        {
            assert_eq!(
                refusal.recipient.as_ref(),
                outside.map(|(to, _)| to),
                "the first one outside is named"
            );
        }
    });
}

#[test]
fn a_forged_reference_gives_no_right() {
    for_every_fact(|facts| {
        let without = decide(&Facts { answers: Answers::No, ..*facts });
        let with = decide(facts);
        if with == Decision::SmartHost {
            assert_eq!(without, Decision::SmartHost);
        }
        if matches!(with, Decision::Secure(_)) && facts.recipients.iter().any(|(_, p)| *p == Place::Outside) {
            panic!("an answer let a recipient outside in: {facts:?}");
        }
    });
}

#[test]
fn refusals_are_ascii_in_two_languages_name_the_recipient_and_fit_in_a_line() {
    let longest =
        format!("{}é@{}.fr", "a".repeat(62), ["b".repeat(60), "c".repeat(60), "d".repeat(60)].join("."));
    let longest = address(&longest);
    for_every_fact(|facts| {
        if let Decision::Refuse(refusal) = decide(facts) {
            assert_legible(&refusal);
        }
    });
    for place in [Place::UnknownLocal, Place::TrustSpace, Place::Unlisted, Place::Outside] {
        for rights in [Rights::Internal, Rights::Full] {
            let sender = Sender { rights, state: State::Valide };
            let recipients = [(longest.clone(), place)];
            let (tag, answers) = (Tag::Present, Answers::No);
            let facts = Facts {
                sender,
                tag,
                recipients: &recipients,
                answers,
                structure_all_secure: false,
                smart_host: false,
            };
            for tag in TAGS {
                if let Decision::Refuse(refusal) = decide(&Facts { tag, ..facts }) {
                    assert_legible(&refusal);
                }
            }
        }
    }
}

fn assert_legible(refusal: &Refusal) {
    for text in [&refusal.en, &refusal.fr] {
        assert!(text.is_ascii() && !text.bytes().any(|b| b.is_ascii_control()), "{text}");
        assert!("550-5.7.1 \r\n".len() + text.len() <= 512, "{} octets: {text}", text.len());
    }
    assert_ne!(refusal.en, refusal.fr);
    let class = if refusal.reason == Reason::NoRecipient { 554 } else { 550 };
    assert!(refusal.code == class && refusal.status.starts_with("5."));
}

#[test]
fn rcpt_judges_rights_and_existence_for_every_sender_and_place() {
    for (to, place) in kinds() {
        for rights in [Rights::Internal, Rights::Full] {
            for state in State::ALL {
                let reason = match place {
                    _ if state != State::Valide => Some(Reason::SenderState),
                    Place::UnknownLocal => Some(Reason::UnknownRecipient),
                    Place::TrustSpace | Place::Unlisted if rights == Rights::Internal => {
                        Some(Reason::BeyondRights)
                    }
                    _ => None,
                };
                let got = recipient(&Sender { rights, state }, &to, place, &settings());
                assert_eq!(got.err().map(|r| r.reason), reason, "{to} {place:?} {rights} {state}");
            }
        }
    }
}

#[test]
fn trust_follows_the_list_and_never_the_suffix() {
    for (text, unlisted) in [
        (PEER, Place::Unlisted),
        ("x@mssante.fr", Place::Unlisted),
        ("269054958815780@patient.mssante.fr", Place::Unlisted),
        (LISTED, Place::Outside),
        (ORDINARY, Place::Outside),
        (LOOK_ALIKE, Place::Outside),
        ("x@mssante.fr.example.org", Place::Outside),
        ("x@notmssante.fr", Place::Outside),
    ] {
        assert_eq!(beyond(&address(text), true, &settings()), Place::TrustSpace, "{text}");
        assert_eq!(beyond(&address(text), false, &settings()), unlisted, "{text}");
    }
    let elsewhere =
        RouteSettings { patient_domain: Domain::parse("patients.example.org").unwrap(), ..settings() };
    assert_eq!(beyond(&address("x@patients.example.org"), false, &elsewhere), Place::Unlisted);
}

#[test]
fn the_unlisted_recipient_is_named() {
    let recipients = [(address(PEER), Place::TrustSpace), (address(UNLISTED), Place::Unlisted)];
    let sender = Sender { rights: Rights::Full, state: State::Valide };
    let facts = Facts {
        sender,
        tag: Tag::Absent,
        recipients: &recipients,
        answers: Answers::No,
        structure_all_secure: false,
        smart_host: true,
    };
    let Decision::Refuse(refusal) = decide(&facts) else { panic!("it left") };
    assert_eq!((refusal.status, refusal.reason), ("5.7.1", Reason::UnlistedDomain));
    assert_eq!(refusal.recipient, Some(address(UNLISTED)));
    assert!(refusal.en.contains(UNLISTED) && refusal.fr.contains(UNLISTED));
}

#[test]
fn patients_have_a_number_whose_key_is_right() {
    let full = Sender { rights: Rights::Full, state: State::Valide };
    let judge = |local: &str, sender: &Sender, settings: &RouteSettings| {
        let to = address(&format!("{local}@Patient.MSSante.fr"));
        recipient(sender, &to, Place::TrustSpace, settings)
            .err()
            .map(|refusal| (refusal.status, refusal.reason))
    };
    let wrong = Some(("5.1.3", Reason::PatientNumber));
    let tests = RouteSettings { test_identities: true, ..settings() };
    for (local, strict, lenient) in [
        ("269054958815780", None, None),
        ("195032a00400144", None, None),
        ("reponse.automatique-TEST", None, None),
        ("269054958815781", wrong, None),
        ("26905495881578", wrong, wrong),
        ("jean.dupont", wrong, wrong),
    ] {
        assert_eq!(judge(local, &full, &settings()), strict, "{local}");
        assert_eq!(judge(local, &full, &tests), lenient, "{local}");
    }
    let internal = Sender { rights: Rights::Internal, ..full };
    assert_eq!(judge("269054958815780", &internal, &settings()), Some(("5.7.1", Reason::BeyondRights)));
}

#[test]
fn a_refusal_never_shows_a_patient_number_in_debug() {
    let to = address("269054958815781@patient.mssante.fr");
    let sender = Sender { rights: Rights::Full, state: State::Valide };
    let refusal = recipient(&sender, &to, Place::TrustSpace, &settings()).unwrap_err();
    assert!(!format!("{refusal:?}").contains("2690"), "{refusal:?}");
    assert!(refusal.to_string().starts_with("550 5.1.3 "));
}

#[test]
fn machine_names_differ() {
    let reasons = [
        Reason::SenderState,
        Reason::BeyondRights,
        Reason::PatientNumber,
        Reason::UnknownRecipient,
        Reason::NoRecipient,
        Reason::OutsideTrustSpace,
        Reason::UnlistedDomain,
        Reason::TagNearMiss,
        Reason::DomainLookAlike,
        Reason::UnknownAnswer,
        Reason::NotSecure,
    ];
    let names: HashSet<String> = reasons.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), reasons.len());
    let whys = [Why::Tag, Why::MssanteRecipient, Why::AllLocal, Why::Answer, Why::Structure];
    assert_eq!(whys.iter().map(|why| why.as_str()).collect::<HashSet<_>>().len(), whys.len());
}
