//! Names that are the same, names that are not, and every irregularity of the real list (B.2.4).

use proptest::prelude::*;

use unicode_normalization::UnicodeNormalization;

use super::*;
use Attribute::{
    CommonName, Country, GivenName, Locality, Organization, OrganizationalUnit, State, Surname, Title,
};

fn name(text: &str) -> DistinguishedName {
    DistinguishedName::parse(text).unwrap_or_else(|e| panic!("{text:?}: {e}"))
}

fn certificate(attributes: &[(Attribute, &str)]) -> DistinguishedName {
    DistinguishedName::from_attributes(attributes.iter().cloned()).unwrap()
}

/// What a certificate of B.3.3 holds, in the order in which it holds it.
fn held<'a>(cn: &'a str, ou: &'a str, o: &'a str, st: &'a str) -> [(Attribute, &'a str); 5] {
    [(Country, "FR"), (State, st), (Organization, o), (OrganizationalUnit, ou), (CommonName, cn)]
}

#[test]
fn every_irregularity_of_the_real_list_is_the_certificate_s_name() {
    for (text, [cn, ou, o, st]) in [
        (
            "CN=smtp.exemple.fr,OU=1750000000,O=CH EXEMPLE,ST=Paris (75),C=FR",
            ["smtp.exemple.fr", "1750000000", "CH EXEMPLE", "Paris (75)"],
        ),
        (
            "CN=mailin.exemple.org, OU=343975235300037, O=APICEM, ST=Nord (59), C=FR",
            ["mailin.exemple.org", "343975235300037", "APICEM", "Nord (59)"],
        ),
        (
            "CN=mss.exemple.fr,OU=1330781295,O=\"C.H. DE  CADILLAC\",ST=Gironde (33),C=FR",
            ["mss.exemple.fr", "1330781295", "C.H. DE  CADILLAC", "Gironde (33)"],
        ),
        (
            "CN=mss.exemple.fr,OU=1670000033,O=CRLCC \"PAUL STRAUSS\",ST=Bas-Rhin (67),C=FR",
            ["mss.exemple.fr", "1670000033", "CRLCC \"PAUL STRAUSS\"", "Bas-Rhin (67)"],
        ),
        (
            "CN=mss.exemple.fr,OU=1750160012,O=\"CLCC\u{A0} INSTITUT CURIE\",ST=Paris (75),C=FR",
            ["mss.exemple.fr", "1750160012", "CLCC INSTITUT CURIE", "Paris (75)"],
        ),
        (
            "CN=smtp-1.exemple.fr ,OU=332315971500305,O=CLINIQUE ,ST=Meurthe et Moselle(54),C=FR",
            ["smtp-1.exemple.fr", "332315971500305", "CLINIQUE", "Meurthe et Moselle(54)"],
        ),
        (
            "CN=mss.exemple.fr,OU=1210000000,O=CHU DIJON,ST=Co\u{302}te-d'Or (21),C=FR",
            ["mss.exemple.fr", "1210000000", "CHU Dijon", "C\u{f4}te-d'Or (21)"],
        ),
        (
            "CN=mss.exemple.fr,OU=1690000000,O=HOPITAL, CLINIQUE ET FILS,ST=Rhône (69),C=FR",
            ["mss.exemple.fr", "1690000000", "HOPITAL, CLINIQUE ET FILS", "RHÔNE (69)"],
        ),
    ] {
        assert_eq!(name(text), certificate(&held(cn, ou, o, st)), "{text}");
    }
    let town = name("CN=cert-expire.exemple.fr,OU=300000000099622,O=GIP - TEST9962,L=Paris (75),C=FR");
    let held = [
        (Country, "FR"),
        (Locality, "Paris (75)"),
        (Organization, "GIP - TEST9962"),
        (OrganizationalUnit, "300000000099622"),
        (CommonName, "cert-expire.exemple.fr"),
    ];
    assert_eq!(town, certificate(&held));
    let state = name("CN=cert-expire.exemple.fr,OU=300000000099622,O=GIP - TEST9962,ST=Paris (75),C=FR");
    assert_ne!(town, state, "L is not ST");
}

