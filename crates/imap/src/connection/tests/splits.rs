//! However the bytes of a conversation are cut into packets, the same is answered: reading may be broken off at any byte.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::{FakeBackend, no_tls, settings};
use crate::{
    connection::{Ended, Mode, Stop, serve_on},
    wire::framing::Limits,
};

/// Every state that reads: before login, commands, literals, IDLE with what follows DONE, AUTHENTICATE, APPEND.
const SAID: &[u8] = b"a AUTHENTICATE PLAIN\r\n*\r\nb LOGIN person@x.fr {13}\r\ndemonstration\r\n\
c IDLE\r\nDONE\r\nd NOOP\r\ne IDLE\r\ndone\r\nf LIST \"\" {1+}\r\n*\r\n\
g APPEND Sent {10+}\r\n0123456789\r\nh APPEND Sent {3}\r\nabc\r\n\r\ni IDLE\r\nnot this {3}\r\nj LOGOUT\r\n";

/// All that the server says to `SAID`, sent in pieces that end at `cuts`.
async fn answers(cuts: &[usize]) -> (String, Ended) {
    let (mut ours, theirs) = duplex(Limits::STRANGER.line);
    let (_stop, stopped) = tokio::sync::watch::channel(Stop::Run);
    let served = tokio::spawn(async move {
        let backend = FakeBackend::new(settings());
        let peer = std::net::Ipv4Addr::LOCALHOST.into();
        serve_on(theirs, Mode::Plain, peer, no_tls(), &backend, stopped).await
    });
    let mut rest = SAID;
    let mut sent = 0;
    for &cut in cuts {
        let (piece, left) = rest.split_at(cut - sent);
        ours.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
        (rest, sent) = (left, cut);
    }
    ours.write_all(rest).await.unwrap();
    let mut said = String::new();
    ours.read_to_string(&mut said).await.unwrap();
    (said, served.await.unwrap())
}

fn run(cuts: &[usize]) -> (String, Ended) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(answers(cuts))
}

#[test]
fn one_packet_and_a_packet_a_byte_are_answered_alike() {
    let (whole, ended) = run(&[]);
    assert_eq!(ended, Ended::Logout, "{whole}");
    assert!(
        whole.ends_with("i BAD IDLE ended: expected DONE\r\n* BYE see you soon\r\nj OK LOGOUT done\r\n"),
        "{whole}"
    );
    assert_eq!(run(&(1..SAID.len()).collect::<Vec<_>>()), (whole, ended));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_cut_is_answered_alike(cuts in proptest::collection::btree_set(1..SAID.len(), 0..24)) {
        let cuts: Vec<usize> = cuts.into_iter().collect();
        prop_assert_eq!(run(&cuts), run(&[]));
    }
}
