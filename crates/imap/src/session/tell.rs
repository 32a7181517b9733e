//! Untagged responses that any command may send: what changed in the open mailbox (RFC 3501 §7.3, §7.4; RFC 7162 §3.2.4,
//! §3.2.10), and OK with a code.
//! May use the encoders. Must never decide what is told, only in which form.

use store::{Flags, ModSeq, UidRuns};

use super::{
    enabled::Enabled,
    flags,
    view::{Removal, Update},
};
use crate::{
    completion::Reply,
    output::{Fatal, Output},
    wire::encode::{self, Code},
};

/// How a client wants to hear of messages that are gone.
pub(super) fn removal(enabled: Enabled) -> Removal {
    if enabled.qresync { Removal::ByUid } else { Removal::ByNumber }
}

/// Writes what changed.
pub(super) async fn updates(updates: &[Update], enabled: Enabled, out: &mut Output<'_>) -> Result<(), Fatal> {
    for update in updates {
        let buffer = out.buffer();
        match update {
            Update::Expunge(number) => count(buffer, *number, b" EXPUNGE\r\n"),
            Update::Exists(number) => count(buffer, *number, b" EXISTS\r\n"),
            Update::Vanished(uids) => vanished(buffer, b"* VANISHED ", uids),
            Update::Flags { sequence, uid, flags, modseq } => {
                let change = Change { sequence: *sequence, uid: *uid, flags: Some(flags), modseq: *modseq };
                // RFC 7162 §3.2.4
                change.write(true, enabled.condstore, buffer);
            }
        }
        out.drain().await?;
    }
    Ok(())
}

/// A FETCH response that the server sends by itself, or for STORE.
pub(super) struct Change<'f> {
    pub(super) sequence: u32,
    pub(super) uid: u32,
    /// None where the client knows them.
    pub(super) flags: Option<&'f Flags>,
    pub(super) modseq: ModSeq,
}

impl Change<'_> {
    /// Writes it, with the UID and the mod-sequence if they are wanted.
    pub(super) fn write(&self, uid: bool, modseq: bool, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(b"* ");
        encode::number(buffer, u64::from(self.sequence));
        let mut separator: &[u8] = b" FETCH (";
        if uid {
            buffer.extend_from_slice(separator);
            buffer.extend_from_slice(b"UID ");
            encode::number(buffer, u64::from(self.uid));
            separator = b" ";
        }
        if let Some(flags) = self.flags {
            buffer.extend_from_slice(separator);
            buffer.extend_from_slice(b"FLAGS (");
            flags::write(flags, buffer);
            buffer.push(b')');
            separator = b" ";
        }
        if modseq {
            buffer.extend_from_slice(separator);
            mod_sequence(self.modseq, buffer);
        }
        buffer.extend_from_slice(b")\r\n");
    }
}

/// `MODSEQ (n)` (RFC 7162 §3.1.4.2).
pub(super) fn mod_sequence(modseq: ModSeq, buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(b"MODSEQ (");
    encode::number(buffer, modseq.get());
    buffer.push(b')');
}

/// `* VANISHED (EARLIER) …` (RFC 7162 §3.2.10.1); nothing if there is none.
pub(super) async fn vanished_earlier(uids: &UidRuns, out: &mut Output<'_>) -> Result<(), Fatal> {
    if uids.is_empty() {
        return Ok(());
    }
    vanished(out.buffer(), b"* VANISHED (EARLIER) ", uids);
    out.drain().await
}

/// `* OK [CODE] text`.
pub(super) async fn untagged_ok(code: Code, text: &'static str, out: &mut Output<'_>) -> Result<(), Fatal> {
    encode::status(out.buffer(), "*", "OK", &Reply { code: Some(code), text: text.into() });
    out.drain().await
}

fn vanished(buffer: &mut Vec<u8>, head: &[u8], uids: &UidRuns) {
    buffer.extend_from_slice(head);
    encode::ranges(buffer, uids.runs().iter().map(|(first, last)| (first.get(), last.get())));
    buffer.extend_from_slice(b"\r\n");
}

fn count(buffer: &mut Vec<u8>, number: u32, word: &[u8]) {
    buffer.extend_from_slice(b"* ");
    encode::number(buffer, u64::from(number));
    buffer.extend_from_slice(word);
}
