//! A small operator that the tests of this room share: a store, a clock that they set, and its people.
//!
//! May use the public face of the crates. Must never decide what a test expects.

#![allow(dead_code)]

use std::sync::Arc;

use jiff::Timestamp;
use mssante::{Address, BoxType, Domain, Finess, NationalId, Profile, Responsible, Rpps, State, StructureId};
use store::{
    Account, AccountId, Action, Clock, Kind, ManualClock, MasterKey, OpenOptions, Outcome, Store, Trace,
    TraceId,
};
use tempfile::TempDir;

pub(crate) const DOCTOR: &str = "medecin.un@chu-nord.mssante.fr";
pub(crate) const DOCTOR_LOGIN: &str = "medecin.un@chu-nord.fr";
pub(crate) const INTERN: &str = "interne.deux@chu-nord.mssante.fr";
pub(crate) const DEPARTMENT: &str = "cardiologie@chu-nord.mssante.fr";
pub(crate) const POSTMASTER: &str = "postmaster@chu-nord.mssante.fr";
pub(crate) const SECRETARY: &str = "secretariat@cabinet-nord.fr";

/// The operator's store and what belongs to it.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) dir: TempDir,
}

impl House {
    /// With its people, at this instant.
    pub(crate) async fn open(now: Timestamp) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let master = MasterKey::create(&dir.path().join("master.key")).unwrap();
        let store = Store::open(OpenOptions {
            dir: dir.path().join("store"),
            master,
            clock: clock.clone(),
            settings: store::Settings::default(),
            create: Some(Kind::Production),
        })
        .unwrap();
        let house = Self { store, clock, dir };
        house.people().await;
        house
    }

    async fn people(&self) {
        let doctor = person(BoxType::Per, "Un", "Médecin", DOCTOR_LOGIN, Some(DOCTOR));
        let doctor = self.create(doctor, &[]).await;
        let intern = person(BoxType::Int, "Deux", "Interne", "interne.deux@chu-nord.fr", Some(INTERN));
        self.create(intern, &[]).await;
        let secretary = person(BoxType::Med, "Trois", "Secrétaire", SECRETARY, None);
        self.create(secretary, &[]).await;
        self.create(shared(BoxType::Org, "cardiologie@chu-nord.fr", DEPARTMENT), &[doctor.id]).await;
        self.create(shared(BoxType::Org, "postmaster@chu-nord.fr", POSTMASTER), &[doctor.id]).await;
    }

    pub(crate) async fn create(&self, profile: Profile, openers: &[AccountId]) -> Account {
        let created = self.store.create_account(profile, State::Valide, openers.to_vec(), self.trace());
        created.await.unwrap()
    }

    fn trace(&self) -> Trace {
        let at = self.clock.now();
        Trace {
            id: TraceId::new(at),
            at,
            action: Action::AccountCreate,
            person: None,
            acting_as: None,
            peer: None,
            outcome: Outcome::Done,
            detail: Vec::new(),
        }
    }

    pub(crate) async fn set_state(&self, address: &str, state: State) {
        let account = self.account(address);
        self.store.update_account(Account { state, ..account }, self.trace()).await.unwrap();
    }

    /// Allows an account so many messages in its boxes.
    pub(crate) async fn set_messages(&self, address: &str, most: u64) {
        let account = self.account(address);
        let quota = store::Quota { messages: Some(most), bytes: None };
        self.store.update_account(Account { quota, ..account }, self.trace()).await.unwrap();
    }

    pub(crate) async fn remove(&self, address: &str) {
        let account = self.account(address).id;
        self.store.remove_account(account, self.trace()).await.unwrap();
    }

    pub(crate) fn account(&self, address: &str) -> Account {
        let address = Address::parse(address).unwrap();
        self.store.reader().account_by_address(&address).unwrap().unwrap()
    }

    /// Every message of an account's INBOX, header and body.
    pub(crate) fn inbox(&self, address: &str) -> Vec<(String, Vec<u8>)> {
        let reader = self.store.reader();
        let inbox = reader.box_by_name(self.account(address).id, "INBOX").unwrap().unwrap();
        let entries = reader.messages(inbox.id).unwrap();
        let whole = entries.iter().map(|entry| {
            let header = reader.header(inbox.id, entry.uid).unwrap().unwrap();
            let source = reader.body(inbox.id, entry.uid).unwrap().unwrap();
            let mut body = Vec::new();
            while (body.len() as u64) < source.len() {
                body.extend_from_slice(&source.chunk(body.len() as u64).unwrap());
            }
            assert_eq!(entry.size, (header.len() + body.len()) as u64, "RFC822.SIZE is header and body");
            (String::from_utf8_lossy(&header).into_owned(), body)
        });
        whole.collect()
    }

    /// How many messages wait in any INBOX.
    pub(crate) fn kept(&self) -> usize {
        [DOCTOR, INTERN, DEPARTMENT, POSTMASTER, SECRETARY].iter().map(|box_| self.inbox(box_).len()).sum()
    }

    /// Waits for all that does not make its caller wait: lone traces, the removal of unfinished bodies.
    pub(crate) async fn settle(&self) {
        self.store
            .subscribe(self.account(SECRETARY).id, "INBOX", true, store::Actor::default())
            .await
            .unwrap();
    }

    pub(crate) async fn traces(&self, id: &str) -> Vec<Trace> {
        self.settle().await;
        self.store.reader().traces(&id.parse().unwrap()).unwrap()
    }

    /// Proves the store and closes it: every story ends so.
    pub(crate) async fn end(self) {
        self.settle().await;
        let Self { store, dir, .. } = self;
        store.prove().unwrap();
        store.close().unwrap();
        drop(dir);
    }
}

/// What the operator is called and how it sets the patients' domain.
pub(crate) fn settings() -> delivery::Settings {
    let domain = |text| Domain::parse(text).unwrap();
    let route = mssante::route::RouteSettings {
        test_identities: false,
        patient_domain: domain("patient.mssante.fr"),
        patient_robots: Vec::new(),
    };
    delivery::Settings::new("mail.chu-nord.fr", vec![domain("chu-nord.mssante.fr")], route)
}

pub(crate) fn person(
    box_type: BoxType,
    last_name: &str,
    first_name: &str,
    login: &str,
    mssante: Option<&str>,
) -> Profile {
    Profile {
        box_type,
        login: Address::parse(login).unwrap(),
        mssante: mssante.map(|text| Address::parse(text).unwrap()),
        last_name: last_name.into(),
        first_name: first_name.into(),
        region: "Hauts-de-France".into(),
        profession: "Médecin".into(),
        national_id: (box_type == BoxType::Per).then(rpps),
        structure: (box_type == BoxType::Int).then(finess),
        local_id: (box_type == BoxType::Int).then(|| "I-2".into()),
        responsible: None,
        description: None,
        return_address: None,
    }
}

/// An ORG or APP box.
pub(crate) fn shared(box_type: BoxType, login: &str, mssante: &str) -> Profile {
    Profile {
        national_id: None,
        structure: Some(finess()),
        responsible: Some(Responsible {
            name: "Médecin Un".into(),
            profession: "Médecin".into(),
            national_id: rpps(),
        }),
        description: Some("Service".into()),
        return_address: (box_type == BoxType::App).then(|| Address::parse(DEPARTMENT).unwrap()),
        ..person(box_type, "Cardiologie", "Service", login, Some(mssante))
    }
}

fn rpps() -> NationalId {
    NationalId::Rpps(Rpps::parse("99700218896").unwrap())
}

fn finess() -> StructureId {
    StructureId::Finess(Finess::parse("310781406").unwrap())
}
