//! The proof that a store agrees with itself.

/// What a proof went through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProofReport {
    /// Accounts.
    pub accounts: u64,
    /// Boxes.
    pub boxes: u64,
    /// Messages in boxes.
    pub messages: u64,
    /// Bodies kept.
    pub bodies: u64,
    /// Traces opened.
    pub traces: u64,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: kinds and numbers, never names.
    pub place: String,
    /// What.
    pub problem: String,
}
