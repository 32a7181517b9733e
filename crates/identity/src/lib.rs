//! Who are you, and whom may you act as: one policy point ([`Authenticator`]) that every mechanism comes to, for now
//! PLAIN and LOGIN with application passwords (S-7.3).
//!
//! It may use the store, the rules of `mssante` and an injected clock. It never sees a protocol's bytes but the base64
//! of a SASL response ([`sasl`]), and never mail. It says nothing about why it refuses: failures look alike in text and
//! time (M-5); the trace knows.

mod attempt;
mod authenticator;
mod password;
mod policy;
mod principal;
pub mod sasl;
mod settings;
mod split;
mod throttle;

pub use self::{
    attempt::{Attempt, AuthError, Mechanism, Service},
    authenticator::Authenticator,
    password::generate_password,
    principal::Principal,
    settings::Settings,
    split::split_user,
};
