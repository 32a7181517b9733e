//! Reading, writing and closing, each bounded.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::timeout,
};
use zeroize::Zeroizing;

use crate::{
    End, Policy,
    machine::{Reading, Waiting},
};

/// What is read of commands at once.
const COMMANDS: usize = 2 * 1024;

/// How long and how much is still read after the end, so that the last reply reaches a client that is sending.
const LINGER: (Duration, usize) = (Duration::from_secs(1), 1024 * 1024);

/// Longest wait for the connection to take our end of it.
const CLOSING: Duration = Duration::from_secs(5);

/// The same once rights ended: that ends the session within 5 seconds (S-1.5), half of which it may take to be noticed.
const CLOSING_REVOKED: Duration = Duration::from_secs(1);

/// Reads what came into `reading`; gives the number of bytes, 0 at the end of the stream. May be dropped while it waits.
pub(super) async fn receive<P: Policy, S: AsyncRead + Unpin>(
    stream: &mut S,
    reading: &mut Reading<P>,
) -> io::Result<usize> {
    if reading.waiting() == Waiting::Content {
        return stream.read_buf(reading.block()).await;
    }
    poll_fn(|context| {
        // on the stack and only while there is something: a waiting session holds no buffer
        let mut bytes = Zeroizing::new([0; COMMANDS]);
        let mut buffer = ReadBuf::new(bytes.as_mut_slice());
        ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        reading.feed(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    })
    .await
}

/// Writes all of `bytes`.
pub(super) async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// Closes our end after a session that ended for `end` and, if the client may still be sending, drops what comes for a moment: a
/// connection closed on unread input is reset, and the last reply would be lost with it.
pub(super) async fn close<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, end: End) {
    let linger = !matches!(end, End::Quit | End::Dropped);
    let closing = if end == End::Revoked { CLOSING_REVOKED } else { CLOSING };
    let shut = timeout(closing, stream.shutdown()).await;
    if !linger || !matches!(shut, Ok(Ok(()))) {
        return;
    }
    let drain = async {
        let mut dropped = 0;
        let mut bytes = vec![0; COMMANDS];
        while dropped < LINGER.1 {
            match stream.read(&mut bytes).await {
                Ok(count) if count > 0 => dropped += count,
                _ => return,
            }
        }
    };
    let _ = timeout(LINGER.0, drain).await;
}
