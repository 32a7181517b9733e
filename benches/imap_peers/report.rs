//! The table: first and median of each peer, how many times as fast ours is, and the goal.
//!
//! Prints to the standard output only.

use crate::{Options, Way};

/// What was measured of one peer in one row.
#[derive(Debug, Default, Clone)]
pub struct Times(Vec<f64>);

impl Times {
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    fn first(&self) -> f64 {
        self.0[0]
    }

    fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

/// What we want of a row on a box of 100,000 messages.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    None,
    Milliseconds(f64),
    Kibibytes(f64),
    PerSecond(f64),
}

struct Row {
    name: String,
    way: Way,
    goal: Goal,
    /// Ours, then the other's.
    times: [Times; 2],
    /// Whether more is better.
    rate: bool,
}

impl Row {
    /// How many times as good ours is.
    fn ratio(&self) -> f64 {
        let [ours, other] = self.times.each_ref().map(Times::median);
        if self.rate { ours / other } else { other / ours }
    }

    fn goal(&self) -> String {
        let median = self.times[0].median();
        let (text, met) = match self.goal {
            Goal::None => return String::new(),
            Goal::Milliseconds(ms) => (format!("{ms} ms"), median <= ms),
            Goal::Kibibytes(kib) => (format!("{kib} KiB"), median <= kib),
            Goal::PerSecond(rate) => (format!("{rate}/s"), median >= rate),
        };
        format!("{text} {}", if met { "met" } else { "missed" })
    }
}

#[derive(Default)]
pub struct Report(Vec<Row>);

impl Report {
    /// A row of times or sizes: less is better.
    pub fn row(&mut self, name: &str, way: Way, goal: Goal, times: [Times; 2]) {
        self.add(Row { name: name.to_owned(), way, goal, times, rate: false });
    }

    /// A row of rates: more is better.
    pub fn rates(&mut self, name: &str, way: Way, goal: Goal, times: [Times; 2]) {
        self.add(Row { name: name.to_owned(), way, goal, times, rate: true });
    }

    fn add(&mut self, row: Row) {
        eprintln!(
            "  {:?} {}: {:.1} to {:.1}",
            row.way,
            row.name,
            row.times[0].median(),
            row.times[1].median()
        );
        self.0.push(row);
    }

    pub fn print(&self, options: &Options) {
        let Options { messages, sessions, runs, appends } = options;
        println!(
            "\nOur IMAP beside Dovecot: a box of {messages} messages of 4 KiB, {runs} runs, {sessions} idle sessions, {appends} appends"
        );
        println!(
            "ms, but for memory (KiB) and APPEND (messages a second): first / median; goals are for 100000 messages"
        );
        for way in [Way::Clear, Way::Tls] {
            let title = match way {
                Way::Clear => "in clear on loopback",
                Way::Tls => "TLS",
            };
            println!("\n{title:<44} {:>20} {:>22} {:>8}  goal", "ours", "Dovecot", "ratio");
            for row in self.0.iter().filter(|row| row.way == way) {
                let [ours, other] =
                    row.times.each_ref().map(|t| format!("{:.2} / {:.2}", t.first(), t.median()));
                println!("{:<44} {ours:>20} {other:>22} {:>7.1}x  {}", row.name, row.ratio(), row.goal());
            }
        }
        let (ahead, threefold) = (self.share(1.0), self.share(3.0));
        println!("\nat least as good in {ahead} of {} rows, three times in {threefold}", self.0.len());
    }

    fn share(&self, ratio: f64) -> usize {
        self.0.iter().filter(|row| row.ratio() >= ratio).count()
    }
}
