//! The white list's form, and its signature as xmlsec1 sees it.

use std::fs;

use super::*;

/// Whether xmlsec1 finds digest, signature and chain right.
fn verified(world: &World, list: &[u8], dir: &Path) -> (bool, String) {
    let file = dir.join("list.xml");
    fs::write(&file, list).unwrap();
    let (ca, above) = (world.ca(), dir.join("above.pem"));
    fs::write(&above, world.hierarchy().authorities_pem()).unwrap();
    let words = ["--verify", "--enabled-key-data", "x509", "--verification-time", "2026-11-21 12:00:00"];
    let words =
        [&words[..], &["--trusted-pem", ca.to_str().unwrap(), "--untrusted-pem", above.to_str().unwrap()]];
    ask("xmlsec1", &words.concat(), &[&file])
}

#[test]
fn the_list_is_written_as_the_agency_writes_it() {
    let (_dir, world) = made(&["localhost"]);
    let text = fs::read_to_string(world.list()).unwrap();
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListeBlancheMSSante \
                xmlns=\"https://listeblanche.mssante.fr/schema\">\n    \
                <DateDeGeneration>2026-11-21T09:29:00Z</DateDeGeneration>\n    <ListeDomaines>\n        <Domaine>\n            \
                <Nom>chu-nord.mssante.fr</Nom>\n            <Description>Domaine de démonstration chu-nord.mssante.fr\
                </Description>\n            <DNCertificatOperateur>CN=mail.chu-nord.fr,OU=1990000001,O=CHU \"NORD\" &amp; \
                Cie,ST=Côte-d'Or (21),C=FR</DNCertificatOperateur>\n";
    assert!(text.starts_with(head), "{text}");
    assert!(text.contains("<SupportContact>1 &lt; 2&#xD;&amp; 3</SupportContact>"), "{text}");
    assert!(
        text.ends_with("</X509Certificate></X509Data></KeyInfo></Signature></ListeBlancheMSSante>"),
        "{text}"
    );
    assert_eq!(text.matches("<X509Certificate>").count(), 1);
    assert_eq!(world.rows().unwrap(), rows(&nord(&[])));
}

#[test]
fn xmlsec_finds_every_form_right_and_every_change_wrong() {
    let (dir, world) = made(&["localhost"]);
    let list = fs::read(world.list()).unwrap();
    let (ok, said) = verified(&world, &list, dir.path());
    assert!(ok, "{said}");
    let root = document(now(), &rows(&nord(&[])));
    for form in [Form::Agency, Form::CrLf, Form::References] {
        let list = sign_document(world.signer(), &root, form).unwrap();
        assert_eq!(form != Form::Agency, list.is_ascii() || list.windows(2).any(|pair| pair == b"\r\n"));
        let (ok, said) = verified(&world, &list, dir.path());
        assert!(ok, "{form:?}: {said}");
    }
    let text = String::from_utf8(list).unwrap();
    let changes =
        [("chu-nord.mssante.fr</Nom>", "chu-sud.mssante.fr</Nom>"), ("\n    </ListeD", "\n   </ListeD")];
    for (from, to) in changes {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        assert!(!verified(&world, changed.as_bytes(), dir.path()).0, "{to}");
    }
    let impostor = Hierarchy::new(Space::Impostor, now()).unwrap();
    let leaf = Leaf::signer(world.signer().subject.clone(), "alb@demonstration.invalid", now());
    let signer = impostor.organisations.issue(&leaf).unwrap();
    let list = sign_list(&signer, now(), &rows(&nord(&[]))).unwrap();
    assert!(!verified(&world, &list, dir.path()).0, "another authority's signer");
}

#[test]
fn a_list_that_is_published_follows_the_one_before() {
    let (dir, world) = made(&["localhost"]);
    let mut rows = world.rows().unwrap();
    rows.push(Row::new("tiers.mssante.fr", "CN=tiers,C=FR", now()));
    world.publish(&rows, now()).unwrap();
    assert_eq!(world.rows().unwrap(), rows);
    let text = fs::read_to_string(world.list()).unwrap();
    assert!(text.contains("<DateDeGeneration>2026-11-21T09:29:01Z</DateDeGeneration>"), "{text}");
    assert!(verified(&world, text.as_bytes(), dir.path()).0);
}

#[test]
fn what_has_no_end_tag_is_not_signed() {
    let (_dir, world) = made(&["localhost"]);
    assert!(matches!(sign_document(world.signer(), "<a>", Form::Agency), Err(DemoPkiError::List)));
}
