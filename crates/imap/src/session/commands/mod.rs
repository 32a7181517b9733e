//! One file a command. Each handler writes its untagged responses and gives the tagged one.
//! May use the session. Must never be called in another state than its RFC section says.

pub(super) mod acl;
pub(super) mod append;
pub(super) mod close;
pub(super) mod copy;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod enable;
pub(super) mod expunge;
pub(super) mod fetch;
pub(super) mod idle;
pub(super) mod list;
pub(super) mod lsub;
pub(super) mod move_;
pub(super) mod namespace;
pub(super) mod noop;
pub(super) mod quota;
pub(super) mod rename;
mod resync;
pub(super) mod search;
pub(super) mod select;
pub(super) mod status;
pub(super) mod store;
pub(super) mod subscribe;
