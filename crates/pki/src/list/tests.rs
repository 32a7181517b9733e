//! Signed lists: what holds, what is refused and by which name. May use lists that the tests sign themselves.

#![allow(clippy::unwrap_used, clippy::panic)]

use demo_pki::{Form, document, sign_document};
use proptest::prelude::*;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use super::{
    fixture::{DEMO, NOW, hours, list, rows, signed},
    *,
};

fn text() -> String {
    String::from_utf8(list(hours(1))).unwrap()
}

fn reason(bytes: &[u8]) -> &'static str {
    SignedList::read(bytes).map_or_else(|fault| fault.reason(), |_| "holds")
}

/// The list with one change.
fn changed(from: &str, to: &str) -> String {
    let text = text();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// The list cut at its Signature: before, the Signature, after.
fn cut() -> (String, String, String) {
    let text = text();
    let (before, rest) = text.split_once("<Signature").unwrap();
    let (signature, after) = rest.split_once("</Signature>").unwrap();
    (before.to_owned(), format!("<Signature{signature}</Signature>"), after.to_owned())
}

#[test]
fn a_list_holds_in_every_way_to_write_it() {
    let root = document(*NOW - hours(1), &rows());
    for form in [Form::Agency, Form::CrLf, Form::References] {
        let bytes = sign_document(&DEMO.signer, &root, form).unwrap();
        let signed = SignedList::read(&bytes).unwrap();
        assert_eq!(signed.certificate().as_ref(), DEMO.signer.der());
        let Rows { list, faults, left_out } = Rows::read(&signed).unwrap();
        assert_eq!((list.counts().rows, list.counts().domains, list.counts().names), (3, 2, 2), "{form:?}");
        assert_eq!((list.generated(), left_out, faults.len()), (*NOW - hours(1), 0, 0));
        let domain = "essai.mssante.fr".parse().unwrap();
        assert_eq!(list.rows(&domain)[1].dn, rows()[1].dn);
    }
}

#[test]
fn what_means_the_same_holds() {
    let (before, signature, after) = cut();
    for same in [
        format!("\u{FEFF}{}", text()),
        text().replacen("?>", "?>\n<!-- fetched -->\n", 1),
        text().replacen("<Nom>essai", "<Nom ><![CDATA[e]]>ss<!-- -->a&#x69;", 1),
        format!("{before}{signature}<!-- the end -->{after}\n"),
        text().replace("></Transform>", "/>"),
        text().replacen(" Algorithm=\"", "\n  Algorithm = '", 1).replacen("exc-c14n#\"", "exc-c14n#'", 1),
    ] {
        assert_eq!(reason(same.as_bytes()), "holds", "{same}");
    }
}

#[test]
fn an_altered_list_is_refused() {
    for (from, to) in [
        ("essai.mssante.fr", "essay.mssante.fr"),
        ("<Nom>", "<Nom> "),
        ("</Nom>", "</Nom><Nom>pirate.mssante.fr</Nom>"),
        ("    <ListeDomaines>", "<ListeDomaines>"),
        ("<Domaine>", "<Domaine xmlns:p=\"urn:p\" p:q=\"\">"),
        ("<Domaine>", "<Domaine xmlns=\"\">"),
        ("?>", "?><?p?>"),
        ("</ListeDomaines>", "</ListeDomaines><?p?>"),
        ("</ListeDomaines>", "</ListeDomaines> "),
    ] {
        assert_eq!(reason(changed(from, to).as_bytes()), "altered", "{from} to {to}");
    }
    let other = sign_document(&DEMO.signer, &document(*NOW, &rows()[..1]), Form::Agency).unwrap();
    let other = String::from_utf8(other).unwrap();
    let value = |text: &str| {
        let (_, value) = text.split_once("<SignatureValue>").unwrap();
        value.split_once("</SignatureValue>").unwrap().0.to_owned()
    };
    assert_eq!(reason(changed(&value(&text()), &value(&other)).as_bytes()), "bad-signature");
    // white space of SignedInfo is signed, too
    assert_eq!(reason(changed("<SignedInfo>", "<SignedInfo> ").as_bytes()), "bad-signature");
}

#[test]
fn only_the_one_profile_is_accepted() {
    let c14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
    for (from, to, name) in [
        ("#rsa-sha256", "#rsa-sha512", "other-algorithm"),
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            "other-algorithm",
        ),
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
            "other-algorithm",
        ),
        ("xmlenc#sha256", "xmlenc#sha512", "other-algorithm"),
        ("#enveloped-signature", "#base64", "other-algorithm"),
        (c14n, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "other-algorithm"),
        (c14n, "http://www.w3.org/2001/10/xml-exc-c14n#WithComments", "other-algorithm"),
        ("URI=\"\"", "URI=\"#id\"", "other-profile"),
        ("URI=\"\"", "URI=\"http://exemple.fr/\"", "other-profile"),
        (" URI=\"\"", "", "other-profile"),
        ("URI=\"\"", "URI=\"\" Type=\"x\"", "other-profile"),
        (
            "<Transform ",
            "<Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"/><Transform ",
            "other-profile",
        ),
        ("</Reference>", "</Reference><Reference URI=\"\"></Reference>", "other-profile"),
        ("</SignedInfo>", "</SignedInfo><SignedInfo></SignedInfo>", "other-profile"),
        ("</SignedInfo>", "<Object></Object></SignedInfo>", "other-profile"),
        ("</KeyInfo>", "</KeyInfo><Object></Object>", "other-profile"),
        ("</X509Certificate>", "</X509Certificate><X509Certificate>AA==</X509Certificate>", "other-profile"),
        ("<X509Data>", "<KeyName>x</KeyName><X509Data>", "other-profile"),
        ("<SignedInfo>", "<SignedInfo Id=\"x\">", "other-profile"),
        ("<SignedInfo>", "x<SignedInfo>", "other-profile"),
        ("<SignedInfo>", "<?p?><SignedInfo>", "other-profile"),
        ("<SignedInfo>", "<SignedInfo xmlns:p=\"urn:p\" p:q=\"\">", "other-profile"),
        ("<SignedInfo>", "<SignedInfo xmlns=\"urn:p\">", "other-profile"),
        ("<DigestValue>", "<DigestValue>AAAA", "other-profile"),
        ("<SignatureValue>", "<SignatureValue>*", "other-profile"),
        ("<X509Certificate>", "<X509Certificate>AAAA", "unusable-certificate"),
    ] {
        let list = changed(from, to);
        assert_eq!(
            reason(list.as_bytes()),
            name,
            "{from} to {to}: {:?}",
            SignedList::read(list.as_bytes()).err()
        );
    }
    let prefixes = format!("\"{c14n}\"><InclusiveNamespaces xmlns=\"{c14n}\" PrefixList=\"p\"/></Transform>");
    let list = text().replacen(&format!("\"{c14n}\"/></Transforms>"), &format!("{prefixes}</Transforms>"), 1);
    assert_ne!(list, text());
    assert_eq!(reason(list.as_bytes()), "other-profile");
}

