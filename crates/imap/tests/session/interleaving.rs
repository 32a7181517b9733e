//! Two connections that do anything to one mailbox in any order: what each was told is what is there (RFC 3501 §5.2).

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use crate::{
    messages,
    stage::{Client, Stage},
};

/// One command of one of the connections; numbers are taken modulo what the client counts.
#[derive(Debug, Clone)]
enum Deed {
    /// Both look, and know the same.
    Agree,
    Append,
    Store {
        number: usize,
        mode: char,
        flag: &'static str,
        silent: bool,
        by_uid: bool,
    },
    Expunge,
    UidExpunge(usize),
    Copy(usize),
    Move {
        number: usize,
        by_uid: bool,
    },
    Search,
}

fn deed() -> impl Strategy<Value = Deed> {
    // Few, so that both connections often mean the same message.
    let number = 0usize..3;
    let flag = prop::sample::select(vec!["\\Seen", "\\Flagged", "\\Deleted", "Urgent"]);
    let mode = prop::sample::select(vec!['+', '-', '=']);
    prop_oneof![
        2 => Just(Deed::Agree),
        2 => Just(Deed::Append),
        6 => (number.clone(), mode, flag, any::<bool>(), any::<bool>()).prop_map(
            |(number, mode, flag, silent, by_uid)| Deed::Store { number, mode, flag, silent, by_uid }
        ),
        2 => Just(Deed::Expunge),
        1 => number.clone().prop_map(Deed::UidExpunge),
        1 => number.clone().prop_map(Deed::Copy),
        1 => (number, any::<bool>()).prop_map(|(number, by_uid)| Deed::Move { number, by_uid }),
        1 => Just(Deed::Search),
    ]
}

/// A client that believes what it is told.
struct Believer {
    client: Client,
    /// UID and flags of each message, in order; a UID of 0 was not told yet.
    known: Vec<(u32, BTreeSet<String>)>,
}

impl Believer {
    async fn new(stage: &Stage) -> Self {
        let mut believer = Self { client: stage.client(), known: Vec::new() };
        believer.say("SELECT INBOX").await;
        believer
    }

    /// Says something, takes in the answer, and asks about messages that are new.
    async fn say(&mut self, command: &str) -> String {
        let answer = self.client.say(command).await;
        self.hear(&answer);
        while let Some(new) = self.known.iter().position(|(uid, _)| *uid == 0) {
            let told = self.client.say(&format!("UID FETCH {}:* (UID FLAGS)", self.last_uid() + 1)).await;
            self.hear(&told);
            // It may be gone already; then the next look says so.
            if self.known.get(new).is_some_and(|(uid, _)| *uid == 0) {
                let told = self.client.say("NOOP").await;
                self.hear(&told);
            }
        }
        answer
    }

    fn last_uid(&self) -> u32 {
        self.known.iter().map(|(uid, _)| *uid).max().unwrap_or(0)
    }

    fn hear(&mut self, answer: &str) {
        for line in answer.lines() {
            let mut words = line.splitn(4, ' ');
            let (Some("*"), Some(number), Some(word)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<usize>() else { continue };
            match word {
                "EXPUNGE" => {
                    self.known.remove(number - 1);
                }
                "EXISTS" => {
                    assert!(number >= self.known.len(), "EXISTS never shrinks: {line}");
                    self.known.resize(number, (0, BTreeSet::new()));
                }
                "FETCH" => self.hear_fetch(number, words.next().unwrap_or_default()),
                _ => {}
            }
        }
    }

    fn hear_fetch(&mut self, number: usize, items: &str) {
        let (uid, flags) = &mut self.known[number - 1];
        if let Some((_, rest)) = items.split_once("UID ") {
            let told: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let told = told.parse().unwrap();
            assert!(*uid == 0 || *uid == told, "number {number} was {uid} and is {told}");
            *uid = told;
        }
        let (_, rest) = items.split_once("FLAGS (").unwrap();
        let list = rest.split(')').next().unwrap();
        *flags = list.split_ascii_whitespace().map(str::to_owned).collect();
    }

    async fn does(&mut self, deed: &Deed) {
        let pick = |number: usize| number.checked_rem(self.known.len()).map(|at| at + 1);
        match deed {
            Deed::Agree => {}
            Deed::Expunge => drop(self.say("EXPUNGE").await),
            Deed::Search => drop(self.say("SEARCH UNSEEN").await),
            Deed::Append => {
                let told = self.client.append("INBOX", &messages::named("other"), 4096).await;
                self.hear(&told);
                self.say("NOOP").await;
            }
            Deed::UidExpunge(number) => {
                let Some(number) = pick(*number) else { return };
                self.say(&format!("UID EXPUNGE {}", self.known[number - 1].0)).await;
            }
            Deed::Copy(number) => {
                let Some(number) = pick(*number) else { return };
                self.say(&format!("COPY {number} INBOX")).await;
            }
            Deed::Move { number, by_uid } => {
                let Some(number) = pick(*number) else { return };
                self.say(&self.name("MOVE", number, *by_uid, "Trash")).await;
            }
            Deed::Store { number, mode, flag, silent, by_uid } => {
                let Some(number) = pick(*number) else { return };
                self.store(number, *mode, flag, *silent, *by_uid).await;
            }
        }
    }

    /// After a silent STORE that was done, the client takes its own word for what it did not hear.
    async fn store(&mut self, number: usize, mode: char, flag: &str, silent: bool, by_uid: bool) {
        let sign = if mode == '=' { String::new() } else { mode.to_string() };
        let silence = if silent { ".SILENT" } else { "" };
        if silent {
            let flags = &mut self.known[number - 1].1;
            match mode {
                '+' => drop(flags.insert(flag.to_owned())),
                '-' => drop(flags.remove(flag)),
                _ => *flags = BTreeSet::from([flag.to_owned()]),
            }
        }
        self.say(&self.name("STORE", number, by_uid, &format!("{sign}FLAGS{silence} ({flag})"))).await;
    }

    fn name(&self, command: &str, number: usize, by_uid: bool, rest: &str) -> String {
        if by_uid {
            format!("UID {command} {} {rest}", self.known[number - 1].0)
        } else {
            format!("{command} {number} {rest}")
        }
    }
}

async fn play(deeds: &[(bool, Deed)]) {
    let stage = Stage::new().await;
    for _ in 0..4 {
        stage.client().append("INBOX", &messages::named("other"), 4096).await;
    }
    let mut clients = [Believer::new(&stage).await, Believer::new(&stage).await];
    for (second, deed) in deeds {
        clients[usize::from(*second)].does(deed).await;
        if matches!(deed, Deed::Agree) {
            agree(&stage, &mut clients).await;
        }
    }
    agree(&stage, &mut clients).await;
    stage.end();
}

async fn agree(stage: &Stage, clients: &mut [Believer]) {
    let mut fresh = Believer::new(stage).await;
    fresh.say("NOOP").await;
    for client in clients {
        client.say("NOOP").await;
        assert_eq!(client.known, fresh.known);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_each_client_was_told_is_what_is_there(deeds in vec((any::<bool>(), deed()), 20..60)) {
        tokio::runtime::Runtime::new().unwrap().block_on(play(&deeds));
    }
}
