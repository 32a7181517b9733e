//! The daemon's end of the control socket: one line of JSON in, one out, for administrators only.
//!
//! May use the peer's credentials and the office. Bounds everything: connections, the length of a request, its time.
//! Must never carry out anything itself.

use std::{io, path::Path, pin::pin, sync::Arc, time::Duration};

use store::Store;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixStream, unix::WriteHalf},
    sync::OwnedSemaphorePermit,
    task::JoinSet,
    time,
};
use tracing::{debug, error, info, warn};

use super::{
    follow::{self, Following},
    office::Office,
    peer,
    protocol::{Answer, REQUEST_OCTETS, Refused, RefusedKind, Request},
};
use crate::{
    config::Administrator,
    sockets::{Socket, SocketError},
};

/// Connections served at once; the others wait in the socket's backlog.
const CONNECTIONS: usize = 8;

/// How long a connection may stay without a request, and a request without its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a client is told that long work goes on: well within its patience.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Makes the socket, mode 0660: who may ask is said by the peer's credentials, the mode only keeps the curious from filling the
/// backlog. The store's lock is held by then: no living daemon of this store can be behind an old socket.
///
/// # Errors
/// [`SocketError`]: a file that is no socket is in the way, or the directory cannot be written.
pub(crate) fn bind(path: &Path) -> Result<Socket, SocketError> {
    Socket::bind("the control socket", path, 0o660)
}

/// Serves the socket; runs until dropped, and its connections with it.
pub(crate) async fn serve(socket: &Socket, administrators: Vec<Administrator>, office: Arc<Office>) {
    let administrators = Arc::new(administrators);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    error!(%error, "a control connection broke; the others go on");
                }
            }
            // Those over the bound wait in the socket's backlog.
            accepted = socket.listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let (administrators, office) = (Arc::clone(&administrators), Arc::clone(&office));
                    connections.spawn(async move {
                        if let Err(error) = converse(stream, &administrators, &office).await {
                            debug!(%error, "a control connection ended early");
                        }
                    });
                }
                Err(error) => {
                    warn!(%error, "the control socket cannot accept for the moment");
                    time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

async fn converse(
    mut stream: UnixStream,
    administrators: &[Administrator],
    office: &Office,
) -> io::Result<()> {
    let Some((following, store, permit)) = requests(&mut stream, administrators, office).await? else {
        return Ok(());
    };
    follow::send(stream, store, following, permit).await
}

/// Answers requests until the client goes, or wants the connection for something else.
async fn requests(
    stream: &mut UnixStream,
    administrators: &[Administrator],
    office: &Office,
) -> io::Result<Option<(Following, Store, OwnedSemaphorePermit)>> {
    let credentials = stream.peer_cred()?;
    let (uid, gid) = (credentials.uid(), credentials.gid());
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader.take(REQUEST_OCTETS));
    let administrator = peer::recognise(administrators, uid, gid);
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.get_mut().set_limit(REQUEST_OCTETS);
        let read = time::timeout(PATIENCE, reader.read_until(b'\n', &mut line)).await??;
        if read == 0 {
            return Ok(None);
        }
        if let Some(administrator) = administrator
            && let Ok(Request::Follow { following }) = serde_json::from_slice(&line)
        {
            match office.follower(&administrator.name).await {
                Ok((store, permit)) => {
                    write(&mut writer, &Answer::Following {}).await?;
                    return Ok(Some((following, store, permit)));
                }
                Err(refused) => write(&mut writer, &Answer::Refused(refused)).await?,
            }
            continue;
        }
        let answer = match administrator {
            Some(administrator) => answer(&line, &administrator.name, office, &mut writer).await?,
            None => {
                warn!(uid, gid, "a user who is no administrator tried the control socket");
                office.note_stranger(uid, gid).await;
                refused(RefusedKind::NotAdministrator, stranger_text(uid, gid))
            }
        };
        write(&mut writer, &answer).await?;
        // A line cut at its bound leaves the stream in the middle of it: nothing behind it is a request.
        if line.last() != Some(&b'\n') || administrator.is_none() {
            return Ok(None);
        }
    }
}

async fn write(writer: &mut WriteHalf<'_>, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    time::timeout(PATIENCE, writer.write_all(&line)).await?
}

fn stranger_text(uid: u32, gid: u32) -> String {
    format!(
        "user {uid} (group {gid}) is no administrator of this service: run as root or as the daemon's user, or add \
         {{ name = \"…\", uid = {uid} }} to [control] administrators and restart"
    )
}

async fn answer(
    line: &[u8],
    administrator: &str,
    office: &Office,
    writer: &mut WriteHalf<'_>,
) -> io::Result<Answer> {
    if line.last() != Some(&b'\n') {
        let text = format!("a request is one line of at most {REQUEST_OCTETS} octets");
        return Ok(refused(RefusedKind::Refused, text));
    }
    Ok(match serde_json::from_slice::<Request>(line) {
        Ok(request) if request.takes_long() => at_work(office.answer(administrator, request), writer).await?,
        Ok(request) => match time::timeout(PATIENCE, office.answer(administrator, request)).await {
            Ok(answer) => answer,
            Err(_) => {
                info!(administrator, "a control request took too long");
                let text = "the daemon did not answer in time: see `vaguemestre status` before trying again";
                refused(RefusedKind::Unavailable, text.into())
            }
        },
        Err(error) => {
            refused(RefusedKind::Refused, format!("not a request of this version's protocol: {error}"))
        }
    })
}

/// Waits for long work, telling the client every few seconds that it goes on.
async fn at_work(working: impl Future<Output = Answer>, writer: &mut WriteHalf<'_>) -> io::Result<Answer> {
    let mut working = pin!(working);
    loop {
        match time::timeout(HEARTBEAT, &mut working).await {
            Ok(answer) => return Ok(answer),
            Err(_) => write(writer, &Answer::Working {}).await?,
        }
    }
}

fn refused(kind: RefusedKind, message: String) -> Answer {
    Answer::Refused(Refused { kind, message })
}