#[test]
fn the_whole_name_counts() {
    let listed = name("CN=cert.exemple.fr,OU=318751275100020,O=AGENCE,ST=Paris (75),C=FR");
    for other in [
        "CN=cert.exemple.fr,OU=318751275100020,O=AGENCE,ST=Paris (75)",
        "CN=cert.exemple.fr,OU=318751275100021,O=AGENCE,ST=Paris (75),C=FR",
        "CN=cert.exemple.fr,OU=318751275100020,O=AGENCES,ST=Paris (75),C=FR",
        "CN=cert.exemple.fr,OU=318751275100020,O=AGENCE,ST=Paris(75),C=FR",
        "CN=cert.exemple.fr,OU=318751275100020,O=AGENCE,ST=Paris (75),C=FR,C=BE",
        "CN=cert.exemple.fr,OU=318751275100020,O=AGENCE,ST=Paris (75),C=FR,DC=x",
        "OU=cert.exemple.fr,CN=318751275100020,O=AGENCE,ST=Paris (75),C=FR",
    ] {
        assert_ne!(listed, name(other), "{other}");
    }
    let sibling = name("CN=CERT.exemple.fr,OU=347976684200724,O=AUTRE,ST=Hauts-de-Seine (92),C=FR");
    assert!(listed.shares_common_name(&sibling) && sibling.shares_common_name(&listed));
    assert!(!listed.shares_common_name(&name("CN=cert2.exemple.fr,O=AGENCE")));
    assert_eq!(sibling.common_names().collect::<Vec<_>>(), ["cert.exemple.fr"]);
}

#[test]
fn an_accent_is_a_difference_and_its_encoding_is_none() {
    assert_eq!(name("CN=a,ST=Rh\u{f4}ne"), name("CN=a,ST=Rho\u{302}ne"));
    assert_ne!(name("CN=a,ST=Rhône"), name("CN=a,ST=Rhone"));
    assert_eq!(name("CN=a,O=HÔPITAL"), name("CN=a,O=hôpital"));
}

#[test]
fn only_the_outer_quotes_go() {
    for (text, value) in [
        ("\"X\"", "x"),
        ("\"X \"Y\"\"", "x \"y\""),
        ("X \"Y\"", "x \"y\""),
        ("\"X\" Y", "\"x\" y"),
        ("\"", "\""),
        (" \" X \" ", "x"),
        ("\\\"X\\\"", "\"x\""),
        ("X\\, CN=Y", "x, cn=y"),
        ("C:\\X", "c:\\x"),
    ] {
        let read = name(&format!("CN=a,O={text}"));
        assert_eq!(
            read,
            certificate(&[(CommonName, "a"), (Organization, &format!("\"{value}\""))]),
            "{text}"
        );
    }
}

#[test]
fn a_certificate_s_value_is_never_taken_apart() {
    let held = certificate(&[(CommonName, "evil.example"), (Organization, "X,CN=bus.mssante.fr")]);
    assert_ne!(held, name("CN=evil.example,O=X,CN=bus.mssante.fr"));
    assert_eq!(held.common_names().collect::<Vec<_>>(), ["evil.example"]);
    assert_eq!(name(&held.to_string()), held);
}