#[test]
fn a_signature_must_be_the_last_child_of_the_root_and_the_only_one() {
    let (before, signature, after) = cut();
    let list = before.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap();
    let (start, domains) = before.split_once("<ListeDomaines>").unwrap();
    let evil = format!("<ListeBlancheMSSante xmlns=\"{LIST}\"><ListeDomaines></ListeDomaines>");
    for (wrapped, name) in [
        (format!("{before}{after}"), "unsigned"),
        (format!("{start}{signature}<ListeDomaines>{domains}{after}"), "moved-signature"),
        (format!("{before}{signature}<ListeDomaines></ListeDomaines>{after}"), "moved-signature"),
        (format!("{before}{signature}<?p?>{after}"), "moved-signature"),
        (format!("{before}{signature}x{after}"), "moved-signature"),
        (before.replacen("<Domaine>", &format!("<Domaine>{signature}"), 1) + &after, "moved-signature"),
        (format!("{before}{signature}{signature}{after}"), "second-signature"),
        (
            before.replacen("<Domaine>", &format!("<Domaine>{signature}"), 1) + &signature + &after,
            "moved-signature",
        ),
        // the signed list as an object of its signature, under a root of somebody else's
        (
            format!(
                "{evil}{}{after}",
                signature.replace("</Signature>", &format!("<Object>{list}{after}</Object></Signature>"))
            ),
            "other-profile",
        ),
        (
            format!(
                "{evil}{}{after}",
                signature.replace("</Signature>", &format!("<Object>{signature}</Object></Signature>"))
            ),
            "second-signature",
        ),
        // the signed list inside another root
        (format!("<Enveloppe>{list}{signature}{after}</Enveloppe>"), "other-root"),
        (format!("{evil}{list}{signature}{after}{after}"), "moved-signature"),
        (signature.clone(), "other-root"),
        (text().replace("ListeBlancheMSSante", "ListeBlancheMSSANTE"), "other-root"),
        (text().replace(LIST, "https://listeblanche.mssante.fr/autre"), "other-root"),
        (text().replacen("?>", "?><!DOCTYPE ListeBlancheMSSante>", 1), "document-type"),
        (format!("{}{list}", text()), "not-xml"),
        (text().replacen("essai", "&essai;", 1), "not-xml"),
    ] {
        assert_eq!(reason(wrapped.as_bytes()), name, "{wrapped}");
    }
}

