//! One conversation: takes the machine's steps, puts its questions to the policy.

use std::{
    future::{Future, pending},
    io,
    pin::{Pin, pin},
    sync::Arc,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{Stop, deadlines::Deadlines, stream};
use crate::{
    End, Ended, Policy,
    machine::{Interruption, Reading, Step, Upgrading},
};

/// What drives one session, in clear and then in TLS.
pub(super) struct Session<P: Policy> {
    policy: Arc<P>,
    stop: watch::Receiver<Stop>,
    pub(super) deadlines: Deadlines,
    revoked: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// What came while input was awaited.
enum Event {
    Input(io::Result<usize>),
    Stop,
    Interrupted(Interruption),
}

impl<P: Policy> Session<P> {
    pub(super) fn new(policy: Arc<P>, stop: watch::Receiver<Stop>, deadlines: Deadlines) -> Self {
        Session { policy, stop, deadlines, revoked: None }
    }

    /// Takes steps until TLS is to start (`Ok`) or the session ended (`Err`).
    pub(super) async fn converse<S: AsyncRead + AsyncWrite + Send + Unpin>(
        &mut self,
        stream: &mut S,
        mut step: Step<P>,
    ) -> Result<Upgrading<P>, Ended> {
        loop {
            step = match step {
                Step::Write(writing) => match self.write(stream, writing.bytes()).await {
                    Ok(()) => writing.written(),
                    Err(end) => return Err(writing.abandon(end)),
                },
                Step::Read(reading) => self.read(stream, reading).await?,
                Step::StartTls(upgrading) => return Ok(upgrading),
                Step::Close(ended) => return Err(ended),
                question => self.ask(question).await,
            };
        }
    }

    /// Puts a question to the policy. A commit under way is never interrupted.
    async fn ask(&mut self, step: Step<P>) -> Step<P> {
        let policy = &self.policy;
        match step {
            Step::Authenticate(asked, credentials) => {
                let answer = policy.authenticate(asked.connection(), credentials).await;
                asked.answer(answer)
            }
            Step::Identify(asked) => {
                let answer = policy.known_by_certificate(asked.connection()).await;
                asked.answer(answer)
            }
            Step::Mail(asked, from) => {
                let (connection, peer) = asked.context();
                let answer = policy.mail(connection, peer, from).await;
                asked.answer(answer)
            }
            Step::Rcpt(mut asked, to) => {
                let (connection, envelope) = asked.context();
                let answer = policy.rcpt(connection, envelope, to).await;
                asked.answer(answer)
            }
            Step::Data(asked, envelope) => {
                let answer = policy.data(asked.connection(), envelope).await;
                asked.answer(answer)
            }
            Step::Chunk(mut asked) => {
                let (incoming, bytes) = asked.context();
                let answer = policy.chunk(incoming, bytes).await;
                asked.answer(answer)
            }
            Step::Finish(asked, incoming) => {
                let answer = policy.finish(incoming).await;
                asked.answer(answer)
            }
            other => other,
        }
    }

    /// Writes all of it. A client that does not read cannot put off that its rights end, or that the server stops.
    async fn write<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, bytes: &[u8]) -> Result<(), End> {
        let (mut by, mut stopping) = (Instant::now() + self.deadlines.write(), false);
        let mut sending = pin!(stream::send(stream, bytes));
        loop {
            tokio::select! {
                biased;
                sent = &mut sending => return sent.map_err(|error| lost(&error)),
                () = revoked(&mut self.revoked) => return Err(End::Revoked),
                () = stopped(&mut self.stop), if !stopping => {
                    stopping = true;
                    by = by.min(Instant::now() + self.deadlines.grace());
                }
                () = sleep_until(by) => return Err(if stopping { End::Stopped } else { End::Timeout }),
            }
        }
    }

    async fn read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        mut reading: Reading<P>,
    ) -> Result<Step<P>, Ended> {
        self.watch_rights(&reading);
        match self.event(stream, &mut reading).await {
            Event::Input(Ok(0)) => Err(reading.abandon(End::Dropped)),
            Event::Input(Ok(_)) => Ok(reading.fed()),
            Event::Input(Err(error)) => Err(reading.abandon(lost(&error))),
            Event::Interrupted(why) => Ok(reading.interrupt(why)),
            Event::Stop => {
                self.deadlines.stop(Instant::now());
                Ok(reading.stop())
            }
        }
    }

    async fn event<S: AsyncRead + Unpin>(&mut self, stream: &mut S, reading: &mut Reading<P>) -> Event {
        let begun = Instant::now();
        let (by, why) = self.deadlines.next(reading, begun);
        let stopping = self.deadlines.stopping();
        let event = tokio::select! {
            biased;
            () = stopped(&mut self.stop), if !stopping => Event::Stop,
            () = revoked(&mut self.revoked) => Event::Interrupted(Interruption::Revoked),
            () = sleep_until(by) => Event::Interrupted(why),
            result = stream::receive(stream, reading) => Event::Input(result),
        };
        self.deadlines.waited(begun.elapsed());
        event
    }

    /// From the login on, hears when its rights end (S-1.5).
    fn watch_rights(&mut self, reading: &Reading<P>) {
        if let (Some(peer), None) = (reading.peer(), &self.revoked) {
            let (policy, peer) = (Arc::clone(&self.policy), Arc::clone(peer));
            self.revoked = Some(Box::pin(async move { policy.revoked(&peer).await }));
        }
    }

    /// Resolves when the server stops.
    pub(super) async fn stopped(&mut self) {
        stopped(&mut self.stop).await;
    }
}

async fn stopped(stop: &mut watch::Receiver<Stop>) {
    if stop.wait_for(|stop| *stop == Stop::Stop).await.is_err() {
        pending::<()>().await;
    }
}

async fn revoked(future: &mut Option<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

fn lost(error: &io::Error) -> End {
    if error.kind() == io::ErrorKind::TimedOut { End::Timeout } else { End::Dropped }
}
