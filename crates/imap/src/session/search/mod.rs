//! SEARCH (RFC 3501 §6.4.4; RFC 5032, RFC 7162 §3.1.5, RFC 8514 §4.3; texts compared as RFC 5255 §4.3 asks): a key compiled once, then asked of each message, cheapest question first.
//! May read messages on the store's blocking pool. Must never hold a body whole, nor show what was looked for.

mod decode;
mod fold;
mod html;
mod plan;
mod subject;

pub(super) use self::{
    plan::Plan,
    subject::{Match, matching},
};
