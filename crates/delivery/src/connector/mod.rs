//! Hospitals' own servers (S-3.10): what each may do, and the policy of their listeners. A structure vouches by contract for who wrote;
//! the rules of what a message may be and where it may go are those of submission, since `door` hands everything but the question
//! "who are you" to [`SubmissionPolicy`](crate::SubmissionPolicy).
//!
//! May use: the pieces of submission. Must never touch: trust between operators; a connector is no operator.

mod author;
mod door;
mod home;
mod known;
pub(crate) mod replies;

pub(crate) use self::{
    author::author,
    home::{AtServer, Home},
};
pub use self::{
    door::{ConnectorClient, ConnectorPolicy},
    known::{Connector, Connectors, Deliver, LocalUser, Visitor},
};