#[test]
fn a_list_that_is_cut_off_is_refused_at_every_length() {
    let list = list(hours(1));
    let whole = list.trim_ascii_end().len();
    for end in (0..whole).step_by(7).chain(whole - 40..whole) {
        assert_eq!(reason(&list[..end]), "truncated", "{end}");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let spaces = vec![b' '; MAX_LIST_BYTES + 1];
    assert_eq!(SignedList::read(&spaces).err(), Some(ListFault::TooLarge));
    let long = "A".repeat(MAX_SIGNATURE_BYTES);
    let list = changed("<DigestValue>", &format!("<DigestValue>{long}"));
    assert_eq!(SignedList::read(list.as_bytes()).err(), Some(ListFault::SignatureTooLarge));
    let many = "<Object/>".repeat(MAX_SIGNATURE_ELEMENTS);
    let list = changed("</KeyInfo>", &format!("</KeyInfo>{many}"));
    assert_eq!(SignedList::read(list.as_bytes()).err(), Some(ListFault::SignatureTooLarge));
}

#[test]
fn only_rsa_keys_of_2048_bits_or_more_sign() {
    let (start, rest) =
        text().split_once("<X509Certificate>").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (_, end) = rest.split_once("</X509Certificate>").unwrap();
    for (certificate, why) in [
        (include_str!("vectors/rsa-1024.b64"), "its RSA key has less than 2048 bits"),
        (include_str!("vectors/p-256.b64"), "its key is not RSA"),
    ] {
        let list = format!("{start}<X509Certificate>{certificate}</X509Certificate>{end}");
        assert_eq!(SignedList::read(list.as_bytes()).err(), Some(ListFault::Certificate(why.to_owned())));
    }
    // another's certificate of a sound key
    let other =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, DEMO.hierarchy.root.certificate());
    let list = format!("{start}<X509Certificate>{other}</X509Certificate>{end}");
    assert_eq!(reason(list.as_bytes()), "bad-signature");
}

fn date() -> String {
    "<DateDeGeneration>2026-06-01T07:00:00Z</DateDeGeneration>".to_owned()
}

const ROW: &str = "<Domaine><Nom>essai.mssante.fr</Nom><Description></Description>\
    <DNCertificatOperateur>CN=a,C=FR</DNCertificatOperateur><ResponsableContact></ResponsableContact>\
    <SupportContact></SupportContact><DateMAJ>2026-06-01T06:00:00Z</DateMAJ></Domaine>";

fn read_rows(content: &str) -> Result<Rows, ListFault> {
    Rows::read(&SignedList::read(&signed(content)).unwrap())
}

#[test]
fn a_list_has_one_date_and_one_set_of_domains() {
    let domains = |rows: &str| format!("<ListeDomaines>{rows}</ListeDomaines>");
    let rows = read_rows(&format!("<Nouveau><Nom></Nom></Nouveau>{}{}", date(), domains(ROW))).unwrap();
    assert_eq!((rows.list.counts().rows, rows.left_out), (1, 0));
    let twice = |content: String| content.clone() + &content;
    for (content, why) in [
        (domains(ROW), "there is no DateDeGeneration"),
        (date(), "there is no ListeDomaines"),
        (twice(date()) + &domains(ROW), "there is a second DateDeGeneration"),
        (date() + &twice(domains(ROW)), "there is a second ListeDomaines"),
        (date().replace("2026", "hier") + &domains(ROW), "DateDeGeneration is not a date"),
        (date().replace("2026", "<a></a>2026") + &domains(ROW), "DateDeGeneration holds other than text"),
    ] {
        assert_eq!(read_rows(&content).err(), Some(ListFault::Format(why)));
    }
    let none = read_rows(&(date() + &domains(""))).err();
    assert_eq!(none, Some(ListFault::Rows(mssante::whitelist::WhiteListError::NoRow)));
    // elements of the right name in no namespace are others
    assert!(read_rows(&(date() + &domains(&ROW.replace("<Domaine>", "<Domaine xmlns=\"\">")))).is_err());
}

