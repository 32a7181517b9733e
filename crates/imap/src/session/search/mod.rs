//! SEARCH (RFC 3501 §6.4.4): a key compiled once, then asked of each message, cheapest question first.
//! May read messages on the store's blocking pool. Must never hold a body whole, nor show what was looked for.

mod decode;
mod fold;
mod plan;
mod subject;

pub(super) use self::{plan::Plan, subject::matching};
