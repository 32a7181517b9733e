//! Lists built, looked up, compared, and spoiled.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const NORD: &str = "CN=smtp.nord.fr,OU=1750000000,O=CH NORD,ST=Nord (59),C=FR";
const SUD: &str = "CN=smtp.sud.fr,OU=1130000000,O=\"CLINIQUE  SUD\",ST=Var (83),C=FR";
const SUD_AGAIN: &str = "CN=smtp.sud.fr, OU=1130000000, O=CLINIQUE SUD, ST=Var (83), C=FR";
const SAME_CN: &str = "CN=SMTP.nord.fr,OU=347976684200724,O=AUTRE,ST=Hauts-de-Seine (92),C=FR";

fn row(domain: &str, dn: &str) -> Row {
    Row {
        domain: domain.into(),
        description: "Domaine de démonstration".into(),
        dn: dn.into(),
        responsible: "01 02 03 04 05, responsable@exemple.fr".into(),
        support: "01 02 03 04 05, support@exemple.fr".into(),
        updated: Timestamp::UNIX_EPOCH,
    }
}

fn list(rows: &[(&str, &str)]) -> WhiteList {
    let rows = rows.iter().map(|(domain, dn)| row(domain, dn)).collect();
    let (list, faults) = WhiteList::build(Timestamp::UNIX_EPOCH, rows).unwrap();
    assert_eq!(faults, []);
    list
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn name(text: &str) -> DistinguishedName {
    DistinguishedName::parse(text).unwrap()
}

#[test]
fn a_name_speaks_for_the_domains_it_is_listed_for_and_no_other() {
    let list = list(&[
        ("chu-nord.mssante.fr", NORD),
        ("clinique-sud.mssante.fr", SUD),
        ("clinique-sud.mssante.fr", NORD),
        ("Mssante.Apicrypt.org", SUD_AGAIN),
    ]);
    for (name_text, domain_text, speaks) in [
        (NORD, "chu-nord.mssante.fr", true),
        (NORD, "CLINIQUE-SUD.mssante.fr", true),
        (SUD, "clinique-sud.mssante.fr", true),
        (SUD_AGAIN, "clinique-sud.mssante.fr", true),
        (SUD, "mssante.apicrypt.org", true),
        (SUD, "chu-nord.mssante.fr", false),
        (NORD, "mssante.apicrypt.org", false),
        (SAME_CN, "chu-nord.mssante.fr", false),
        (NORD, "mssante.fr", false),
        (NORD, "nord.chu-nord.mssante.fr", false),
        (NORD, "fr", false),
    ] {
        let (name, domain) = (name(name_text), domain(domain_text));
        assert_eq!(list.speaks_for(&name, &domain), speaks, "{name_text} for {domain_text}");
    }
    assert!(
        list.contains(&domain("chu-nord.mssante.fr")) && !list.contains(&domain("x.chu-nord.mssante.fr"))
    );
    assert!(!list.contains(&domain("mssante.fr")) && !list.contains(&domain("apicrypt.org")));
    assert!(list.is_operator(&name(SUD)) && !list.is_operator(&name(SAME_CN)));
    let counts = Counts { rows: 4, domains: 3, dn_strings: 3, names: 2 };
    assert_eq!(list.counts(), counts);
    let rows = list.rows(&domain("clinique-sud.mssante.fr"));
    assert_eq!(rows.iter().map(|row| row.dn.as_str()).collect::<Vec<_>>(), [SUD, NORD]);
    assert_eq!(list.rows(&domain("ailleurs.mssante.fr")), Vec::<&Row>::new());
}

#[test]
fn the_same_common_name_under_another_name_is_told_apart() {
    let list = list(&[("chu-nord.mssante.fr", NORD), ("clinique-sud.mssante.fr", SUD)]);
    let nord = domain("chu-nord.mssante.fr");
    assert!(list.shares_common_name(&name(SAME_CN), &nord));
    assert!(!list.shares_common_name(&name(NORD), &nord), "that one is the listed name itself");
    assert!(!list.shares_common_name(&name(SUD), &nord));
    assert!(!list.shares_common_name(&name(SAME_CN), &domain("clinique-sud.mssante.fr")));
}

#[test]
fn a_bad_row_is_left_out_and_told_and_the_others_stand() {
    let rows = vec![
        row("chu-nord.mssante.fr", NORD),
        row("pas un domaine", NORD),
        row("sans-nom.mssante.fr", ""),
        row("hôpital.mssante.fr", SUD),
        row(" espaces.mssante.fr\n", SUD),
        row("cle.mssante.fr", "smtp.sud.fr"),
    ];
    let (list, faults) = WhiteList::build(Timestamp::UNIX_EPOCH, rows).unwrap();
    let expected = [
        (2, RowFaultKind::Domain(DomainError::Malformed)),
        (3, RowFaultKind::Name(DnError::Empty)),
        (6, RowFaultKind::Name(DnError::NoKey)),
    ];
    assert_eq!(faults, expected.map(|(row, why)| RowFault { row, why }));
    assert!(faults[0].to_string().starts_with("row 2 is left out: "), "{}", faults[0]);
    assert_eq!(list.counts(), Counts { rows: 3, domains: 3, dn_strings: 2, names: 2 });
    assert!(
        list.contains(&domain("xn--hpital-ixa.mssante.fr")) && list.contains(&domain("espaces.mssante.fr"))
    );
    assert!(!list.contains(&domain("sans-nom.mssante.fr")), "a domain without a readable name is not listed");
}

#[test]
fn a_list_of_nothing_or_of_too_much_is_refused() {
    let build = |rows| WhiteList::build(Timestamp::UNIX_EPOCH, rows).map(|(list, _)| list.counts());
    assert_eq!(build(Vec::new()), Err(WhiteListError::NoRow));
    assert_eq!(build(vec![row("x", "x")]), Err(WhiteListError::NoRow));
    let many = vec![row("a.fr", "CN=a"); MAX_ROWS + 1];
    assert_eq!(build(many), Err(WhiteListError::TooManyRows(MAX_ROWS + 1)));
}

#[test]
fn a_domain_has_a_limited_number_of_names_and_shown_texts_are_cut() {
    let mut rows =
        (0..=MAX_NAMES_OF_DOMAIN).map(|n| row("a.fr", &format!("CN=smtp{n}.fr"))).collect::<Vec<_>>();
    rows[0].description = "é".repeat(MAX_SHOWN_TEXT + 1);
    let (list, faults) = WhiteList::build(Timestamp::UNIX_EPOCH, rows).unwrap();
    let why = RowFaultKind::TooManyNames;
    assert_eq!(faults, [RowFault { row: MAX_NAMES_OF_DOMAIN + 1, why }]);
    let first = list.rows(&domain("a.fr"))[0];
    assert_eq!(first.description.chars().count(), MAX_SHOWN_TEXT);
}

#[test]
fn what_a_new_list_changes_is_told_domain_by_domain() {
    let older = list(&[("a.fr", NORD), ("b.fr", NORD), ("c.fr", SUD), ("d.fr", NORD), ("d.fr", SUD)]);
    let newer = list(&[("e.fr", NORD), ("b.fr", SUD), ("c.fr", SUD_AGAIN), ("d.fr", SUD), ("d.fr", NORD)]);
    let changes = newer.changes(&older);
    assert_eq!(changes.added, [domain("e.fr")]);
    assert_eq!(changes.removed, [domain("a.fr")]);
    let rebound: Vec<_> = changes.rebound.iter().map(|changed| changed.domain.clone()).collect();
    assert_eq!(rebound, [domain("b.fr")], "another spelling or order is no change");
    assert!(newer.changes(&newer).is_empty() && !changes.is_empty());
}

fn rows() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..12_usize, 0..6_usize), 1..40)
}

