//! Where responses go: a small buffer in front of the client, with back-pressure and a write timeout.
//! May use tokio's writer traits. Must never know what it carries, nor the store.

use std::{future::Future, io, time::Duration};

use bytes::Bytes;
use thiserror::Error;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// Bytes gathered before they are written to the client.
pub const OUTPUT_BUFFER: usize = 16 * 1024;

/// The connection can no longer be used: it is closed without another word.
#[derive(Debug, Error)]
pub enum Fatal {
    /// The client is gone or the network failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The client did not take our bytes in time.
    #[error("the client took nothing for {} s", .0.as_secs())]
    WriteTimeout(Duration),
    /// A literal was announced and its bytes cannot all be given; only closing tells the client.
    #[error("a literal broke off: {0}")]
    Literal(String),
}

/// The responses of one command, and of those before it that are not written yet.
pub struct Output<'a> {
    io: &'a mut (dyn AsyncWrite + Send + Unpin),
    buffer: Vec<u8>,
    patience: Duration,
}

impl<'a> Output<'a> {
    /// Writes to `io`; each write must make progress within `patience`.
    pub fn new(io: &'a mut (dyn AsyncWrite + Send + Unpin), patience: Duration) -> Self {
        Self::resume(io, patience, Vec::new())
    }

    /// The same, after answers that were not written yet.
    pub(crate) fn resume(
        io: &'a mut (dyn AsyncWrite + Send + Unpin),
        patience: Duration,
        unwritten: Vec<u8>,
    ) -> Self {
        Self { io, buffer: unwritten, patience }
    }

    /// What is not written yet.
    pub(crate) fn into_unwritten(self) -> Vec<u8> {
        self.buffer
    }

    /// Adds bytes; many at once go out uncopied.
    pub async fn bytes(&mut self, bytes: &[u8]) -> Result<(), Fatal> {
        if bytes.len() < OUTPUT_BUFFER {
            self.buffer.extend_from_slice(bytes);
            return self.drain().await;
        }
        self.write_buffer().await?;
        write_slowly(&mut *self.io, self.patience, bytes).await
    }

    /// Adds a line; CRLF is added here.
    pub async fn line(&mut self, line: impl AsRef<[u8]>) -> Result<(), Fatal> {
        self.buffer.extend_from_slice(line.as_ref());
        self.buffer.extend_from_slice(b"\r\n");
        self.drain().await
    }

    /// The buffer itself, for the encoders; call [`Output::drain`] after each response put there.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes the buffer if it holds [`OUTPUT_BUFFER`] bytes or more: here a slow client slows the command down.
    pub async fn drain(&mut self) -> Result<(), Fatal> {
        if self.buffer.len() < OUTPUT_BUFFER {
            return Ok(());
        }
        self.write_buffer().await
    }

    /// Writes everything out to the network.
    pub async fn flush(&mut self) -> Result<(), Fatal> {
        self.write_buffer().await?;
        within(self.patience, self.io.flush()).await
    }

    /// Writes `length` bytes of a literal already announced, asking `next` for the piece at each offset (from 0). Large
    /// pieces go out uncopied, one at a time; small ones with what stands around them. What exceeds `length` is cut; an error or an empty piece breaks the literal off.
    pub async fn body<F, P, E>(&mut self, length: u64, mut next: F) -> Result<(), Fatal>
    where
        F: FnMut(u64) -> P,
        P: Future<Output = Result<Bytes, E>>,
        E: std::fmt::Display,
    {
        let mut offset = 0;
        while offset < length {
            let left = length - offset;
            let piece = match next(offset).await {
                Ok(piece) if piece.is_empty() => {
                    return self.break_off(format!("{left} bytes are missing")).await;
                }
                Ok(piece) => piece,
                Err(error) => return self.break_off(error.to_string()).await,
            };
            let take = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
            let piece = piece.get(..take).unwrap_or_default();
            self.bytes(piece).await?;
            offset += take as u64;
        }
        Ok(())
    }

    /// Says what was said so far, answers of earlier commands above all, before the connection closes.
    async fn break_off(&mut self, why: String) -> Result<(), Fatal> {
        self.flush().await?;
        Err(Fatal::Literal(why))
    }

    async fn write_buffer(&mut self) -> Result<(), Fatal> {
        let result = write_slowly(&mut *self.io, self.patience, &self.buffer).await;
        self.buffer.clear();
        result
    }
}

/// Writes all of `bytes`; the patience is for each write, so that a slow client that goes on reading is served.
async fn write_slowly(
    io: &mut (dyn AsyncWrite + Send + Unpin),
    patience: Duration,
    mut bytes: &[u8],
) -> Result<(), Fatal> {
    while !bytes.is_empty() {
        let written = within(patience, io.write(bytes)).await?;
        if written == 0 {
            return Err(io::Error::from(io::ErrorKind::WriteZero).into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

async fn within<T>(patience: Duration, io: impl Future<Output = io::Result<T>>) -> Result<T, Fatal> {
    match timeout(patience, io).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Fatal::WriteTimeout(patience)),
    }
}
