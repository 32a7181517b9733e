//! A submitted message while it arrives: its transaction, its content so far and the verdict on its header.
//!
//! May use: the modules beside it. Must never touch: the decision.

use smtp::Connection;

use crate::{arriving::Arriving, envelope::Envelope, judge::Judged};

/// A message whose content is arriving.
pub struct Incoming {
    pub(crate) envelope: Envelope,
    pub(crate) connection: Connection,
    pub(crate) content: Arriving,
    /// The verdict on the header, once it was complete.
    pub(crate) judged: Option<Judged>,
}
