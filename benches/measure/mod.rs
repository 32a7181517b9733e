//! What the micro benchmarks share: rows that take turns over the same bytes in one run, so that what the machine does meanwhile falls on
//! all of them, and a table of medians. Quote the ratios: the speeds are those of one machine at one time.
//! A module of its own and no harness crate, because a ratio to a yardstick is what those do not print.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long a table takes.
const TABLE: Duration = Duration::from_secs(3);
/// Turns of each row at least.
const TURNS: usize = 9;

/// One row: what is measured, and once of it.
pub struct Row<'a> {
    name: &'a str,
    run: Box<dyn FnMut() + 'a>,
}

/// A row; what `run` gives is used, so that the compiler must work it out.
pub fn row<'a, T>(name: &'a str, mut run: impl FnMut() -> T + 'a) -> Row<'a> {
    Row { name, run: Box::new(move || drop(black_box(run()))) }
}

/// Prints a table of rows that each go once over `bytes` bytes in `items` items; the first row is the yardstick.
pub fn table(title: &str, bytes: usize, items: (usize, &str), mut rows: Vec<Row<'_>>) {
    let mut times = vec![Vec::new(); rows.len()];
    let started = Instant::now();
    while started.elapsed() < TABLE || times[0].len() < TURNS {
        for (row, times) in rows.iter_mut().zip(&mut times) {
            let began = Instant::now();
            (row.run)();
            times.push(began.elapsed().as_secs_f64());
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    println!("\n{title:<54} {:>9} {:>16} {:>13}", "MB/s", format!("ns per {}", items.1), "x yardstick");
    for (row, seconds) in rows.iter().zip(&medians) {
        println!(
            "  {:<52} {:>9.0} {:>16.1} {:>13.2}",
            row.name,
            bytes as f64 / 1e6 / seconds,
            seconds * 1e9 / items.0 as f64,
            seconds / medians[0]
        );
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
