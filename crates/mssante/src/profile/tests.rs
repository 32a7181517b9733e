//! Each type of box: a complete profile passes, and each thing taken away is named with its rule and code.

use super::*;
use crate::{Finess, Rpps};

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn domains() -> Vec<Domain> {
    vec![Domain::parse("chu-nord.mssante.fr").unwrap(), Domain::parse("medical.example.org").unwrap()]
}

fn complete(box_type: BoxType) -> Profile {
    let person = matches!(box_type, BoxType::Med | BoxType::Per | BoxType::Int);
    let shared = box_type.is_opened_by_people();
    let rpps = || NationalId::Rpps(Rpps::parse("99700218896").unwrap());
    let local = match box_type {
        BoxType::Med => None,
        BoxType::Per | BoxType::Int => Some("jean.dupont"),
        BoxType::Org => Some("cardiologie"),
        BoxType::App => Some("noreply-labo"),
    };
    Profile {
        box_type,
        login: address("jd@chu-nord.fr"),
        mssante: local.map(|local| address(&format!("{local}@chu-nord.mssante.fr"))),
        last_name: if person { "Dupont" } else { "Cardiologie" }.into(),
        first_name: if person { "Jean" } else { "Service" }.into(),
        region: "Hauts-de-France".into(),
        profession: "Médecin".into(),
        national_id: (box_type == BoxType::Per).then(rpps),
        structure: (shared || box_type == BoxType::Int)
            .then(|| StructureId::Finess(Finess::parse("310781406").unwrap())),
        local_id: (box_type == BoxType::Int).then(|| "L-42".into()),
        responsible: shared.then(|| Responsible {
            name: "Jean Dupont".into(),
            profession: "Médecin".into(),
            national_id: rpps(),
        }),
        description: shared.then(|| "Secrétariat de cardiologie".into()),
        return_address: (box_type == BoxType::App).then(|| address("cardiologie@chu-nord.mssante.fr")),
    }
}

fn openers(box_type: BoxType) -> &'static [BoxType] {
    if box_type.is_person() { &[] } else { &[BoxType::Per, BoxType::Int, BoxType::Med] }
}

/// What is wrong after `change`: field, rule and code of each error.
fn wrong(
    box_type: BoxType,
    change: impl FnOnce(&mut Profile),
) -> Vec<(&'static str, &'static str, Option<&'static str>)> {
    let mut profile = complete(box_type);
    change(&mut profile);
    let errors = profile.check(openers(box_type), &domains()).err().unwrap_or_default();
    errors.iter().map(|e| (e.field, e.rule, e.code)).collect()
}

#[test]
fn a_complete_profile_of_each_type_passes() {
    for box_type in BoxType::ALL {
        assert_eq!(complete(box_type).check(openers(box_type), &domains()), Ok(()), "{box_type}");
    }
}

#[test]
fn what_every_type_needs_is_asked_of_every_type() {
    for box_type in BoxType::ALL {
        let unnamed = wrong(box_type, |p| {
            p.mssante = None;
            p.last_name = " ".into();
            p.first_name.clear();
        });
        assert_eq!(
            unnamed,
            [("last_name", "S-1.2", Some("MSS018")), ("first_name", "S-1.2", Some("MSS019"))]
        );
        assert_eq!(wrong(box_type, |p| p.region.clear()), [("region", "S-1.2", None)]);
        assert_eq!(wrong(box_type, |p| p.profession.clear()), [("profession", "S-1.2", None)]);
        for login in ["x@chu-nord.mssante.fr", "x@chu-sud.mssante.fr", "x@medical.example.org"] {
            assert_eq!(wrong(box_type, |p| p.login = address(login)), [("login", "S-1.1", None)]);
        }
    }
}

#[test]
fn each_type_needs_what_is_its_own() {
    let s12 = |field, code| vec![(field, "S-1.2", code)];
    assert_eq!(wrong(BoxType::Per, |p| p.national_id = None), s12("national_id", Some("MSS007")));
    assert_eq!(wrong(BoxType::Int, |p| p.structure = None), s12("structure", Some("MSS012")));
    assert_eq!(wrong(BoxType::Int, |p| p.local_id = Some(String::new())), s12("local_id", None));
    for shared in [BoxType::Org, BoxType::App] {
        assert_eq!(wrong(shared, |p| p.structure = None), s12("structure", Some("MSS013")));
        assert_eq!(wrong(shared, |p| p.responsible = None), s12("responsible", Some("MSS028")));
        let nameless = |p: &mut Profile| p.responsible.as_mut().unwrap().name.clear();
        assert_eq!(wrong(shared, nameless), s12("responsible", Some("MSS028")));
        assert_eq!(wrong(shared, |p| p.description = None), s12("description", Some("MSS029")));
    }
    for bad in [
        None,
        Some("x@example.org"),
        Some("noreply-labo@chu-nord.mssante.fr"),
        Some("noreply-x@a.mssante.fr"),
    ] {
        assert_eq!(wrong(BoxType::App, |p| p.return_address = bad.map(address)), s12("return_address", None));
    }
}

