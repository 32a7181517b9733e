//! The rules of the MSSanté trust space, as values and pure functions.
//!
//! What it is for: addresses, national numbers, kinds of boxes and what they must carry, the subject tag,
//! and the decision whether a message may go where it is sent; the white list and the names of
//! operators in it. A new rule goes here and nowhere else.
//!
//! May use: small data crates. Must never touch: a socket, a file, a clock, a thread, another room.
//!
//! Read [`route`] first: it is what the rest serves. Rules are cited by number (`S-3.4`, `M-11`); the numbers
//! are explained in `docs/rules.md`.

pub mod address;
pub mod boxes;
pub mod conversation;
pub mod dn;
pub mod domain;
pub mod identifiers;
pub mod naming;
pub mod profile;
pub mod retention;
pub mod route;
pub mod tag;
pub mod whitelist;

mod fold;
mod texts;

pub use crate::address::{Address, AddressError};
pub use crate::boxes::{BoxType, Rights, State, UnknownName};
pub use crate::dn::{DistinguishedName, DnError};
pub use crate::domain::{Domain, DomainError};
pub use crate::identifiers::{
    Adeli, Finess, IdentifierError, Ins, NationalId, Rpps, Siren, Siret, StructureId,
};
pub use crate::profile::{Profile, ProfileError, Responsible};
pub use crate::tag::{NearMiss, Tag, tag, without_tag};
pub use crate::whitelist::WhiteList;
