//! What may be named as authorities, and what is said of files that hold something else.

use std::fs;

use demo_pki::{Hierarchy, Leaf, Space};

use super::*;
use crate::samples::{Sample, now, subject};

#[test]
fn bundles_single_certificates_and_directories_are_read() {
    let hierarchy = Hierarchy::new(Space::Demonstration, now()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let pem = file("roots.pem", hierarchy.root.certificate_pem().as_bytes());
    let der = file("root.cer", hierarchy.root.certificate());
    let bundle = file("issuing.txt", hierarchy.authorities_pem().as_bytes());
    let count = |roots: &Path, issuing: Option<&Path>| {
        let found = Authorities::load(roots, issuing).unwrap();
        (found.roots.len(), found.issuing.len(), found.hints().len())
    };
    assert_eq!(count(&pem, None), (1, 0, 1));
    assert_eq!(count(&der, Some(&bundle)), (1, 2, 3));
    // the same one twice is one; a hidden file and another kind are left alone
    let directory = dir.path().join("all");
    fs::create_dir(&directory).unwrap();
    fs::copy(&pem, directory.join("a.pem")).unwrap();
    fs::copy(&der, directory.join("b.cer")).unwrap();
    fs::write(directory.join(".c.pem"), "?").unwrap();
    fs::write(directory.join("README"), "?").unwrap();
    assert_eq!(count(&directory, None), (1, 0, 1));

    let found = Authorities::load(&pem, Some(&bundle)).unwrap();
    let root = found.all().next().unwrap();
    assert!(root.name().contains("ELEMENTAIRE") || root.name().contains("elementaire"), "{}", root.name());
    assert!(root.not_before() <= now() && root.not_after() > now());
    assert_eq!(found.roots_of(&found.anchors()[0]).count(), 1);
    assert_eq!(Authorities::none().all().count(), 0);
}

#[test]
fn what_is_no_authority_is_named() {
    let sample = Sample::demo();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("authorities.pem");
    let load = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        Authorities::load(&file, None).unwrap_err()
    };
    let leaf = sample.hierarchy.organisations.issue(&Leaf { subject: subject(), ..sample.leaf() }).unwrap();
    assert!(matches!(load(leaf.der()), PkiError::NotAnAuthority { .. }));
    let issuing = sample.hierarchy.authorities_pem();
    let PkiError::NotARoot { name, .. } = load(issuing.as_bytes()) else { panic!("not a root") };
    assert!(name.to_lowercase().contains("organisations"), "{name}");
    assert!(matches!(load(b""), PkiError::NoAuthority(_)));
    assert!(matches!(load(b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n"), PkiError::NoAuthority(_)));
    assert!(matches!(load(b"0"), PkiError::BadCertificate { .. }));
    let mut longer = sample.hierarchy.root.certificate().to_vec();
    longer.push(0);
    assert!(matches!(load(&longer), PkiError::BadCertificate { .. }));
    assert!(matches!(load(&vec![b'0'; 2 << 20]), PkiError::TooLarge(_)));
    let absent = dir.path().join("absent");
    assert!(matches!(Authorities::load(&absent, None), Err(PkiError::Unreadable { .. })));
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(matches!(Authorities::load(&empty, None), Err(PkiError::NoAuthority(_))));
    for at in 0..257 {
        fs::write(empty.join(format!("{at}.pem")), "").unwrap();
    }
    assert!(matches!(Authorities::load(&empty, None), Err(PkiError::TooManyFiles(_))));
}

#[test]
fn an_authority_is_its_name_and_its_key() {
    let (one, other) = (Sample::demo(), Sample::demo());
    let ids = |sample: &Sample| sample.authorities.all().map(Authority::id).collect::<Vec<_>>();
    // the same names, other keys
    let subjects =
        |sample: &Sample| sample.authorities.all().map(|found| found.subject().to_vec()).collect::<Vec<_>>();
    assert_eq!(subjects(&one), subjects(&other));
    assert!(ids(&one).iter().all(|id| !ids(&other).contains(id)));
    assert_eq!(ids(&one).first().unwrap().hex().len(), 64);
}
