//! The summary of a box: what listings show of its messages, in few large values beside the rows, one for each 4,096
//! UIDs. Opening a box of a million messages reads some hundred of them instead of a million rows (I-7).
//!
//! Rows are the truth: a summary is made from them, as of a mod-sequence, and what happened since lies over it: messages
//! from [`covered`](crate::records::BoxState) on are read from their rows, flags that changed from rows `q`, what went
//! from rows `v`. Days that were erased since are left out by the day that each message carries. A thread renews it
//! when enough has happened ([`Settings::summary_changes`](crate::Settings)).
//!
//! May use: rows, snapshots, operations of its own. Must never be needed: without it everything reads the same, slower.

pub(crate) mod checkpoint;
pub(crate) mod overlay;
mod pack;
pub(crate) mod read;
pub(crate) mod segment;
#[cfg(test)]
mod tests;
pub(crate) mod worker;