#[test]
fn mssante_addresses_are_named_after_their_type() {
    let named = |box_type, local: &str| {
        wrong(box_type, |p| p.mssante = Some(address(&format!("{local}@chu-nord.mssante.fr"))))
    };
    let bad = [("mssante", "S-1.2", None)];
    for person in [BoxType::Per, BoxType::Int] {
        assert_eq!(named(person, "dupont.jean"), []);
        assert_eq!(named(person, "jean.dupont2"), []);
        assert_eq!(named(person, "cardiologie"), bad);
    }
    assert_eq!(named(BoxType::Org, "jean.dupont"), bad);
    assert_eq!(named(BoxType::Org, "secretariat.cardiologie"), []);
    assert_eq!(named(BoxType::App, "NePasRepondre-labo"), []);
    assert_eq!(named(BoxType::App, "labo"), bad);
    assert_eq!(named(BoxType::Med, "jean.dupont"), bad);
    let elsewhere = wrong(BoxType::Per, |p| p.mssante = Some(address("jean.dupont@chu-sud.mssante.fr")));
    assert_eq!(elsewhere, [("mssante", "S-1.1", None)]);
    assert_eq!(wrong(BoxType::Per, |p| p.mssante = Some(address("jean.dupont@medical.example.org"))), []);
}

#[test]
fn people_open_shared_boxes_and_nobody_opens_a_person() {
    for box_type in BoxType::ALL {
        for opener in BoxType::ALL {
            let good = box_type.is_opened_by_people() && opener.is_person();
            assert_eq!(
                complete(box_type).check(&[opener], &domains()).is_ok(),
                good,
                "{opener} opens {box_type}"
            );
        }
        assert_eq!(complete(box_type).check(&[], &domains()).is_ok(), box_type.is_person());
    }
}

#[test]
fn texts_are_bounded_and_plain() {
    let bad = [("texts", "S-1.2", None)];
    for text in ["a\nb".to_owned(), "é".repeat(MAX_TEXT + 1)] {
        assert_eq!(wrong(BoxType::Per, |p| p.region.clone_from(&text)), bad);
        assert_eq!(wrong(BoxType::Org, |p| p.description = Some(text.clone())), bad);
        assert_eq!(
            wrong(BoxType::Org, |p| p.responsible.as_mut().unwrap().profession.clone_from(&text)),
            bad
        );
    }
    assert_eq!(wrong(BoxType::Per, |p| p.region = "é".repeat(MAX_TEXT)), []);
}

#[test]
fn all_that_is_wrong_is_said_and_says_what_to_do() {
    let mut profile = complete(BoxType::Org);
    profile.last_name.clear();
    profile.structure = None;
    let errors = profile.check(&[BoxType::App], &domains()).unwrap_err();
    assert_eq!(errors.iter().map(|e| e.field).collect::<Vec<_>>(), ["last_name", "structure", "openers"]);
    assert_eq!(errors[0].to_string(), "last_name: write the last name (S-1.2, MSS018)");
    assert!(errors[2].to_string().ends_with("(S-1.7)"));
}

#[test]
fn rights_need_a_correspondence_and_a_type_that_has_one() {
    for box_type in BoxType::ALL {
        let mut profile = complete(box_type);
        let full = if box_type == BoxType::Med { Rights::Internal } else { Rights::Full };
        assert_eq!(profile.rights(), full);
        profile.mssante = None;
        assert_eq!(profile.rights(), Rights::Internal);
        profile.mssante = Some(address("jean.dupont@chu-nord.mssante.fr"));
        assert_eq!(profile.rights(), full);
    }
}

#[test]
fn own_addresses_are_the_login_and_the_mssante_one() {
    let profile = complete(BoxType::Per);
    assert!(
        profile.owns(&address("JD@chu-nord.fr")) && profile.owns(&address("Jean.Dupont@chu-nord.mssante.fr"))
    );
    assert!(!profile.owns(&address("jd@chu-nord.mssante.fr")));
}

#[test]
fn a_profile_reads_back_from_its_serde_form() {
    for box_type in BoxType::ALL {
        let profile = complete(box_type);
        let text = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), profile, "{text}");
    }
}
