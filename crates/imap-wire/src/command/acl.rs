//! The commands of RFC 4314 §3 that take the right to administer a mailbox. Plain values only.

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the RFC")]
pub enum AclCommand {
    SetAcl,
    DeleteAcl,
    GetAcl,
    ListRights,
}

impl AclCommand {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SetAcl => "SETACL",
            Self::DeleteAcl => "DELETEACL",
            Self::GetAcl => "GETACL",
            Self::ListRights => "LISTRIGHTS",
        }
    }
}
