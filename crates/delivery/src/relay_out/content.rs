//! The content of a queued message as the client reads it: the header that leaves, then the body chunk by chunk, opened off the
//! runtime's threads; one chunk in memory at a time (I-3). For a next hop that takes less than the message holds, its parts are written in
//! other transfer encodings on the way (RFC 6152 §3, RFC 3030 §3).

use std::{io, mem};

use bytes::Bytes;
use message::{
    Scanner,
    recode::{self, Plan, Recoder, Survey, Unconvertible},
};
use smtp::{
    Body, Reply,
    client::{self, Content, Extensions, Stage},
};
use store::{BodyKind, BodyReader, Store};

use super::attempt::What;

/// A message on its way out.
pub(super) struct QueuedContent {
    store: Store,
    header: Bytes,
    body: BodyReader,
    size: u64,
    holds: recode::Content,
    at: u64,
    recoder: Option<Recoder>,
}

impl QueuedContent {
    /// As it was accepted.
    pub(super) fn new(store: Store, header: Bytes, body: BodyReader, kind: BodyKind) -> Self {
        let size = header.len() as u64 + body.len();
        QueuedContent { store, header, body, size, holds: held(kind), at: 0, recoder: None }
    }

    /// The same for a next hop that offers this; as it was accepted, where that is possible.
    ///
    /// # Errors
    /// What came of the attempt: the message cannot be written so, or not be read.
    pub(super) async fn fit(self, offered: &Extensions) -> Result<Self, What> {
        let carries = carried(offered);
        if self.holds <= carries {
            return Ok(self);
        }
        let unreadable = |error| What::from(&client::Error::Content(error));
        match self.plan(carries).await.map_err(unreadable)? {
            Ok(plan) => Ok(Self {
                header: Bytes::copy_from_slice(plan.header()),
                size: plan.size(),
                holds: carries,
                recoder: Some(Recoder::new(plan)),
                ..self
            }),
            Err(why) => {
                let reply = Reply::new(554, "5.6.3", [why.to_string()]);
                Err(What::Refused { reply, stage: Stage::Offer })
            }
        }
    }

    /// Two walks over the body: its structure, then what of it has to change.
    async fn plan(&self, carries: recode::Content) -> io::Result<Result<Plan, Unconvertible>> {
        // a header that was accepted once is not too long now
        let mut scanner =
            Scanner::new(message::scan::Limits { header_bytes: usize::MAX, ..Default::default() });
        let mut at = 0;
        scanner.feed(&self.header).map_err(io::Error::other)?;
        while let Some(chunk) = self.chunk(&mut at).await? {
            scanner.feed(&chunk).map_err(io::Error::other)?;
        }
        let scanned = scanner.finish().map_err(io::Error::other)?;
        let mut survey = Survey::new(&self.header, &scanned, self.holds, carries);
        at = 0;
        while let Some(chunk) = self.chunk(&mut at).await? {
            survey.feed(&chunk);
        }
        Ok(survey.finish())
    }

    /// The chunk of the body at an offset, which then moves on; nothing at the end.
    async fn chunk(&self, at: &mut u64) -> io::Result<Option<Bytes>> {
        if *at >= self.body.len() {
            return Ok(None);
        }
        let (body, from) = (self.body.clone(), *at);
        let chunk = self.store.read(move |_| body.chunk(from)).await.map_err(io::Error::other)?;
        *at += chunk.len() as u64;
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

impl Content for QueuedContent {
    fn size(&self) -> u64 {
        self.size
    }

    fn body(&self) -> Body {
        match self.holds {
            recode::Content::SevenBit => Body::SevenBit,
            recode::Content::EightBit => Body::EightBit,
            recode::Content::Binary => Body::Binary,
        }
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let header = mem::take(&mut self.header);
        if !header.is_empty() {
            return Ok(Some(header));
        }
        let mut at = self.at;
        while let Some(chunk) = self.chunk(&mut at).await? {
            self.at = at;
            let Some(recoder) = &mut self.recoder else { return Ok(Some(chunk)) };
            let mut out = Vec::with_capacity(chunk.len() + chunk.len() / 2);
            recoder.feed(&chunk, &mut out);
            // all of it may be the beginning of something
            if !out.is_empty() {
                return Ok(Some(out.into()));
            }
        }
        Ok(None)
    }
}

/// What the store says of a body, in the words of the rewriting.
pub(super) fn held(kind: BodyKind) -> recode::Content {
    match kind {
        BodyKind::SevenBit => recode::Content::SevenBit,
        BodyKind::EightBit => recode::Content::EightBit,
        BodyKind::Binary => recode::Content::Binary,
    }
}

/// What a next hop takes.
fn carried(offered: &Extensions) -> recode::Content {
    if offered.chunking && offered.binary_mime {
        recode::Content::Binary
    } else if offered.eight_bit {
        recode::Content::EightBit
    } else {
        recode::Content::SevenBit
    }
}
