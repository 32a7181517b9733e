//! Random operations against a plain model kept in memory: whatever happens, in whatever order, with the store reopened
//! at random moments, boxes, counters, queue and what clients are told of changes are those of the model.
//!
//! This is what any engine behind the wall (I-6) must pass: [`check`] takes the function that opens a store on it.
//! `VAGUEMESTRE_MODEL_CASES` says how many runs (32 if unset), `VAGUEMESTRE_MODEL_STEPS` how many steps each at most.

mod compare;
mod follow;
mod plain;
mod queue;
mod run;
mod steps;

use proptest::test_runner::{Config, TestRunner};
use store::Store;

use self::run::{Open, Run};

/// Draws runs and compares after each step; a run that fails is made smaller, then shown.
fn check(open: Open) {
    let number = |name: &str, usual: u32| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let config = Config {
        cases: number("VAGUEMESTRE_MODEL_CASES", 32),
        max_shrink_iters: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let most = number("VAGUEMESTRE_MODEL_STEPS", 60) as usize;
    let outcome = TestRunner::new(config).run(&steps::steps(most), |steps| {
        let mut run = Run::new(open);
        for step in steps {
            run.step(step);
            run.compare();
        }
        run.compare_whole();
        run.reopen();
        run.compare_whole();
        run.close();
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn the_store_does_what_the_model_does() {
    check(|world| Store::open(world.options()));
}
