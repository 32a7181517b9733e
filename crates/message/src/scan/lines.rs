//! Cutting the body into lines, however it arrives: tells `body` each piece of text, each line break, each delimiter line.
//!
//! May use: `boundary`. Holds back at most one line start that might be a delimiter, and one CR.

use crate::{mime::MimeInfo, structure::Structure};

use super::{
    Limits,
    body::{Body, Mark},
    boundary::may_be_delimiter,
};

/// The line cutter and what it feeds.
pub(super) struct Lines {
    body: Body,
    /// Bytes taken, of lines that ended.
    line_start: u64,
    /// Lines that ended.
    ended: u64,
    /// Length of the line break before the current line; 0 at the start.
    last_break: u64,
    last_was_empty: bool,
    /// Bytes of the current line, without its line break.
    length: u64,
    waiting_cr: bool,
    held: Vec<u8>,
    holding: bool,
}

/// What the scan of a body found.
pub(super) struct Found {
    pub(super) structure: Structure,
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) attachments_decoded: u64,
    pub(super) xdm: bool,
}

impl Lines {
    pub(super) fn new(info: MimeInfo, limits: Limits) -> Self {
        Self {
            body: Body::new(info, limits),
            line_start: 0,
            ended: 0,
            last_break: 0,
            last_was_empty: false,
            length: 0,
            waiting_cr: false,
            held: Vec::new(),
            holding: false,
        }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(newline) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(newline);
            self.text(line);
            self.end_line();
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.text(bytes);
    }

    pub(super) fn finish(mut self) -> Found {
        if std::mem::take(&mut self.waiting_cr) {
            self.content(b"\r");
        }
        let mark = self.mark_before_line();
        let held = std::mem::take(&mut self.held);
        let bytes = self.line_start + self.length;
        let lines = self.ended + u64::from(self.length > 0);
        if self.holding && !self.body.delimiter(&held, mark, bytes, lines) {
            self.body.text(&held);
        }
        let (structure, attachments_decoded, xdm) =
            self.body.finish(Mark { offset: bytes, lines, cut: false });
        Found { structure, bytes, lines, attachments_decoded, xdm }
    }

    /// Text without LF. A CR at its end may be half of a line break.
    fn text(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if std::mem::take(&mut self.waiting_cr) {
            self.content(b"\r");
        }
        let text = bytes.strip_suffix(b"\r");
        self.waiting_cr = text.is_some();
        self.content(text.unwrap_or(bytes));
    }

    fn content(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.length == 0 {
            self.holding = self.body.wants_delimiters();
        }
        self.length += bytes.len() as u64;
        if !self.holding {
            return self.body.text(bytes);
        }
        // Only as much as tells whether it can still be a delimiter; the rest never passes through the buffer.
        let (start, rest) = bytes.split_at(bytes.len().min(super::boundary::MAX_DELIMITER + 1));
        self.held.extend_from_slice(start);
        if !may_be_delimiter(&self.held) {
            self.holding = false;
            self.body.text(&self.held);
            self.held.clear();
            if !rest.is_empty() {
                self.body.text(rest);
            }
        }
    }

    fn end_line(&mut self) {
        let line_break = 1 + u64::from(std::mem::take(&mut self.waiting_cr));
        let next = self.line_start + self.length + line_break;
        let mark = self.mark_before_line();
        let held = std::mem::take(&mut self.held);
        let held_back = std::mem::take(&mut self.holding) && self.length > 0;
        if !(held_back && self.body.delimiter(&held, mark, next, self.ended + 1)) {
            if !held.is_empty() {
                self.body.text(&held);
            }
            self.body.end_line(self.length == 0, line_break, next, self.ended + 1);
        }
        self.held = held;
        self.held.clear();
        self.last_was_empty = self.length == 0;
        self.last_break = line_break;
        self.line_start = next;
        self.ended += 1;
        self.length = 0;
    }

    /// Where a part ends whose delimiter is the current line: before the line break that precedes it.
    fn mark_before_line(&self) -> Mark {
        let lines = (self.ended + u64::from(!self.last_was_empty)).saturating_sub(1);
        Mark { offset: self.line_start.saturating_sub(self.last_break), lines, cut: true }
    }
}
