//! Next hops by a real DNS, of this test's own on loopback: preference, several addresses, both families, aliases, null and implicit MX,
//! answers that do not fit a datagram, servers that fail.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, atomic::Ordering},
};

use delivery::{Dns, Names};
use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, CNAME, MX, SOA},
    },
};
use jiff::SignedDuration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    task::JoinHandle,
};

use crate::{peers::Peer, world::*};

/// What a zone says of a name.
#[derive(Clone)]
enum Say {
    Mx(u16, String),
    Address(IpAddr),
    Alias(&'static str),
    Fail,
}

/// An authoritative server of a few names; it ends with this value.
struct Zone {
    address: SocketAddr,
    names: Arc<Mutex<HashMap<String, Vec<Say>>>>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Zone {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Zone {
    async fn start() -> Self {
        let (udp, tcp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            // the same port may be taken there
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let names: Arc<Mutex<HashMap<String, Vec<Say>>>> = Arc::default();
        let (known, also) = (Arc::clone(&names), Arc::clone(&names));
        let datagrams = tokio::spawn(async move {
            let mut buffer = [0; 1_500];
            loop {
                let (count, from) = udp.recv_from(&mut buffer).await.unwrap();
                let answer = answer(&buffer[..count], &known.lock().unwrap());
                let bytes = answer.to_vec().unwrap();
                let fits = if bytes.len() <= 512 { bytes } else { answer.truncate().to_vec().unwrap() };
                let _ = udp.send_to(&fits, from).await;
            }
        });
        let streams = tokio::spawn(async move {
            loop {
                let (mut stream, _) = tcp.accept().await.unwrap();
                let names = Arc::clone(&also);
                tokio::spawn(async move {
                    while let Ok(length) = stream.read_u16().await {
                        let mut query = vec![0; length.into()];
                        if stream.read_exact(&mut query).await.is_err() {
                            return;
                        }
                        let bytes = answer(&query, &names.lock().unwrap()).to_vec().unwrap();
                        let _ = stream.write_u16(bytes.len().try_into().unwrap()).await;
                        let _ = stream.write_all(&bytes).await;
                    }
                });
            }
        });
        Zone { address, names, tasks: [datagrams, streams] }
    }

    fn say(&self, name: &str, what: impl IntoIterator<Item = Say>) {
        let mut names = self.names.lock().unwrap();
        names.entry(name.to_owned()).or_default().extend(what);
    }

    fn host(&self, name: &str, addresses: &[&str]) {
        self.say(name, addresses.iter().map(|address| Say::Address(address.parse().unwrap())));
    }

    fn mx(&self, domain: &str, hosts: &[(u16, &str)]) {
        self.say(domain, hosts.iter().map(|(preference, host)| Say::Mx(*preference, (*host).to_owned())));
    }

    fn dns(&self) -> Dns {
        Dns::asking(&[self.address]).unwrap()
    }
}

fn answer(query: &[u8], names: &HashMap<String, Vec<Say>>) -> Message {
    let query = Message::from_vec(query).unwrap();
    let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
    answer.metadata.authoritative = true;
    answer.metadata.recursion_available = true;
    answer.metadata.recursion_desired = query.metadata.recursion_desired;
    let Some(question) = query.queries.first().cloned() else { return answer };
    answer.add_query(question.clone());
    let mut name = question.name.clone();
    for _ in 0..3 {
        let text = name.to_ascii().to_ascii_lowercase();
        let Some(said) = names.get(text.trim_end_matches('.')) else {
            answer.metadata.response_code = ResponseCode::NXDomain;
            break;
        };
        let mut alias = None;
        for say in said {
            let data = match (say, question.query_type) {
                (Say::Fail, _) => {
                    answer.metadata.response_code = ResponseCode::ServFail;
                    return answer;
                }
                (Say::Mx(preference, host), RecordType::MX) => {
                    RData::MX(MX::new(*preference, Name::from_ascii(host).unwrap()))
                }
                (Say::Address(IpAddr::V4(address)), RecordType::A) => RData::A(A(*address)),
                (Say::Address(IpAddr::V6(address)), RecordType::AAAA) => RData::AAAA(AAAA(*address)),
                (Say::Alias(to), _) => {
                    let to = Name::from_ascii(to).unwrap();
                    alias = Some(to.clone());
                    RData::CNAME(CNAME(to))
                }
                _ => continue,
            };
            answer.add_answer(Record::from_rdata(name.clone(), 60, data));
        }
        match alias {
            Some(to) => name = to,
            None => break,
        }
    }
    if answer.answers.is_empty() {
        let own = Name::from_ascii("test.").unwrap();
        let soa = SOA::new(own.clone(), own.clone(), 1, 60, 60, 60, 60);
        answer.add_authority(Record::from_rdata(own, 60, RData::SOA(soa)));
    }
    answer
}

#[tokio::test]
async fn a_message_takes_the_first_host_that_is_there_of_those_that_the_dns_names() {
    let mut world = World::start().await;
    let zone = Zone::start().await;
    let first = Peer::start_on(&world.tls("sud"), "127.0.0.3:0").await;
    world.settings.port = first.port;
    let second = Peer::start_on(&world.tls("sud"), &format!("127.0.0.4:{}", first.port)).await;
    let implicit = Peer::start_on(&world.tls("est"), &format!("127.0.0.5:{}", first.port)).await;
    zone.mx(SUD, &[(20, "second.test."), (5, "away.test."), (10, "alias.test."), (3, "nowhere.test.")]);
    zone.host("away.test", &["127.0.0.2", "::1"]);
    zone.say("alias.test", [Say::Alias("first.test.")]);
    zone.host("first.test", &["127.0.0.2", "127.0.0.3"]);
    zone.host("second.test", &["127.0.0.4"]);
    zone.host(EST, &["127.0.0.5"]);
    let relay = world.relay_with(Arc::new(zone.dns()));
    world.send(Letter::to(&[&format!("a@{SUD}"), &format!("b@{EST}")])).await;
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    let taken = |peer: &Peer| peer.inbox.taken().len();
    assert_eq!((taken(&first), taken(&second), taken(&implicit)), (1, 0, 1));
    world.until("the end of that connection", |_| first.inbox.at_once.load(Ordering::SeqCst) == 0).await;
    drop(first);
    world.clock.advance(SignedDuration::from_mins(1));
    world.send(Letter::to(&[&format!("c@{SUD}")])).await;
    world.until("the second host", |_| second.inbox.taken().len() == 1).await;
    world.end(relay).await;
}

#[tokio::test]
async fn a_domain_that_takes_no_mail_and_one_that_points_here_are_told_apart() {
    let mut world = World::start().await;
    let zone = Zone::start().await;
    zone.mx(EST, &[(0, ".")]);
    zone.mx(SUD, &[(10, "mail.chu-nord.test.")]);
    zone.host("mail.chu-nord.test", &["127.0.0.1"]);
    world.settings.port = 9;
    let relay = world.relay_with(Arc::new(zone.dns()));
    world.send(Letter::to(&[&format!("a@{EST}")])).await;
    world.send(Letter::to(&[&format!("b@{SUD}")])).await;
    world.until("a report", |world| world.reports().len() == 1 && world.queue().len() == 1).await;
    assert!(world.reports()[0].contains("Status: 5.1.10"), "{}", world.reports()[0]);
    world.until("an attempt", |world| world.queue()[0].attempts == 1).await;
    let last = world.queue()[0].last.clone().unwrap();
    assert!(last.contains("mx-is-self") && last.contains("mail.chu-nord.test"), "{last}");
    world.end(relay).await;
}

#[tokio::test]
async fn what_dns_cannot_say_is_asked_again_and_long_answers_come_whole() {
    let zone = Zone::start().await;
    let dns = zone.dns();
    assert!(dns.exchanges("nobody.test").await.is_err(), "a listed domain may be missing for a while");
    zone.say("broken.test", [Say::Fail]);
    assert!(dns.exchanges("broken.test").await.is_err() && dns.addresses("broken.test").await.is_err());
    zone.host("bare.test", &["192.0.2.1"]);
    assert_eq!(dns.exchanges("bare.test").await.unwrap(), []);
    zone.mx("only.test", &[(10, "host.only.test.")]);
    assert_eq!(dns.addresses("only.test").await.unwrap(), [] as [IpAddr; 0]);
    let hosts: Vec<String> =
        (0..60).map(|number| format!("a-rather-long-name-{number}.many.test.")).collect();
    zone.mx("many.test", &hosts.iter().map(|host| (10, host.as_str())).collect::<Vec<_>>());
    let mut found = dns.exchanges("many.test").await.unwrap();
    assert_eq!(found.len(), 60, "by TCP where a datagram is too short");
    found.sort();
    assert!(found.iter().all(|(preference, host)| *preference == 10 && hosts.contains(host)));
}
