//! The content of a queued message as the client reads it: the header that leaves, then the body chunk by chunk, opened off the
//! runtime's threads; one chunk in memory at a time (I-3).

use std::{io, mem};

use bytes::Bytes;
use smtp::{Body, client::Content};
use store::{BodyReader, Store};

/// A message on its way out.
pub(super) struct QueuedContent {
    store: Store,
    header: Bytes,
    body: BodyReader,
    size: u64,
    declared: Body,
    at: u64,
}

impl QueuedContent {
    pub(super) fn new(store: Store, header: Bytes, body: BodyReader, declared: Body) -> Self {
        let size = header.len() as u64 + body.len();
        QueuedContent { store, header, body, size, declared, at: 0 }
    }
}

impl Content for QueuedContent {
    fn size(&self) -> u64 {
        self.size
    }

    fn body(&self) -> Body {
        self.declared
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let header = mem::take(&mut self.header);
        if !header.is_empty() {
            return Ok(Some(header));
        }
        if self.at >= self.body.len() {
            return Ok(None);
        }
        let (body, at) = (self.body.clone(), self.at);
        let chunk = self.store.read(move |_| body.chunk(at)).await.map_err(io::Error::other)?;
        self.at += chunk.len() as u64;
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}
