//! Collecting header blocks from a stream: the message's (kept whole or refused) and a part's (kept up to a bound).
//!
//! May use: nothing. Decides nothing about their content.

use super::ScanError;

/// The header of the message, until its blank line.
#[derive(Default)]
pub(super) struct MessageHeader {
    raw: Vec<u8>,
    line_start: usize,
    complete: bool,
}

impl MessageHeader {
    /// Takes what belongs to the header and gives back the rest.
    pub(super) fn take<'a>(&mut self, mut bytes: &'a [u8], limit: usize) -> Result<&'a [u8], ScanError> {
        while !self.complete && !bytes.is_empty() {
            let newline = memchr::memchr(b'\n', bytes);
            let (line, rest) = bytes.split_at(newline.map_or(bytes.len(), |at| at + 1));
            if line.len() > limit - self.raw.len() {
                return Err(ScanError::HeaderTooLong { limit });
            }
            self.raw.extend_from_slice(line);
            bytes = rest;
            if newline.is_some() {
                self.complete = matches!(self.raw.get(self.line_start..), Some(b"\n" | b"\r\n"));
                self.line_start = self.raw.len();
            }
        }
        Ok(bytes)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    pub(super) fn into_raw(self) -> Vec<u8> {
        self.raw
    }
}

/// The header of a part: lines beyond the bound are dropped, never a part of a line.
#[derive(Default)]
pub(super) struct PartHeader {
    kept: Vec<u8>,
    whole_lines: usize,
    full: bool,
}

impl PartHeader {
    pub(super) fn push(&mut self, bytes: &[u8], limit: usize) {
        if self.full || bytes.len() > limit.saturating_sub(self.kept.len()) {
            self.full = true;
            self.kept.truncate(self.whole_lines);
        } else {
            self.kept.extend_from_slice(bytes);
        }
    }

    pub(super) fn end_line(&mut self, limit: usize) {
        self.push(b"\r\n", limit);
        if !self.full {
            self.whole_lines = self.kept.len();
        }
    }

    pub(super) fn kept(&self) -> &[u8] {
        &self.kept
    }
}
