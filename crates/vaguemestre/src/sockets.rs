//! Unix sockets that the daemon makes: in place of what a dead daemon left, and gone with the daemon.
//!
//! Must never read from one, nor say who may.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;
use tracing::debug;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[error("{what} {} cannot be made: {why}", .path.display())]
pub(crate) struct SocketError {
    what: &'static str,
    path: PathBuf,
    why: String,
}

/// The socket file, removed when the daemon is done with it.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    pub(crate) listener: UnixListener,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            debug!(%error, "a socket was gone already");
        }
    }
}

impl Socket {
    /// Makes the socket with these permission bits, in place of one that a dead daemon left; `what` is its name in errors.
    ///
    /// # Errors
    /// [`SocketError`]: a file that is no socket is in the way, or the directory cannot be written.
    pub(crate) fn bind(what: &'static str, path: &Path, mode: u32) -> Result<Self, SocketError> {
        let failed = |why: String| SocketError { what, path: path.to_owned(), why };
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => {
                fs::remove_file(path).map_err(|error| failed(error.to_string()))?;
            }
            Ok(_) => {
                let why = "a file that is no socket is there; move it or write another path";
                return Err(failed(why.to_owned()));
            }
            Err(_) => {}
        }
        let make = || {
            let listener = UnixListener::bind(path)?;
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
            Ok::<_, io::Error>(listener)
        };
        let listener =
            make().map_err(|error| failed(format!("{error}; its directory must exist and be writable")))?;
        Ok(Self { path: path.to_owned(), listener })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
