//! store

mod clock;
mod day;
#[allow(dead_code)]
mod files;
#[allow(dead_code)]
mod keyring;
mod master;
#[allow(dead_code, unused_imports)]
mod seal;

pub use self::{
    clock::{Clock, ManualClock, SystemClock},
    day::Day,
    keyring::{KeyKind, KeyringError},
    master::{MasterKey, MasterKeyError},
    seal::{CHUNK, SealError},
};
