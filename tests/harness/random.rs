//! Numbers at random, the same for the same seed: whoever sees a story fail plays it again. A seed is printed by each story that
//! draws; `VAGUEMESTRE_SEED` gives it back.

use std::time::{SystemTime, UNIX_EPOCH};

/// A linear congruential generator (MMIX); statistical quality is of no matter here.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn from(seed: u64) -> Random {
        Random(seed)
    }

    /// A number from 0 to `limit` - 1.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    /// Another one, for somebody who draws beside this one.
    pub fn fork(&mut self) -> Random {
        Random(u64::try_from(self.below(usize::MAX >> 33)).unwrap() << 7 | 1)
    }
}

/// The seed that the environment gives, or another one each time; printed.
pub fn seed() -> u64 {
    let given = std::env::var("VAGUEMESTRE_SEED").ok().map(|text| text.parse().unwrap());
    let seed =
        given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into());
    println!("VAGUEMESTRE_SEED={seed}");
    seed
}

/// A number of the environment, to let a story run longer.
pub fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}
