//! The six accounts of `sud`, a private clinic. Pure data.

use mssante::BoxType;

use super::{House, Person};

/// Who reads the report, by login address.
pub(crate) const INTERN: &str = "interne.quatre@clinique-sud.fr";

/// The box that receives it.
pub(crate) const EMERGENCIES: &str = "urgences@clinique-sud.mssante.fr";

const DOCTOR: &str = "medecin.trois@clinique-sud.fr";

const HOUSE: House = House {
    region: "Provence-Alpes-Côte d'Azur",
    finess: "130000029",
    responsible: ("Dominique Modèle", "10001001048"),
};

/// The six, in an order in which openers come first.
pub(crate) fn people() -> [Person; 6] {
    let openers = &[DOCTOR, INTERN];
    let emergencies =
        HOUSE.department("urgences@clinique-sud.fr", EMERGENCIES, "Urgences", "Courrier des urgences");
    let imaging = HOUSE.software(
        "nepasrepondre-imagerie@clinique-sud.fr",
        "nepasrepondre-imagerie@clinique-sud.mssante.fr",
        "Imagerie",
        "Envoi des comptes rendus d'imagerie",
        EMERGENCIES,
    );
    let postmaster = HOUSE.department(
        "postmaster@clinique-sud.fr",
        "postmaster@clinique-sud.mssante.fr",
        "Postmaster",
        "Messages des autres opérateurs",
    );
    [
        Person {
            profile: HOUSE.doctor(DOCTOR, "medecin.trois@clinique-sud.mssante.fr", "Trois", "10001001055"),
            openers: &[],
            what: ("PER: a doctor", "PER : un médecin"),
        },
        Person {
            profile: HOUSE.intern(INTERN, "interne.quatre@clinique-sud.mssante.fr", "Quatre", "INT-0004"),
            openers: &[],
            what: ("INT: waiting for an RPPS", "INT : sans RPPS encore"),
        },
        Person {
            profile: emergencies,
            openers,
            what: ("ORG: opened by the two above", "ORG : ouverte par les deux premiers"),
        },
        Person {
            profile: imaging,
            openers,
            what: ("APP: software, no password", "APP : un logiciel, sans mot de passe"),
        },
        Person {
            profile: HOUSE.person(
                BoxType::Med,
                "accueil@cabinet-sud.fr",
                "Sud",
                "Accueil",
                "Secrétaire médicale",
            ),
            openers: &[],
            what: ("MED: inside this operator only", "MED : chez cet opérateur seulement"),
        },
        Person {
            profile: postmaster,
            openers,
            what: ("ORG: other operators write there", "ORG : les autres opérateurs y écrivent"),
        },
    ]
}
