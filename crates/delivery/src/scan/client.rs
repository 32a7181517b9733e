//! One connection to a clamd, for one message: a length and so many bytes for each piece, a length of nothing at the end, one answer.
//!
//! May use: a socket. Keeps one piece at a time.

use std::{io, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    Failure, ScanAddress, ScanSettings,
    answer::{self, Answer},
};

/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 4_096;

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// An open line, and the turn that it takes up.
pub(super) struct Line {
    wire: Box<dyn Wire>,
    piece: Vec<u8>,
    _turn: OwnedSemaphorePermit,
}

impl Line {
    /// Waits for a turn, connects and says that a stream follows.
    pub(super) async fn open(settings: &ScanSettings, turns: Arc<Semaphore>) -> Result<Self, Failure> {
        let turn = timeout(settings.timeout, turns.acquire_owned()).await.map_err(|_| Failure::Crowded)?;
        let turn = turn.map_err(|_| Failure::NoConnection)?;
        let opened = timeout(settings.timeout, async {
            let wire: io::Result<Box<dyn Wire>> = match &settings.address {
                ScanAddress::Unix(path) => UnixStream::connect(path).await.map(|wire| Box::new(wire) as _),
                ScanAddress::Tcp(address) => {
                    TcpStream::connect(address).await.map(|wire| Box::new(wire) as _)
                }
            };
            let mut wire = wire.map_err(|_| Failure::NoConnection)?;
            wire.write_all(b"zINSTREAM\0").await.map_err(|_| Failure::Lost)?;
            Ok(Line { wire, piece: Vec::new(), _turn: turn })
        });
        opened.await.unwrap_or(Err(Failure::Timeout))
    }

    /// Shows a piece: as slowly as the scanner takes it.
    pub(super) async fn piece(&mut self, bytes: &[u8], limit: Duration) -> Result<(), Failure> {
        let length = u32::try_from(bytes.len()).map_err(|_| Failure::TooLarge)?;
        self.piece.clear();
        self.piece.extend_from_slice(&length.to_be_bytes());
        self.piece.extend_from_slice(bytes);
        match timeout(limit, self.wire.write_all(&self.piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.last_words(limit).await),
            Err(_) => Err(Failure::Timeout),
        }
    }

    /// Ends the stream and hears the verdict. What was said before the end is none on all of it, unless something was found.
    pub(super) async fn verdict(mut self, limit: Duration) -> Result<Answer, Failure> {
        let heard = timeout(limit, async {
            let mut early = [0; MAX_ANSWER];
            let said = self.wire.read(&mut early).now_or_never();
            if let Some(said) = said {
                let said = said.map_err(|_| Failure::Lost)?;
                let early = early.get(..said).unwrap_or_default();
                let answer = self.answer(early.to_vec()).await?;
                return if answer == Answer::Clean { Err(Failure::Answer) } else { Ok(answer) };
            }
            self.wire.write_all(&0_u32.to_be_bytes()).await.map_err(|_| Failure::Lost)?;
            self.answer(Vec::new()).await
        });
        heard.await.unwrap_or(Err(Failure::Timeout))
    }

    /// The answer, of which `said` was read already.
    async fn answer(&mut self, mut said: Vec<u8>) -> Result<Answer, Failure> {
        let mut block = [0; 512];
        loop {
            if let Some(end) = said.iter().position(|byte| *byte == 0) {
                return answer::read(said.get(..end).unwrap_or_default());
            }
            let read = self.wire.read(&mut block).await.map_err(|_| Failure::Lost)?;
            if read == 0 {
                return Err(Failure::Lost);
            }
            said.extend_from_slice(block.get(..read).unwrap_or_default());
            if said.len() > MAX_ANSWER {
                return Err(Failure::Answer);
            }
        }
    }

    /// Why the scanner hung up, if it says so: a clamd that is shown more than it takes does.
    async fn last_words(&mut self, limit: Duration) -> Failure {
        match timeout(limit, self.answer(Vec::new())).await {
            Ok(Err(Failure::TooLarge)) => Failure::TooLarge,
            _ => Failure::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told_early(early: &[u8]) -> Result<Answer, Failure> {
        let (mut scanner, wire) = tokio::io::duplex(1_000);
        scanner.write_all(early).await.unwrap();
        let turn = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let mut line = Line { wire: Box::new(wire), piece: Vec::new(), _turn: turn };
        let limit = Duration::from_secs(60);
        line.piece(b"a letter", limit).await.unwrap();
        line.verdict(limit).await
    }

    #[tokio::test]
    async fn what_is_said_before_the_end_clears_nobody() {
        assert_eq!(told_early(b"stream: OK\0").await, Err(Failure::Answer));
        assert_eq!(told_early(b"stream: Test FOUND\0").await, Ok(Answer::Infected("Test".into())));
        assert_eq!(told_early(b"INSTREAM size limit exceeded. ERROR\0").await, Err(Failure::TooLarge));
    }
}
