//! NOOP (RFC 3501 §6.1.2) and CHECK (§6.4.1): nothing but the changes that the session tells after every command.
//! Must never touch the store: everything is already durable (I-1), there is nothing to check-point.

use crate::completion::Completion;

pub(in crate::session) fn noop() -> Completion {
    Completion::ok("NOOP completed")
}

pub(in crate::session) fn check() -> Completion {
    Completion::ok("CHECK completed: every change is durable already")
}
