//! The parts of one delivery that are worked out before the committer sees it: ratios to sealing 4 KiB, in one run.

use message::{Limits, Scanner};
use mssante::{
    Address, Rights, State, Tag,
    route::{Answers, Facts, Place, Sender, decide},
};
use store::Store;

use super::common::{header, sealed, variant};
use super::rows::{row, table};

const BODY: usize = 4 << 10;

pub(crate) fn measure(store: &Store) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (body, header) = (super::noise(BODY), header(1));
    let record = variant(1, &body).index;
    let to = |number: usize| Address::parse(&format!("boite{number}@chu-sud.mssante.fr")).unwrap();
    let recipients: Vec<(Address, Place)> = (0..10).map(|number| (to(number), Place::TrustSpace)).collect();
    let facts = Facts {
        sender: Sender { rights: Rights::Full, state: State::Valide },
        recipients: &recipients,
        tag: Tag::Absent,
        answers: Answers::No,
        structure_all_secure: false,
        smart_host: false,
    };
    let index = || {
        let mut scanner = Scanner::new(Limits::default());
        scanner.feed(&header).unwrap();
        scanner.feed(&body).unwrap();
        message::index(&header, &scanner.finish().unwrap())
    };
    let rows = vec![
        row("seal a body of 4 KiB, key and all", || runtime.block_on(sealed(store, &body)).len()),
        row("scan it and build its index record", index),
        row("write the index record", || record.encode()),
        row("decide the route, 10 recipients", || decide(&facts)),
    ];
    table("before the commit", BODY, (1, "message"), rows);
}
