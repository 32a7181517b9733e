//! Two connections that do anything to one mailbox in any order, break and come back: what each was told is what is there
//! (RFC 3501 §5.2, RFC 7162), whatever it makes of mod-sequences.

use std::{collections::BTreeSet, ops::RangeInclusive};

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
    /// The connection breaks, and the client comes back.
    ComeBack,
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

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(vec![Mode::Plain, Mode::CondStore, Mode::QResync])
}

fn deed() -> impl Strategy<Value = Deed> {
    // Few, so that both connections often mean the same message.
    let number = 0usize..3;
    let flag = prop::sample::select(vec!["\\Seen", "\\Flagged", "\\Deleted", "Urgent"]);
    let mode = prop::sample::select(vec!['+', '-', '=']);
    prop_oneof![
        2 => Just(Deed::Agree),
        2 => Just(Deed::ComeBack),
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

/// What a client of RFC 7162 makes of mod-sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Nothing: it reads all flags when it comes back.
    Plain,
    /// It asks for what changed, and for what is left (§6).
    CondStore,
    /// It is told what it missed.
    QResync,
}

/// A client that believes what it is told, and comes back with what it remembers.
struct Believer {
    client: Client,
    mode: Mode,
    /// UID and flags of each message, in order; a UID of 0 was not told yet.
    known: Vec<(u32, BTreeSet<String>)>,
    uid_validity: String,
    /// Up to where it knows everything.
    modseq: u64,
    /// The highest mod-sequence it heard of; it knows everything up to there once expunges were told too.
    heard: u64,
}

impl Believer {
    async fn new(stage: &Stage, mode: Mode) -> Self {
        let (known, uid_validity) = (Vec::new(), String::new());
        let mut believer = Self { client: stage.client(), mode, known, uid_validity, modseq: 0, heard: 0 };
        believer.come(stage).await;
        believer
    }

    /// Comes, or comes back with what it knew.
    async fn come(&mut self, stage: &Stage) {
        self.client = stage.client();
        if self.mode == Mode::QResync {
            self.client.say("ENABLE QRESYNC").await;
        }
        self.known.retain(|(uid, _)| *uid != 0);
        let first = self.uid_validity.is_empty();
        let select = match self.mode {
            Mode::QResync if !first => {
                format!("SELECT INBOX (QRESYNC ({} {}))", self.uid_validity, self.modseq)
            }
            Mode::CondStore => "SELECT INBOX (CONDSTORE)".to_owned(),
            Mode::Plain | Mode::QResync => "SELECT INBOX".to_owned(),
        };
        let told = self.client.say(&select).await;
        let code = |name: &str| {
            let rest = told.split_once(&format!("[{name} ")).unwrap().1;
            rest.split(']').next().unwrap().to_owned()
        };
        let exists: usize = told
            .lines()
            .find_map(|line| line.strip_prefix("* ")?.strip_suffix(" EXISTS"))
            .unwrap()
            .parse()
            .unwrap();
        let resynchronised = match self.mode {
            Mode::QResync if !first => self.resynchronise(&told),
            Mode::CondStore if !first => {
                let changed = format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {})", self.modseq);
                let changed = self.client.say(&changed).await;
                let left = self.client.say("UID SEARCH RETURN (ALL) ALL").await;
                self.catch_up(&changed, &left);
                true
            }
            _ => false,
        };
        if !resynchronised {
            self.known = vec![(0, BTreeSet::new()); exists];
        }
        assert_eq!(self.known.len(), exists, "{:?} {told}", self.mode);
        self.uid_validity = code("UIDVALIDITY");
        self.modseq = code("HIGHESTMODSEQ").parse().unwrap();
        self.heard = self.modseq;
        // Who just came may miss nothing.
        self.say("NOOP").await;
    }

    /// What SELECT told: UIDs that vanished, then messages that are new or changed.
    fn resynchronise(&mut self, told: &str) -> bool {
        for line in told.lines() {
            if let Some(uids) = line.strip_prefix("* VANISHED (EARLIER) ") {
                let gone = ranges(uids);
                self.known.retain(|(uid, _)| !gone.iter().any(|range| range.contains(uid)));
            } else if line.contains(" FETCH (UID ") {
                self.learn(line);
            }
        }
        true
    }

    fn catch_up(&mut self, changed: &str, left: &str) {
        changed.lines().filter(|line| line.contains(" FETCH (UID ")).for_each(|line| self.learn(line));
        let all =
            left.lines().find_map(|line| line.strip_prefix("* ESEARCH (TAG \"A\") UID ALL ")).map(ranges);
        let there = all.unwrap_or_default();
        self.known.retain(|(uid, _)| there.iter().any(|range| range.contains(uid)));
    }

    /// A message by its UID, new or known.
    fn learn(&mut self, line: &str) {
        let uid = number_after(line, "UID ").unwrap();
        let told = flags_of(line).unwrap();
        match self.known.binary_search_by_key(&uid, |(uid, _)| *uid) {
            Ok(at) => self.known[at].1 = told,
            Err(at) => self.known.insert(at, (uid, told)),
        }
    }

    /// Says something, takes in the answer, and asks about messages that are new.
    async fn say(&mut self, command: &str) -> String {
        let answer = self.client.say(command).await;
        self.hear(&answer);
        if command == "NOOP" {
            self.modseq = self.heard;
        }
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
            if let Some(uids) = line.strip_prefix("* VANISHED ") {
                self.hear_vanished(uids);
                continue;
            }
            if let Some(modseq) = line.strip_prefix("A OK [HIGHESTMODSEQ ") {
                self.modseq = modseq.split(']').next().unwrap().parse().unwrap();
                self.heard = self.heard.max(self.modseq);
                continue;
            }
            let mut words = line.splitn(4, ' ');
            let (Some("*"), Some(number), Some(word)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<usize>() else { continue };
            match word {
                "EXPUNGE" => {
                    assert_ne!(self.mode, Mode::QResync, "{line}");
                    self.known.remove(number - 1);
                }
                "EXISTS" => {
                    assert!(number >= self.known.len(), "EXISTS never shrinks: {line}");
                    self.known.resize(number, (0, BTreeSet::new()));
                }
                "FETCH" => self.hear_fetch(number, line),
                _ => {}
            }
        }
    }

    /// Each UID is one that it counts (RFC 7162 §3.2.10.2), whether it knows it already or only its number.
    fn hear_vanished(&mut self, uids: &str) {
        assert_eq!(self.mode, Mode::QResync, "{uids}");
        for uid in ranges(uids).into_iter().flatten() {
            let at = self.known.iter().position(|(known, _)| *known == uid);
            let unknown = || self.known.iter().position(|(known, _)| *known == 0);
            let at = at.or_else(unknown).unwrap_or_else(|| panic!("{uid} was not counted"));
            self.known.remove(at);
        }
    }

    fn hear_fetch(&mut self, number: usize, line: &str) {
        let (uid, flags) = &mut self.known[number - 1];
        if let Some(told) = number_after(line, "UID ") {
            assert!(*uid == 0 || *uid == told, "number {number} was {uid} and is {told}");
            *uid = told;
        }
        if let Some(told) = flags_of(line) {
            *flags = told;
        }
        if let Some(modseq) = number_after(line, "MODSEQ (") {
            assert_ne!(self.mode, Mode::Plain, "{line}");
            self.heard = self.heard.max(u64::from(modseq));
        }
    }

    async fn does(&mut self, deed: &Deed) {
        let pick = |number: usize| number.checked_rem(self.known.len()).map(|at| at + 1);
        match deed {
            Deed::Agree | Deed::ComeBack => {}
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

fn number_after(line: &str, word: &str) -> Option<u32> {
    let digits: String = line.split_once(word)?.1.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn flags_of(line: &str) -> Option<BTreeSet<String>> {
    let list = line.split_once("FLAGS (")?.1.split(')').next()?;
    Some(list.split_ascii_whitespace().map(str::to_owned).collect())
}

fn ranges(set: &str) -> Vec<RangeInclusive<u32>> {
    let range = |text: &str| {
        let (from, to) = text.split_once(':').unwrap_or((text, text));
        from.parse().unwrap()..=to.parse().unwrap()
    };
    set.split(',').map(range).collect()
}

async fn play(modes: [Mode; 2], deeds: &[(bool, Deed)]) {
    let stage = Stage::new().await;
    for _ in 0..4 {
        stage.client().append("INBOX", &messages::named("other"), 4096).await;
    }
    let [one, other] = modes;
    let mut clients = [Believer::new(&stage, one).await, Believer::new(&stage, other).await];
    for (second, deed) in deeds {
        let client = &mut clients[usize::from(*second)];
        match deed {
            Deed::Agree => agree(&stage, &mut clients).await,
            Deed::ComeBack => client.come(&stage).await,
            deed => client.does(deed).await,
        }
    }
    agree(&stage, &mut clients).await;
    stage.end();
}

async fn agree(stage: &Stage, clients: &mut [Believer]) {
    let fresh = Believer::new(stage, Mode::Plain).await;
    for client in clients {
        client.say("NOOP").await;
        assert_eq!(client.known, fresh.known);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_each_client_was_told_is_what_is_there(
        modes in [mode(), mode()],
        deeds in vec((any::<bool>(), deed()), 20..60),
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(play(modes, &deeds));
    }
}
