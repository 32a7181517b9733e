//! What operations do, inside the committer: one file a family of operations.
//!
//! Each takes the view of its transaction, checks, then writes. Must never touch: the disk directly, other threads.

pub(crate) mod accounts;
pub(crate) mod boxes;
pub(crate) mod carried;
pub(crate) mod connectors;
pub(crate) mod conversations;
pub(crate) mod deliver;
pub(crate) mod edit;
pub(crate) mod messages;
pub(crate) mod openings;
pub(crate) mod queue;
pub(crate) mod quota;
pub(crate) mod retention;
pub(crate) mod returning;
pub(crate) mod subscriptions;
pub(crate) mod traces;
