//! The table: medians of each relay, and how many times as good ours is, beside the goal: three times the messages a second, a third of
//! the processor time of each.
//!
//! Prints to the standard output only.

use std::time::Duration;

use crate::generator::Load;

const GOAL: f64 = 3.0;

/// What one run of a row gave.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Messages a second that were told 250.
    accepted: f64,
    /// Messages a second that reached the sink once it was open.
    drained: Option<f64>,
    /// Processor seconds for 1,000 messages.
    used: f64,
}

impl Figures {
    pub fn of(messages: usize, accepted: Duration, drained: Option<Duration>, used: f64) -> Figures {
        let messages = messages as f64;
        Figures {
            accepted: messages / accepted.as_secs_f64(),
            drained: drained.map(|drained| messages / drained.as_secs_f64()),
            used: used * 1000.0 / messages,
        }
    }
}

pub struct Row {
    way: &'static str,
    name: String,
    pub ours: Vec<Figures>,
    pub postfix: Vec<Figures>,
    /// Postfix that only accepts and delivers nothing.
    pub held: Vec<Figures>,
}

impl Row {
    pub fn new(way: &'static str, load: &Load) -> Row {
        let s = if load.sessions == 1 { "session" } else { "sessions" };
        let name = format!("{way}: {}, {} {s}, {}", load.size.name(), load.sessions, super::kept(load.reuse));
        Row { way, name, ours: Vec::new(), postfix: Vec::new(), held: Vec::new() }
    }
}

fn median(runs: &[Figures], figure: impl Fn(&Figures) -> f64) -> f64 {
    let mut sorted: Vec<_> = runs.iter().map(figure).collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// One figure of a row: ours, Postfix's, and how many times as good ours is.
struct Line {
    name: String,
    what: &'static str,
    ours: f64,
    theirs: f64,
    ratio: f64,
}

fn lines(row: &Row) -> Vec<Line> {
    let line = |what, theirs: &[Figures], figure: fn(&Figures) -> f64, less: bool| {
        let (ours, theirs) = (median(&row.ours, figure), median(theirs, figure));
        let ratio = if less { theirs / ours } else { ours / theirs };
        Line { name: row.name.clone(), what, ours, theirs, ratio }
    };
    let mut lines = vec![line("accepted/s", &row.postfix, |f| f.accepted, false)];
    if row.way == "out" {
        lines.push(line("drained/s", &row.postfix, |f| f.drained.unwrap_or(f64::NAN), false));
    }
    lines.push(line("CPU-s/1000", &row.postfix, |f| f.used, true));
    if !row.held.is_empty() {
        lines.push(line("accepted/s, Postfix delivers nothing", &row.held, |f| f.accepted, false));
        lines.push(line("CPU-s/1000, Postfix delivers nothing", &row.held, |f| f.used, true));
    }
    lines
}

#[derive(Default)]
pub struct Report(Vec<Row>);

impl Report {
    /// Adds a row and prints it at once: a run takes minutes.
    pub fn add(&mut self, row: Row) {
        if self.0.is_empty() {
            println!("\n{:<46} {:<38} {:>9} {:>9} {:>7}", "", "", "ours", "Postfix", "ratio");
        }
        for line in lines(&row) {
            let Line { name, what, ours, theirs, ratio } = &line;
            println!("{name:<46} {what:<38} {ours:>9.2} {theirs:>9.2} {ratio:>6.1}x {}", mark(*ratio));
        }
        self.0.push(row);
    }

    pub fn end(&self) {
        let all: Vec<_> = self.0.iter().flat_map(lines).collect();
        let met = all.iter().filter(|line| line.ratio >= GOAL).count();
        println!("\n{met} of {} figures are at least {GOAL} times as good as Postfix's", all.len());
        if let Some(least) = all.iter().min_by(|a, b| a.ratio.total_cmp(&b.ratio)) {
            println!("the least: {:.1} ({}, {})", least.ratio, least.name, least.what);
        }
    }
}

fn mark(ratio: f64) -> &'static str {
    if ratio >= GOAL { "" } else { "below the goal" }
}