#[test]
fn multi_valued_names_and_other_types_are_read() {
    let card = certificate(&[
        (Country, "FR"),
        (Title, "Médecin"),
        (CommonName, "899700075122"),
        (Surname, "DUPONT"),
        (GivenName, "Jean"),
    ]);
    assert_eq!(card, name("SN = DUPONT + CN = 899700075122 + GN = Jean, title = Médecin, C = FR"));
    assert_eq!(card.to_string(), "CN=899700075122,C=fr,SN=dupont,GN=jean,title=médecin");
    let odd = name("2.5.4.97=NTRFR-1,oid.2.5.4.3=a,E=x@y.fr");
    let held = [
        (Attribute::from_oid("2.5.4.3"), "a"),
        (Attribute::from_oid("1.2.840.113549.1.9.1"), "x@y.fr"),
        (Attribute::from_oid("2.5.4.97"), "ntrfr-1"),
    ];
    assert_eq!(odd, certificate(&held));
    assert_eq!(odd.to_string(), "CN=a,emailAddress=x@y.fr,2.5.4.97=ntrfr-1");
}

#[test]
fn what_is_no_name_is_refused_with_its_reason() {
    let long = format!("CN={}", "a".repeat(MAX_TEXT - 2));
    let many = vec!["OU=a"; MAX_ATTRIBUTES + 1].join(",");
    for (text, error) in [
        ("", DnError::Empty),
        (" \u{A0}\n", DnError::Empty),
        ("smtp.exemple.fr", DnError::NoKey),
        ("=x", DnError::NoKey),
        ("XX=1,CN=a", DnError::NoKey),
        (",CN=a", DnError::NoKey),
        ("1=x", DnError::NoKey),
        ("CN=", DnError::NoValue(CommonName)),
        ("CN=a,O= ,C=FR", DnError::NoValue(Organization)),
        ("CN=a,O=\"\",C=FR", DnError::NoValue(Organization)),
        ("CN=a\0b", DnError::Control(CommonName)),
        (&long, DnError::TooLong),
        (&many, DnError::TooManyAttributes),
    ] {
        assert_eq!(DistinguishedName::parse(text).unwrap_err(), error, "{text:?}");
    }
    let most = vec!["OU=a"; MAX_ATTRIBUTES].join(",");
    assert_eq!(name(&most), name("OU=A"));
    assert!(DistinguishedName::parse(&long[..MAX_TEXT]).is_ok());
    let from = |held: &[(Attribute, &str)]| DistinguishedName::from_attributes(held.iter().cloned());
    let long = "a".repeat(MAX_TEXT + 1);
    assert_eq!(from(&[]).unwrap_err(), DnError::Empty);
    assert_eq!(from(&[(CommonName, &long)]).unwrap_err(), DnError::TooLong);
    assert_eq!(from(&vec![(Country, "FR"); MAX_ATTRIBUTES + 1]).unwrap_err(), DnError::TooManyAttributes);
    assert_eq!(from(&[(CommonName, "a\r\nb\u{1}")]).unwrap_err(), DnError::Control(CommonName));
}