#[test]
fn a_bad_row_is_left_out_and_told() {
    let bad = [
        ROW.replace("<Nom>essai.mssante.fr</Nom>", ""),
        ROW.replace("</Nom>", "</Nom><Nom>autre.mssante.fr</Nom>"),
        ROW.replace("essai.", "es<b></b>sai."),
        ROW.replace("essai.mssante.fr", "pas un domaine"),
        ROW.replace("2026-06-01T06:00:00Z", "hier"),
    ];
    let rows = read_rows(&format!("{}<ListeDomaines>{}{ROW}</ListeDomaines>", date(), bad.concat())).unwrap();
    assert_eq!((rows.list.counts().rows, rows.left_out), (2, 4));
    let told = rows.faults.join("\n");
    for (row, why) in [
        (1, "is left out: Nom or DNCertificatOperateur is missing"),
        (2, "is left out: a field stands twice"),
        (3, "is left out: a field holds other than text"),
        (4, "is left out: "),
        (5, "has no DateMAJ that can be read"),
    ] {
        assert!(told.contains(&format!("row {row} {why}")), "{told}");
    }
    let domain = "essai.mssante.fr".parse().unwrap();
    assert_eq!(rows.list.rows(&domain)[0].updated, rows.list.generated());
}

#[test]
fn fields_are_read_as_they_are_signed() {
    let row = ROW
        .replace("essai.", "e<![CDATA[s]]>s<!-- x -->a<?p?>i&#x2e;")
        .replace("<Description>", "<Description>&lt;&#13;\n");
    let list = String::from_utf8(signed(&format!("{}<ListeDomaines>{ROW}</ListeDomaines>", date()))).unwrap();
    let mut written = list.clone();
    // canonically equal but for the instruction and the description: the digest knows them
    written = written.replace(ROW, &row);
    assert_eq!(reason(written.as_bytes()), "altered");
    let equal = list.replace("essai.", "e<![CDATA[s]]>s<!-- x -->ai&#x2e;");
    let rows = Rows::read(&SignedList::read(equal.as_bytes()).unwrap()).unwrap();
    assert!(rows.list.contains(&"essai.mssante.fr".parse().unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_altered_octet_is_refused_or_changes_nothing(
        at in any::<prop::sample::Index>(),
        octet in prop_oneof![any::<u8>(), prop::sample::select(b"<>&;'\" /\r\n\t".to_vec())],
        how in 0..3,
    ) {
        let original = list(hours(1));
        let mut altered = original.clone();
        let at = at.index(altered.len());
        match how {
            0 => altered[at] = octet,
            1 => altered.insert(at, octet),
            _ => { altered.remove(at); }
        }
        if let Ok(read) = SignedList::read(&altered) {
            let key = |list: &SignedList<'_>| {
                let (_, certificate) = X509Certificate::from_der(list.certificate()).unwrap();
                certificate.public_key().raw.to_vec()
            };
            // the rest of the certificate is its authority's to sign
            prop_assert_eq!(key(&read), key(&SignedList::read(&original).unwrap()));
            // what is signed is the document without its signature
            let bare = |bytes: &[u8]| {
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                let (before, rest) = text.split_once("<Signature").unwrap();
                let (_, after) = rest.rsplit_once("</Signature").unwrap();
                let (_, after) = after.split_once('>').unwrap();
                canonical(format!("{before}{after}").as_bytes()).unwrap()
            };
            prop_assert_eq!(bare(&altered), bare(&original));
        }
    }

    #[test]
    fn nothing_makes_the_reader_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        cut in any::<prop::sample::Index>(),
    ) {
        let _ = SignedList::read(&bytes);
        let mut list = list(hours(1));
        let at = cut.index(list.len());
        list.splice(at..at, bytes);
        let _ = SignedList::read(&list);
    }
}
