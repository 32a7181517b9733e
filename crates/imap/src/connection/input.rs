//! What was read of a connection and not yet used.
//! May use tokio's reader and the framing. Must never hold a buffer while nothing is going on.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

use crate::wire::framing::{Event, Framer, Limits};

/// Read at once: a buffer on the stack of the thread that reads, never of the session that waits.
const READ_BYTES: usize = 16 * 1024;

/// Bytes between the stream and the commands.
pub(super) struct Input {
    framer: Framer,
    buffer: Vec<u8>,
    start: usize,
}

impl Input {
    pub(super) fn new(limits: Limits) -> Self {
        Self { framer: Framer::new(limits), buffer: Vec::new(), start: 0 }
    }

    pub(super) fn framer(&mut self) -> &mut Framer {
        &mut self.framer
    }

    /// Whether bytes were read that belong to a later command.
    pub(super) fn holds_bytes(&self) -> bool {
        self.start < self.buffer.len() || self.framer.is_inside()
    }

    /// The next event in what was read already.
    pub(super) fn event(&mut self) -> Option<Event> {
        let (taken, event) = self.framer.feed(self.buffer.get(self.start..).unwrap_or_default());
        self.start += taken;
        event
    }

    /// The bytes an [`Event::Message`] of that length just announced.
    pub(super) fn message(&self, length: usize) -> &[u8] {
        let from = self.start.saturating_sub(length);
        self.buffer.get(from..self.start).unwrap_or_default()
    }

    /// Reads some bytes, and says how many; 0 at the end of the stream. Cancel-safe: bytes are taken from the stream in the
    /// step that keeps them.
    pub(super) async fn fill<R: AsyncRead + Unpin>(&mut self, io: &mut R) -> io::Result<usize> {
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.is_empty() {
            self.buffer = Vec::new();
        }
        poll_fn(|cx| self.poll_fill(io, cx)).await
    }

    fn poll_fill<R: AsyncRead + Unpin>(
        &mut self,
        io: &mut R,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut bytes = [0; READ_BYTES];
        let mut read = ReadBuf::new(&mut bytes);
        ready!(Pin::new(io).poll_read(cx, &mut read))?;
        self.buffer.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }
}