fn built(pairs: &[(usize, usize)]) -> WhiteList {
    let rows =
        pairs.iter().map(|(d, n)| row(&format!("d{d}.mssante.fr"), &format!("CN=n{n},C=FR"))).collect();
    WhiteList::build(Timestamp::UNIX_EPOCH, rows).unwrap().0
}

proptest! {
    #[test]
    fn lookups_say_what_the_rows_say(pairs in rows()) {
        let list = built(&pairs);
        for d in 0..13 {
            let domain = domain(&format!("d{d}.mssante.fr"));
            prop_assert_eq!(list.contains(&domain), pairs.iter().any(|(of, _)| *of == d));
            for n in 0..7 {
                let name = name(&format!("C=fr, CN=N{n}"));
                prop_assert_eq!(list.speaks_for(&name, &domain), pairs.contains(&(d, n)));
                prop_assert_eq!(list.is_operator(&name), pairs.iter().any(|(_, of)| *of == n));
            }
        }
        let counts = list.counts();
        prop_assert_eq!(counts.rows, pairs.len());
        prop_assert_eq!(counts.domains, pairs.iter().map(|(d, _)| d).collect::<BTreeSet<_>>().len());
        prop_assert_eq!(counts.names, pairs.iter().map(|(_, n)| n).collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn changes_are_exactly_the_domains_that_answer_otherwise(older in rows(), newer in rows()) {
        let (older, newer) = (built(&older), built(&newer));
        let changes = newer.changes(&older);
        for d in 0..12 {
            let domain = domain(&format!("d{d}.mssante.fr"));
            let same = (0..6).all(|n| {
                let name = name(&format!("CN=n{n},C=FR"));
                older.speaks_for(&name, &domain) == newer.speaks_for(&name, &domain)
            });
            let told = [
                changes.added.contains(&domain),
                changes.removed.contains(&domain),
                changes.rebound.iter().any(|changed| changed.domain == domain),
            ];
            prop_assert_eq!(told.iter().filter(|t| **t).count(), usize::from(!same));
            prop_assert_eq!(told[0], !older.contains(&domain) && newer.contains(&domain));
            prop_assert_eq!(told[1], older.contains(&domain) && !newer.contains(&domain));
        }
    }
}
