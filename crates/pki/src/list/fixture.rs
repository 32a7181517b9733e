//! What the tests of lists share: one demonstration hierarchy, its signer, and a small signed list. Keys are made once.

#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use demo_pki::{Attribute, Form, Hierarchy, Issued, Leaf, Name, Row, Space, sign_document, sign_list};
use jiff::{SignedDuration, Timestamp};
use mssante::dn::DistinguishedName;

/// When the tests happen.
pub(crate) static NOW: LazyLock<Timestamp> = LazyLock::new(|| "2026-06-01T08:00:00Z".parse().unwrap());

pub(crate) static DEMO: LazyLock<Demo> = LazyLock::new(|| {
    let hierarchy = Hierarchy::new(Space::Demonstration, *NOW).unwrap();
    let signer = hierarchy.organisations.issue(&signer_leaf()).unwrap();
    Demo { hierarchy, signer }
});

pub(crate) struct Demo {
    pub(crate) hierarchy: Hierarchy,
    pub(crate) signer: Issued,
}

pub(crate) fn signer_leaf() -> Leaf {
    Leaf::signer(signer_name("AGENCE DE DEMONSTRATION"), "alb@demonstration.invalid", *NOW)
}

/// The same common name for each organisation.
pub(crate) fn signer_name(organisation: &str) -> Name {
    Name::new()
        .with(Attribute::Country, "FR")
        .with(Attribute::Organization, organisation)
        .with(Attribute::CommonName, "alb.demonstration.invalid")
}

pub(crate) fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

pub(crate) fn rows() -> Vec<Row> {
    let name =
        |number: u32| format!("CN=smtp{number}.essai.fr,OU=1750000000,O=CH D'ESSAI,ST=Côte-d'Or (21),C=FR");
    vec![
        Row::new("essai.mssante.fr", &name(1), *NOW),
        Row::new("essai.mssante.fr", &name(2), *NOW),
        Row::new("autre.mssante.fr", &name(2), *NOW),
    ]
}

/// A list that was generated `age` before [`NOW`].
pub(crate) fn list(age: SignedDuration) -> Vec<u8> {
    sign_list(&DEMO.signer, *NOW - age, &rows()).unwrap()
}

/// A rightly signed document of this content, between the root's tags.
pub(crate) fn signed(content: &str) -> Vec<u8> {
    let root = format!("<{} xmlns=\"{}\">{content}</{}>", super::ROOT, super::LIST, super::ROOT);
    sign_document(&DEMO.signer, &root, Form::Agency).unwrap()
}

pub(crate) fn accepted_signer() -> DistinguishedName {
    DEMO.signer.subject.to_string().parse().unwrap()
}
