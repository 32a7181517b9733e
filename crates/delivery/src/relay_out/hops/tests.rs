//! Order of hosts, null and implicit MX, static routes, names without an answer.

use std::{collections::HashMap, time::Duration};

use super::*;
use crate::relay_out::Route;

/// Names in memory: a domain that is not there has no answer.
#[derive(Default)]
struct Book {
    exchanges: HashMap<&'static str, Vec<(u16, &'static str)>>,
    addresses: HashMap<&'static str, Vec<&'static str>>,
}

impl Names for Book {
    fn exchanges<'a>(&'a self, domain: &'a str) -> Lookup<'a, Vec<(u16, String)>> {
        let found = self.exchanges.get(domain).ok_or_else(|| NameError("SERVFAIL".to_owned()));
        let found = found.map(|found| found.iter().map(|(p, name)| (*p, (*name).to_owned())).collect());
        Box::pin(async move {
            if domain == "slow.test" {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
            }
            found
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Lookup<'a, Vec<IpAddr>> {
        let found =
            self.addresses.get(host).map(|found| found.iter().map(|ip| ip.parse().unwrap()).collect());
        Box::pin(async move { found.ok_or_else(|| NameError("SERVFAIL".to_owned())) })
    }
}

fn settings() -> RelaySettings {
    RelaySettings { hosts: 3, lookup: Duration::from_millis(20), ..RelaySettings::new("mail.nord.test") }
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

async fn names(book: &Book, of: &str) -> Vec<String> {
    let found = hosts(&domain(of), &settings(), book).await.unwrap();
    assert!(found.iter().all(|host| host.port == 25 && !host.fixed));
    found.into_iter().map(|host| host.name).collect()
}

fn fault(what: What) -> (&'static str, &'static str, bool) {
    match what {
        What::Trouble(fault) => (fault.reason, fault.status, false),
        What::Hopeless(fault) => (fault.reason, fault.status, true),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn hosts_come_by_preference_and_no_more_than_the_limit() {
    let mut book = Book::default();
    book.exchanges
        .insert("a.test", vec![(20, "c.a.test."), (10, "b.a.test."), (30, "d.a.test."), (40, "e.a.test.")]);
    assert_eq!(names(&book, "a.test").await, ["b.a.test", "c.a.test", "d.a.test"]);
    book.exchanges.insert("a.test", vec![(10, "b.a.test."), (10, "c.a.test.")]);
    let mut first = std::collections::HashSet::new();
    for _ in 0..100 {
        first.insert(names(&book, "a.test").await.remove(0));
    }
    assert_eq!(first.len(), 2, "equal preferences share the load");
}

#[tokio::test]
async fn a_domain_without_mx_is_its_own_host_and_a_null_mx_is_the_end() {
    let mut book = Book::default();
    book.exchanges.insert("a.test", vec![]);
    assert_eq!(names(&book, "a.test").await, ["a.test"]);
    book.exchanges.insert("a.test", vec![(0, ".")]);
    let null = hosts(&domain("a.test"), &settings(), &book).await.unwrap_err();
    assert_eq!(fault(null), ("null-mx", "5.1.10", true));
    book.exchanges.insert("a.test", vec![(0, "."), (5, "b.a.test.")]);
    assert_eq!(names(&book, "a.test").await, ["b.a.test"], "RFC 7505 §3: it is null only alone");
}

#[tokio::test]
async fn names_without_an_answer_are_tried_again() {
    let mut book = Book::default();
    book.exchanges.insert("slow.test", vec![(1, "x.test.")]);
    for unknown in ["gone.test", "slow.test"] {
        let error = hosts(&domain(unknown), &settings(), &book).await.unwrap_err();
        assert_eq!(fault(error), ("dns", "4.4.3", false));
    }
    let host = |name: &str| Host { name: name.to_owned(), port: 25, fixed: false };
    let error = addresses(&host("gone.test"), &settings(), &book).await.unwrap_err();
    assert_eq!(fault(error), ("dns", "4.4.3", false));
    book.addresses.insert("empty.test", vec![]);
    let error = addresses(&host("empty.test"), &settings(), &book).await.unwrap_err();
    assert_eq!(fault(error), ("no-address", "4.4.4", false));
    book.addresses.insert("both.test", vec!["::1", "127.0.0.1", "::1"]);
    let found = addresses(&host("both.test"), &settings(), &book).await.unwrap();
    assert_eq!(found, ["127.0.0.1:25".parse().unwrap(), "[::1]:25".parse().unwrap()]);
}

#[tokio::test]
async fn a_static_route_asks_no_mx_and_may_be_an_address() {
    let mut settings = settings();
    settings.routes.insert(domain("a.test"), Route { host: "127.0.0.1".to_owned(), port: 2526 });
    let found = hosts(&domain("a.test"), &settings, &Book::default()).await.unwrap();
    assert_eq!(found.len(), 1);
    let found = addresses(&found[0], &settings, &Book::default()).await.unwrap();
    assert_eq!(found, ["127.0.0.1:2526".parse().unwrap()]);
}

#[tokio::test]
async fn nothing_goes_to_this_server_or_to_those_that_would_send_it_here() {
    let mut book = Book::default();
    let own = "MAIL.nord.test.";
    book.exchanges
        .insert("a.test", vec![(10, "one.test."), (20, own), (20, "two.test."), (30, "three.test.")]);
    book.exchanges.insert("b.test", vec![(20, own), (20, "two.test.")]);
    assert_eq!(names(&book, "a.test").await, ["one.test"]);
    let none = hosts(&domain("b.test"), &settings(), &book).await.unwrap_err();
    assert_eq!(fault(none), ("mx-is-self", "4.4.6", false));
}
