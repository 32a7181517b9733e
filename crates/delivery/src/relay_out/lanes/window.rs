//! How many connections to one next hop are right at this moment: a few at first, more as long as messages go through, half as many
//! when something breaks. Pure.

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    size: usize,
    most: usize,
    /// Messages that went through since it last grew.
    good: usize,
}

impl Window {
    /// Of `first` connections, never more than `most`; at least one.
    pub(super) fn new(first: usize, most: usize) -> Self {
        let most = most.max(1);
        Window { size: first.clamp(1, most), most, good: 0 }
    }

    pub(super) fn size(self) -> usize {
        self.size
    }

    /// One more for as many messages as there are connections: slow enough to notice where the next hop's limit is. True when that
    /// many went through.
    pub(super) fn grow(&mut self) -> bool {
        self.good += 1;
        let round = self.good >= self.size;
        if round {
            (self.size, self.good) = ((self.size + 1).min(self.most), 0);
        }
        round
    }

    pub(super) fn halve(&mut self) {
        (self.size, self.good) = ((self.size / 2).max(1), 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_grows_by_one_a_round_and_halves_at_once() {
        let mut window = Window::new(2, 4);
        let mut sizes = vec![];
        for _ in 0..9 {
            window.grow();
            sizes.push(window.size());
        }
        assert_eq!(sizes, [2, 3, 3, 3, 4, 4, 4, 4, 4]);
        window.halve();
        assert_eq!(window.size(), 2);
        window.grow();
        window.halve();
        window.halve();
        assert_eq!(window.size(), 1);
    }

    proptest! {
        #[test]
        fn it_keeps_its_bounds_and_finds_back(first in 0_usize..9, most in 0_usize..9, steps in proptest::collection::vec(any::<bool>(), 0..200)) {
            let mut window = Window::new(first, most);
            for good in steps {
                if good {
                    window.grow();
                } else {
                    window.halve();
                }
                prop_assert!((1..=most.max(1)).contains(&window.size()));
            }
            for _ in 0..100 {
                window.grow();
            }
            prop_assert_eq!(window.size(), most.max(1));
        }
    }
}
