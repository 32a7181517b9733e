//! The parts of one delivery.
pub(crate) fn measure() {}