#[test]
fn the_serde_form_is_the_text() {
    let one = name("C=FR,O=\"A \"B\"\",CN=x.fr");
    let json = serde_json::to_string(&one).unwrap();
    assert_eq!(json, r#""CN=x.fr,O=a \\\"b\\\",C=fr""#);
    assert_eq!(serde_json::from_str::<DistinguishedName>(&json).unwrap(), one);
    assert!(serde_json::from_str::<DistinguishedName>("\"x\"").is_err());
}

/// One attribute's type, and a value without what a text needs escaped.
fn attributes() -> impl Strategy<Value = Vec<(Attribute, String)>> {
    let kinds = [CommonName, OrganizationalUnit, Organization, State, Locality, Country, Title];
    let value = "[a-zA-Z0-9éÉôç'()./-]{1,8}( [a-zA-Z\"éà,]{1,8}[a-z]){0,3}";
    prop::collection::vec((prop::sample::select(kinds.to_vec()), value), 1..8)
}

/// The same name, written as sloppily as the list's rows are.
fn sloppy(attributes: &[(Attribute, String)], seed: u64) -> String {
    let bit = |at: usize, of: u64| (seed.rotate_left(7 * u32::try_from(at).unwrap_or(0)) / of) % 2 == 1;
    let parts = attributes.iter().enumerate().map(|(at, (kind, value))| {
        let value = if bit(at, 1) { value.to_uppercase() } else { value.to_lowercase() };
        let space = if bit(at, 2) { "\u{A0} " } else { "  " };
        let value = if bit(at, 4) { value.replace(' ', space) } else { value };
        let value = if bit(at, 8) { format!("\"{value}\"") } else { value };
        let value = if bit(at, 16) { value.nfd().collect() } else { value };
        let key = if bit(at, 32) { kind.to_string().to_lowercase() } else { kind.to_string() };
        if bit(at, 64) { format!(" {key} = {value} ") } else { format!("{key}={value}") }
    });
    let mut parts = parts.collect::<Vec<_>>();
    if seed & 1 == 1 {
        parts.reverse();
    }
    let middle = parts.len() / 2;
    parts.rotate_left(middle);
    parts.join(if seed & 2 == 2 { ", " } else { "," })
}

proptest! {
    #[test]
    fn order_case_spacing_quotes_and_composition_do_not_count(held in attributes(), seed in any::<u64>()) {
        let held_name = DistinguishedName::from_attributes(held.iter().map(|(k, v)| (k.clone(), v.as_str())));
        let text = sloppy(&held, seed);
        prop_assert_eq!(DistinguishedName::parse(&text).unwrap(), held_name.unwrap(), "{}", text);
    }

    #[test]
    fn one_letter_more_less_or_other_is_another_name(
        held in attributes(), which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), how in 0..3
    ) {
        let one = DistinguishedName::from_attributes(held.iter().map(|(k, v)| (k.clone(), v.as_str()))).unwrap();
        let mut other = held.clone();
        let (kind, value) = &mut other[which.index(held.len())];
        let mut letters = value.chars().collect::<Vec<_>>();
        let at = at.index(letters.len());
        match how {
            0 => letters.insert(at, 'z'),
            1 => letters[at] = if letters[at].eq_ignore_ascii_case(&'z') { 'y' } else { 'z' },
            _ => letters.push('z'),
        }
        *value = letters.into_iter().collect();
        // The same attribute may be there twice, and the set hold the changed one already.
        let already = held.iter().any(|(k, v)| k == kind && text::folded(v) == text::folded(value));
        let twice = held.iter().filter(|pair| **pair == held[which.index(held.len())]).count() > 1;
        prop_assume!(!already && !twice);
        let other = DistinguishedName::from_attributes(other.iter().map(|(k, v)| (k.clone(), v.as_str()))).unwrap();
        prop_assert_ne!(one, other);
    }

    #[test]
    fn any_certificate_s_name_reads_back_from_its_text(
        held in prop::collection::vec((0..14_usize, any::<String>()), 1..6)
    ) {
        let kinds = ["2.5.4.3", "2.5.4.11", "2.5.4.10", "2.5.4.8", "2.5.4.7", "2.5.4.6", "2.5.4.5", "2.5.4.4",
            "2.5.4.42", "2.5.4.12", "0.9.2342.19200300.100.1.25", "1.2.840.113549.1.9.1", "1.2.250.1.71", "2.5.4.97"];
        let held = held.iter().map(|(k, v)| (Attribute::from_oid(kinds[*k]), v.as_str()));
        if let Ok(read) = DistinguishedName::from_attributes(held) {
            let text = read.to_string();
            prop_assert_eq!(DistinguishedName::parse(&text), Ok(read), "{}", text);
        }
    }

    #[test]
    fn texts_with_odd_quoting_read_back(text in "CN=[ab ,+=\"\\\\é]{1,12}(,O=[ab ,+=\"\\\\]{1,12})?") {
        if let Ok(read) = DistinguishedName::parse(&text) {
            prop_assert_eq!(DistinguishedName::parse(&read.to_string()), Ok(read), "{}", text);
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        let _ = DistinguishedName::parse(&text);
        let _ = DistinguishedName::parse(&format!("CN={text}"));
    }
}
