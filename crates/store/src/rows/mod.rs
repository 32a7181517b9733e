//! Rows as meaning: what keys and records together say of accounts, boxes and messages, in whatever view.
//!
//! Readers and operations share these, so both see the same thing. Must never write.

pub(crate) mod accounts;
pub(crate) mod boxes;
pub(crate) mod messages;
pub(crate) mod queue;
pub(crate) mod sight;
