//! Scanners that stall, cut and lie.

use std::future::Future;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

/// A scanner that plays what is written here, one connection after the other.
async fn playing<F, P>(play: P) -> SocketAddr
where
    P: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            play(stream).await;
        }
    });
    address
}

/// Reads a whole stream as a clamd does, and gives what was shown.
async fn heard(stream: &mut TcpStream) -> Vec<u8> {
    let mut command = [0; 10];
    stream.read_exact(&mut command).await.unwrap();
    assert_eq!(&command, b"zINSTREAM\0");
    let mut shown = Vec::new();
    loop {
        let length = stream.read_u32().await.unwrap();
        if length == 0 {
            return shown;
        }
        let mut piece = vec![0; length as usize];
        stream.read_exact(&mut piece).await.unwrap();
        shown.extend(piece);
    }
}

fn scanner(address: SocketAddr, change: impl FnOnce(&mut ScanSettings)) -> Arc<Scanner> {
    let mut settings = ScanSettings::new(ScanAddress::Tcp(address));
    change(&mut settings);
    Arc::new(Scanner::new(settings))
}

async fn shown(scanner: &Arc<Scanner>, pieces: &[&[u8]]) -> Result<Verdict, (u16, &'static str)> {
    let mut scan = Scan::new(Arc::clone(scanner));
    for piece in pieces {
        scan.show(piece).await;
    }
    scan.finish().await.map_err(|denial| (denial.code, denial.reason))
}

#[tokio::test]
async fn all_of_a_message_is_shown_and_the_verdict_obeyed() {
    let address = playing(|mut stream| async move {
        let text = heard(&mut stream).await;
        let found = text.windows(5).any(|window| window == b"virus");
        let answer: &[u8] = if found { b"stream: Test-Virus FOUND\0" } else { b"stream: OK\0" };
        stream.write_all(answer).await.unwrap();
    })
    .await;
    let scanner = scanner(address, |_| {});
    assert_eq!(shown(&scanner, &[b"a letter", b" and its end"]).await, Ok(Verdict::Clean));
    assert_eq!(shown(&scanner, &[b"a vi", b"", b"rus"]).await, Err((550, "infected")));
    assert_eq!(shown(&scanner, &[]).await, Ok(Verdict::Clean), "of nothing nothing is asked");
    assert_eq!((scanner.statistics().clean(), scanner.statistics().infected()), (2, 1));
}

#[tokio::test]
async fn who_stalls_cuts_or_lies_has_judged_nothing() {
    let stalls = playing(|stream| async move {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        drop(stream);
    })
    .await;
    let cuts = playing(|mut stream| async move {
        let mut some = [0; 12];
        stream.read_exact(&mut some).await.unwrap();
    })
    .await;
    let cuts_late = playing(|mut stream| async move {
        heard(&mut stream).await;
        stream.write_all(b"stream: O").await.unwrap();
    })
    .await;
    let babbles = playing(|mut stream| async move {
        heard(&mut stream).await;
        let _ = stream.write_all(&[b'x'; 100_000]).await;
    })
    .await;
    let mocks = playing(|mut stream| async move {
        heard(&mut stream).await;
        stream.write_all(b"stream: OK FOUND ERROR\0").await.unwrap();
    })
    .await;
    for (address, name) in
        [(stalls, "stalls"), (cuts, "cuts"), (cuts_late, "cuts late"), (babbles, "babbles"), (mocks, "mocks")]
    {
        let short = |settings: &mut ScanSettings| {
            if name == "stalls" {
                settings.timeout = Duration::from_millis(50);
            }
        };
        let refusing = scanner(address, short);
        assert_eq!(shown(&refusing, &[b"a letter"]).await, Err((451, "not-scanned")), "{name}");
        assert_eq!(refusing.statistics().unscanned(), 1);
        let passing = scanner(address, |settings| {
            short(settings);
            settings.on_failure = OnFailure::Pass;
        });
        assert!(matches!(shown(&passing, &[b"a letter"]).await, Ok(Verdict::Unscanned(_))), "{name}");
    }
}

#[tokio::test]
async fn nobody_there_is_said_and_so_is_a_message_that_is_too_large() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = listener.local_addr().unwrap();
    drop(listener);
    let scanner_gone = scanner(gone, |settings| settings.on_failure = OnFailure::Pass);
    assert_eq!(shown(&scanner_gone, &[b"x"]).await, Ok(Verdict::Unscanned(Failure::NoConnection)));
    let small = scanner(gone, |settings| settings.max_bytes = 3);
    assert_eq!(shown(&small, &[b"four"]).await, Err((552, "too-large-to-scan")));
    let limited = playing(|mut stream| async move {
        let mut some = [0; 200];
        stream.read_exact(&mut some).await.unwrap();
        stream.write_all(b"INSTREAM size limit exceeded. ERROR\0").await.unwrap();
    })
    .await;
    let limited = scanner(limited, |_| {});
    let piece: &[u8] = &[b'x'; 500];
    assert!(
        [(552, "too-large-to-scan"), (451, "not-scanned")]
            .contains(&shown(&limited, &[piece; 200]).await.unwrap_err()),
        "whether its last words are read or lost with the connection is up to the system"
    );
    let path = ScanAddress::Unix("/nonexistent/clamd.ctl".into());
    let nowhere = Arc::new(Scanner::new(ScanSettings::new(path)));
    assert_eq!(shown(&nowhere, &[b"x"]).await, Err((451, "not-scanned")));
}

#[tokio::test]
async fn no_more_than_so_many_are_shown_at_once() {
    let address = playing(|mut stream| async move {
        heard(&mut stream).await;
        stream.write_all(b"stream: OK\0").await.unwrap();
    })
    .await;
    let scanner = scanner(address, |settings| settings.timeout = Duration::from_secs(2));
    let mut scans = Vec::new();
    for _ in 0..=AT_ONCE {
        let mut scan = Scan::new(Arc::clone(&scanner));
        scan.show(b"x").await;
        scans.push(scan);
    }
    assert!(matches!(scans.pop().unwrap().state, State::Failed(Failure::Crowded)), "nobody's turn ended");
    scans.truncate(AT_ONCE - 1);
    let mut next = Scan::new(Arc::clone(&scanner));
    next.show(b"x").await;
    assert!(matches!(next.state, State::Showing(_)), "one did");
}
