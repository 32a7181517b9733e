#![allow(missing_docs, clippy::unwrap_used)]
use std::{path::Path, time::Instant};
use pki::*;
fn main() {
    let bytes = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let dir = std::env::args().nth(2).unwrap();
    let at = "2025-03-01T00:00:00Z".parse().unwrap();
    let mut settings = TrustSettings::new(Path::new(&dir), Path::new("/nonexistent"), Path::new("/x"), Path::new("/x"));
    settings.signers = vec!["C=FR, ST=Hauts-de-Seine (92), O=CAPGEMINI TECHNOLOGY SERVICES, OU=347976684200724, CN=alb.mssante.fr".parse().unwrap()];
    let roots = std::path::PathBuf::from(&dir).join("racine-elementaire.pem");
    let authorities = Authorities::load(&roots, None).unwrap();
    for _ in 0..5 {
        let t = Instant::now();
        let e = examine_list(&bytes, &authorities, &Revocations::none(), &settings, at);
        let all = t.elapsed();
        let t = Instant::now();
        let r = SignedList::read(&bytes).map(|_| ());
        println!("examine {all:?} read+verify {:?} {r:?}", t.elapsed());
        if e.steps.len() == 0 { panic!() }
    }
    let e = examine_list(&bytes, &authorities, &Revocations::none(), &settings, at);
    for s in &e.steps { println!("{:?}", s); }
    println!("{:?} {:?} {:?}", e.generated, e.counts, e.faults);
}
