//! The client against hosts of its own on loopback: good ones, broken ones, hostile ones.

#![allow(clippy::unwrap_used, clippy::panic)]

mod host;

use std::{sync::Arc, time::Duration};

use fetch::{Answer, Client, Document, FetchFault, Proxy, Request, Url, Validators};
use host::{Host, Secure, answer};
use rustls::{ClientConfig, RootCertStore};

const MOST: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

fn trusting(certificate: Option<&rcgen::Certificate>) -> Client {
    let mut roots = RootCertStore::empty();
    if let Some(certificate) = certificate {
        roots.add(certificate.der().clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client { proxy: None, tls: Arc::new(tls), agent: "vaguemestre/test".to_owned() }
}

async fn get(url: &str, known: Option<&Validators>) -> Result<Answer, FetchFault> {
    fetch_with(&trusting(None), url, known).await
}

async fn fetch_with(client: &Client, url: &str, known: Option<&Validators>) -> Result<Answer, FetchFault> {
    let url = Url::parse(url).unwrap();
    client.fetch(Request { url: &url, known, most: MOST, time: PATIENCE }).await
}

fn whole(answer: Result<Answer, FetchFault>) -> Document {
    match answer {
        Ok(Answer::Document(document)) => document,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_document_comes_once_and_is_confirmed_afterwards() {
    let host = Host::plain(|head| {
        if head.contains("if-none-match: \"one\"\r\n") {
            assert!(head.contains("if-modified-since: Sat, 21 Nov 2026 10:00:00 GMT\r\n"), "{head}");
            return answer("304 Not Modified", &[], b"");
        }
        assert!(head.starts_with("GET /list.xml?a=b HTTP/1.1\r\n"), "{head}");
        assert!(
            head.contains("accept-encoding: identity\r\n")
                && head.contains("user-agent: vaguemestre/test\r\n")
        );
        let fields =
            ["ETag: \"one\"", "Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT", "Content-Type: text/xml"];
        answer("200 OK", &fields, b"<list/>")
    });
    let url = host.url("/list.xml?a=b");
    let first = whole(get(&url, None).await);
    assert_eq!((first.bytes.as_slice(), first.kind.as_deref()), (&b"<list/>"[..], Some("text/xml")));
    assert_eq!(get(&url, Some(&first.validators)).await, Ok(Answer::Unchanged));
    // they are kept between two runs of the service
    let kept: Validators = serde_json::from_str(&serde_json::to_string(&first.validators).unwrap()).unwrap();
    assert_eq!(get(&url, Some(&kept)).await, Ok(Answer::Unchanged));
}

#[tokio::test]
async fn what_is_known_of_one_place_is_not_told_to_another() {
    let host = Host::plain(|head| {
        assert!(!head.contains("if-none-match") || head.starts_with("GET /one "), "{head}");
        answer("200 OK", &["ETag: \"x\""], head.split(' ').nth(1).unwrap().as_bytes())
    });
    let one = whole(get(&host.url("/one"), None).await);
    let two = whole(get(&host.url("/two"), Some(&one.validators)).await);
    assert_eq!(two.bytes, b"/two");
}

#[tokio::test]
async fn a_confirmation_that_nobody_asked_for_confirms_nothing() {
    let host = Host::plain(|_| answer("304 Not Modified", &[], b""));
    let fault = get(&host.url("/"), None).await.unwrap_err();
    assert!(matches!(fault, FetchFault::Status { code: 304, .. }), "{fault:?}");
}

#[tokio::test]
async fn another_answer_is_no_document_and_may_say_when_to_come_back() {
    let host = Host::plain(|head| {
        if head.starts_with("GET /403") {
            return answer("403 Forbidden", &["Content-Type: text/html"], b"<html>too fast</html>");
        }
        answer("429 Too Many Requests", &["Retry-After: 120"], b"")
    });
    let fault = get(&host.url("/403"), None).await.unwrap_err();
    assert_eq!(fault.to_string(), "the host answered 403 with text/html");
    assert_eq!(fault.retry_after(), None);
    let fault = get(&host.url("/429"), None).await.unwrap_err();
    assert_eq!(fault.retry_after(), Some(Duration::from_secs(120)));
}

#[tokio::test]
async fn redirects_are_few_and_lead_to_documents_only() {
    let host = Host::plain(|head| match head.split(' ').nth(1).unwrap() {
        "/a" => answer("302 Found", &["Location: /b"], b""),
        "/b" => answer("200 OK", &[], b"b"),
        "/ldap" => answer("301 Moved Permanently", &["Location: ldap://x/y"], b""),
        "/file" => answer("301 Moved Permanently", &["Location: file:///etc/passwd"], b""),
        "/none" => answer("301 Moved Permanently", &[], b""),
        path => answer("307 Temporary Redirect", &[&format!("Location: {path}x")], b""),
    });
    assert_eq!(whole(get(&host.url("/a"), None).await).bytes, b"b");
    for path in ["/ldap", "/file", "/none"] {
        let fault = get(&host.url(path), None).await.unwrap_err();
        assert!(matches!(fault, FetchFault::Redirect { .. }), "{path}: {fault:?}");
    }
    assert_eq!(get(&host.url("/again"), None).await, Err(FetchFault::TooManyRedirects));
    assert_eq!(host.requests(), 2 + 3 + 1 + fetch::MAX_REDIRECTS);
}

#[tokio::test]
async fn a_document_beyond_the_bound_is_left_there() {
    let announced = Host::plain(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 524288000\r\n\r\n".to_vec());
    assert_eq!(get(&announced.url("/"), None).await, Err(FetchFault::TooLarge(MOST)));
    let streamed = Host::streaming(|write| {
        write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
        let piece = vec![b'x'; 1 << 16];
        // 500 MiB, unless somebody says that it is enough
        (0..8_000).try_for_each(|_| write(&piece))
    });
    assert_eq!(get(&streamed.url("/"), None).await, Err(FetchFault::TooLarge(MOST)));
}

#[tokio::test]
async fn a_trickle_ends_with_the_time_that_it_has() {
    let host = Host::streaming(|write| {
        write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
        loop {
            write(b"x")?;
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let url = Url::parse(&host.url("/")).unwrap();
    let request = Request { url: &url, known: None, most: MOST, time: Duration::from_secs(2) };
    assert_eq!(trusting(None).fetch(request).await, Err(FetchFault::TooSlow(2)));
}

#[tokio::test]
async fn an_answer_that_is_cut_or_coded_or_nonsense_is_no_document() {
    let host = Host::plain(|head| match head.split(' ').nth(1).unwrap() {
        "/cut" => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec(),
        "/chunk" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf".to_vec(),
        "/nothing" => Vec::new(),
        "/gzip" => answer("200 OK", &["Content-Encoding: gzip"], b"\x1f\x8b"),
        _ => b"220 mail.example ESMTP\r\n".to_vec(),
    });
    for path in ["/cut", "/chunk", "/nothing"] {
        assert_eq!(get(&host.url(path), None).await, Err(FetchFault::Cut), "{path}");
    }
    assert_eq!(get(&host.url("/gzip"), None).await, Err(FetchFault::Coded("gzip".to_owned())));
    let fault = get(&host.url("/smtp"), None).await.unwrap_err();
    assert!(matches!(fault, FetchFault::Protocol(_)), "{fault:?}");
    // a head without end
    let host = Host::streaming(|write| {
        write(b"HTTP/1.1 200 OK\r\nX: ")?;
        (0..1_000).try_for_each(|_| write(&[b'x'; 1 << 10]))
    });
    let fault = get(&host.url("/"), None).await.unwrap_err();
    assert!(matches!(fault, FetchFault::Protocol(_)), "{fault:?}");
}

#[tokio::test]
async fn a_host_that_is_not_there_is_told() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fault = get(&format!("http://{nobody}/"), None).await.unwrap_err();
    assert!(fault.to_string().starts_with("127.0.0.1 cannot be reached: "), "{fault}");
}

#[tokio::test]
async fn an_encrypted_host_must_have_the_right_name_and_authority() {
    let secure = Secure::new("localhost");
    let host = Host::secure(&secure, |_| answer("200 OK", &[], b"secret"));
    let url = host.url("/").replace("127.0.0.1", "localhost");
    let client = trusting(Some(&secure.certificate));
    assert_eq!(whole(fetch_with(&client, &url, None).await).bytes, b"secret");
    for (client, url) in [(&client, host.url("/")), (&trusting(None), url)] {
        let fault = fetch_with(client, &url, None).await.unwrap_err();
        assert!(matches!(fault, FetchFault::Tls { .. }), "{fault:?}");
    }
    // in clear, it says nothing of use
    let fault = fetch_with(&client, &host.url("/").replace("https", "http"), None).await.unwrap_err();
    assert!(matches!(fault, FetchFault::Cut | FetchFault::Protocol(_)), "{fault:?}");
}

#[tokio::test]
async fn nothing_leads_out_of_tls() {
    let plain = Host::plain(|_| answer("200 OK", &[], b"in clear"));
    let there = plain.url("/x");
    let secure = Secure::new("localhost");
    let host = Host::secure(&secure, move |_| answer("302 Found", &[&format!("Location: {there}")], b""));
    let client = trusting(Some(&secure.certificate));
    let url = host.url("/").replace("127.0.0.1", "localhost");
    let fault = fetch_with(&client, &url, None).await.unwrap_err();
    assert!(matches!(fault, FetchFault::Downgrade(_)), "{fault:?}");
    assert_eq!(plain.requests(), 0);
}

#[tokio::test]
async fn a_proxy_is_asked_for_plain_documents_and_opens_the_way_to_encrypted_ones() {
    let secure = Secure::new("liste.example");
    let host = Host::secure(&secure, |head| {
        assert!(head.contains("host: liste.example\r\n") && !head.contains("proxy-authorization"), "{head}");
        answer("200 OK", &[], b"through")
    });
    let proxy = Host::proxy(host.address(), |head| {
        assert!(head.contains("proxy-authorization: Basic dTpw\r\n"), "{head}");
        answer("200 OK", &[], head.split(' ').nth(1).unwrap().as_bytes())
    });
    let mut client = trusting(Some(&secure.certificate));
    client.proxy = Some(Proxy::parse(&format!("http://u:p@{}", proxy.address())).unwrap());
    let asked = whole(fetch_with(&client, "http://crl.example/CRL/x.crl", None).await);
    assert_eq!(asked.bytes, b"http://crl.example/CRL/x.crl");
    let through = whole(fetch_with(&client, "https://liste.example/list.xml", None).await);
    assert_eq!(through.bytes, b"through");

    let closed = Host::plain(|_| answer("407 Proxy Authentication Required", &[], b""));
    client.proxy = Some(Proxy::parse(&format!("http://u:geheim@{}", closed.address())).unwrap());
    let fault = fetch_with(&client, "https://liste.example/", None).await.unwrap_err();
    assert!(fault.to_string().ends_with("refuses: it answered 407"), "{fault}");
    assert!(!fault.to_string().contains("geheim"), "{fault}");
}
