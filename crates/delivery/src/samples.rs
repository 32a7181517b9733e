//! Accounts and settings that the unit tests of this room share.

use jiff::Timestamp;
use mssante::{
    Address, BoxType, Domain, Finess, Profile, State, StructureId, WhiteList, route::RouteSettings,
    whitelist::Row,
};
use store::{Account, AccountId};

use crate::{
    connector::{Connector, Deliver},
    settings::Settings,
};

pub(crate) const DOCTOR: &str = "medecin.un@chu-nord.mssante.fr";
pub(crate) const DOCTOR_LOGIN: &str = "medecin.un@chu-nord.fr";
pub(crate) const SECRETARY: &str = "secretariat@cabinet-nord.fr";

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn settings() -> Settings {
    let domain = |text| Domain::parse(text).unwrap();
    let route = RouteSettings {
        test_identities: false,
        patient_domain: domain("patient.mssante.fr"),
        patient_robots: Vec::new(),
    };
    Settings::new("mail.chu-nord.fr", vec![domain("chu-nord.mssante.fr")], route)
}

/// A list with one other operator's domain, and one that is not under `mssante.fr`.
pub(crate) fn list() -> WhiteList {
    let row = |domain: &str| Row {
        domain: domain.into(),
        description: String::new(),
        dn: "CN=smtp.chu-sud.fr,OU=1130000000,O=CHU SUD,ST=Var (83),C=FR".into(),
        responsible: String::new(),
        support: String::new(),
        updated: Timestamp::UNIX_EPOCH,
    };
    let rows = ["chu-nord.mssante.fr", "chu-sud.mssante.fr", "mssante.apicrypt.org"].map(row);
    WhiteList::build(Timestamp::UNIX_EPOCH, rows.to_vec()).unwrap().0
}

/// A PER account with an MSSanté address, or a MED account without.
pub(crate) fn account(login: &str, mssante: Option<&str>) -> Account {
    let profile = Profile {
        box_type: if mssante.is_some() { BoxType::Per } else { BoxType::Med },
        login: address(login),
        mssante: mssante.map(address),
        last_name: "Un".into(),
        first_name: "Médecin".into(),
        region: "Hauts-de-France".into(),
        profession: "Médecin".into(),
        national_id: None,
        structure: None,
        local_id: None,
        responsible: None,
        description: None,
        return_address: None,
    };
    Account {
        id: AccountId::new(1),
        profile,
        state: State::Valide,
        openers: Vec::new(),
        quota: store::Quota::default(),
        created: Timestamp::UNIX_EPOCH,
        version: 1,
    }
}

/// The hospital's own server.
pub(crate) fn connector() -> Connector {
    Connector {
        name: "chu".into(),
        structure: StructureId::Finess(Finess::parse("350000022").unwrap()),
        domains: vec![Domain::parse("chu-nord.fr").unwrap()],
        pins: pki::Pins::new("chu".into(), Vec::new()),
        login: false,
        users: Vec::new(),
        smart_host: false,
        all_secure: false,
        reports: None,
        deliver: Deliver::Box,
    }
}

pub(crate) fn doctor() -> Account {
    account(DOCTOR_LOGIN, Some(DOCTOR))
}

pub(crate) fn secretary() -> Account {
    account(SECRETARY, None)
}
