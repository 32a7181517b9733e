//! The two that are measured. A [`Relay`] is what the rows need to know of either.

mod ours;
mod postfix;

use crate::line::Target;

pub use ours::Ours;
pub use postfix::DebianPostfix;

/// Recipients there, of whom the routes of both know where they are: at the sink.
pub const THERE: &str = "accueil@puits.mssante.fr";
/// The domain of the sink.
pub const SINK: &str = "puits.mssante.fr";
/// The domain of the load generator, as another operator.
pub const CHARGE: &str = "charge.mssante.fr";
/// Who sends what the load generator brings.
pub const SENDER: &str = "docteur@charge.mssante.fr";
/// Connections at once to the sink, which is what Postfix has as its default.
pub const CONNECTIONS: usize = 20;

pub trait Relay {
    /// User and system seconds of all its processes so far.
    fn seconds(&self) -> f64;

    /// Where another operator brings mail, over mutual TLS.
    fn inbound(&self) -> Target;

    /// Whose mail that is.
    fn recipients(&self) -> Vec<&str>;

    /// Where its own people hand mail in, over TLS.
    fn outbound(&self) -> Target;

    /// Who they are.
    fn sender(&self) -> &str;

    /// Whether a message is in its box only some time after the 250.
    fn delivers_later(&self) -> bool;

    /// How many messages are in its boxes.
    fn kept(&self) -> usize;

    /// A few of them, whole; their lines end as they came.
    fn samples(&self) -> Vec<Vec<u8>>;

    /// Whether its connections to the sink are for one message each.
    fn reuse_connections(&self, reuse: bool);
}
