//! The command line's end of the control socket: one request, one answer, bounded in time and size.
//!
//! May use the socket alone. Must never print.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use super::protocol::{ANSWER_OCTETS, Answer, Request};

/// How long a command waits for the daemon: far above any commit, so that only a stuck daemon meets it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Nobody listens there, or not for this user.
    #[error("{}", unreachable_text(.socket, .error))]
    Unreachable { socket: PathBuf, error: io::Error },
    /// The daemon went away or does not speak this protocol.
    #[error("the daemon at {} gave no answer ({why}): see its log; is it of this program's version?", .socket.display())]
    NoAnswer { socket: PathBuf, why: String },
}

impl CallError {
    /// Whether no daemon is there at all: a store may be opened without it.
    pub(crate) fn is_absent(&self) -> bool {
        let absent = |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused);
        matches!(self, Self::Unreachable { error, .. } if absent(error.kind()))
    }
}

fn unreachable_text(socket: &Path, error: &io::Error) -> String {
    let socket = socket.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!(
                "no daemon at {socket}: start it with `vaguemestre serve`, or give its --config or --socket"
            )
        }
        io::ErrorKind::ConnectionRefused => {
            format!(
                "no daemon at {socket} any more (it left its socket behind): start it with `vaguemestre serve`"
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "{socket} may not be opened by this user: run as root, as the daemon's user or in its group"
            )
        }
        _ => format!("{socket} cannot be reached: {error}"),
    }
}

/// Sends `request` and gives the answer with the connection, on which more than answers follows. It may be silent for as
/// long as a command waits for an answer.
///
/// # Errors
/// [`CallError`].
pub(crate) fn begin(socket: &Path, request: &Request) -> Result<(Answer, UnixStream), CallError> {
    let no_answer =
        |error: io::Error| CallError::NoAnswer { socket: socket.to_owned(), why: error.to_string() };
    let mut stream = UnixStream::connect(socket)
        .map_err(|error| CallError::Unreachable { socket: socket.to_owned(), error })?;
    let exchange = |stream: &mut UnixStream| {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        // Byte by byte: what follows the line is not ours to take.
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while (answer.len() as u64) < ANSWER_OCTETS && answer.last() != Some(&b'\n') {
            stream.read_exact(&mut byte)?;
            answer.extend_from_slice(&byte);
        }
        Ok::<_, io::Error>(serde_json::from_slice(&answer)?)
    };
    let answer = exchange(&mut stream).map_err(no_answer)?;
    Ok((answer, stream))
}

/// Sends `request` to the daemon at `socket` and waits for its answer.
///
/// # Errors
/// [`CallError`]; a refusal by the daemon is an [`Answer`].
pub(crate) fn call(socket: &Path, request: &Request) -> Result<Answer, CallError> {
    let no_answer = |why: String| CallError::NoAnswer { socket: socket.to_owned(), why };
    let mut stream = UnixStream::connect(socket)
        .map_err(|error| CallError::Unreachable { socket: socket.to_owned(), error })?;
    let mut line = serde_json::to_vec(request).map_err(|error| no_answer(error.to_string()))?;
    line.push(b'\n');
    let exchange = |stream: &mut UnixStream| {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(&line)?;
        let mut stream = BufReader::new(stream);
        loop {
            let mut answer = Vec::new();
            stream.by_ref().take(ANSWER_OCTETS).read_until(b'\n', &mut answer)?;
            match serde_json::from_slice(&answer)? {
                Answer::Working {} => {}
                answer => return Ok::<_, io::Error>(answer),
            }
        }
    };
    exchange(&mut stream).map_err(|error| no_answer(error.to_string()))
}
