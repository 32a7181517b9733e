//! The six accounts of `nord`, a hospital. Pure data.

use mssante::BoxType;

use super::{House, Person};

/// Who sends the report, by login address.
pub(crate) const DOCTOR: &str = "medecin.un@chu-nord.fr";

/// The doctor's MSSanté address, under which the report is seen (S-3.5).
pub(crate) const DOCTOR_MSSANTE: &str = "medecin.un@chu-nord.mssante.fr";

/// The department at the same hospital.
pub(crate) const CARDIOLOGY: &str = "cardiologie@chu-nord.mssante.fr";

const INTERN: &str = "interne.deux@chu-nord.fr";

const HOUSE: House =
    House { region: "Hauts-de-France", finess: "590000014", responsible: ("Camille Exemple", "10001001030") };

/// The six, in an order in which openers come first.
pub(crate) fn people() -> [Person; 6] {
    let openers = &[DOCTOR, INTERN];
    let cardiology = HOUSE.department(
        "cardiologie@chu-nord.fr",
        CARDIOLOGY,
        "Cardiologie",
        "Courrier du service de cardiologie",
    );
    let laboratory = HOUSE.software(
        "noreply-labo@chu-nord.fr",
        "noreply-labo@chu-nord.mssante.fr",
        "Laboratoire",
        "Envoi des résultats du laboratoire",
        CARDIOLOGY,
    );
    let postmaster = HOUSE.department(
        "postmaster@chu-nord.fr",
        "postmaster@chu-nord.mssante.fr",
        "Postmaster",
        "Messages des autres opérateurs",
    );
    [
        Person {
            profile: HOUSE.doctor(DOCTOR, DOCTOR_MSSANTE, "Un", "10001001014"),
            openers: &[],
            what: ("PER: a doctor", "PER : un médecin"),
        },
        Person {
            profile: HOUSE.intern(INTERN, "interne.deux@chu-nord.mssante.fr", "Deux", "INT-0002"),
            openers: &[],
            what: ("INT: waiting for an RPPS", "INT : sans RPPS encore"),
        },
        Person {
            profile: cardiology,
            openers,
            what: ("ORG: opened by the two above", "ORG : ouverte par les deux premiers"),
        },
        Person {
            profile: laboratory,
            openers,
            what: ("APP: software, no password", "APP : un logiciel, sans mot de passe"),
        },
        Person {
            profile: HOUSE.person(
                BoxType::Med,
                "secretariat@cabinet-nord.fr",
                "Nord",
                "Secrétariat",
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
