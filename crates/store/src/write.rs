//! Everything that changes the store: each call is one operation for the committer and resolves once a synced commit
//! holds it (I-1, I-2). What may touch many messages is in `pieces.rs`. Sealing happens in `prepare.rs`, on the caller's
//! side.

use mssante::{Profile, State};

use crate::{
    Account, AccountId, Actor, Appended, AppendedAll, BoxId, BoxInfo, CredentialId, Delivered, Delivery,
    Durable, Incoming, Lane, QueueId, Result, Settlement, SpecialUse, Store, StoreError, Trace, Variant,
    committer::{Job, Operation, txn::Txn},
    keyring::KeyKind,
    ops::{
        self,
        deliver::{Outcome, SealedIncoming},
    },
    prepare::{seal_trace, seal_variant, trace_day},
};

/// Every operation gives `Busy` while the store sheds load or stops, `Full` if it does so for want of room, and `Engine` or
/// `Full` if its commit failed: then
/// whoever asked was told of nothing that is kept. What adds messages gives `Full` and `Damaged` as well.
#[allow(clippy::missing_errors_doc, reason = "the common ones are said once, above")]
impl Store {
    /// Makes an account with its INBOX, Sent, Drafts and Trash.
    ///
    /// Also gives `Taken` if one of its addresses is or was another's (S-1.3), `Conflict` if an opener does not exist.
    pub async fn create_account(
        &self,
        profile: Profile,
        state: State,
        openers: Vec<AccountId>,
        trace: Trace,
    ) -> Result<Account> {
        let trace = self.seal_trace(trace).await?;
        self.submit(move |txn| ops::accounts::create(txn, profile, state, openers, trace)).await
    }

    /// Changes an account; gives it with its new version.
    ///
    /// Also gives `NotFound`, `Conflict` if it was changed since it was read or an opener does not exist, `Taken`.
    pub async fn update_account(&self, account: Account, trace: Trace) -> Result<Account> {
        let trace = self.seal_trace(trace).await?;
        self.submit(move |txn| ops::accounts::update(txn, account, trace)).await
    }

    /// Adds an application password; only its keyed hash is kept (S-7.3).
    ///
    /// Also gives `NotFound`, `Limit`.
    pub async fn create_password(
        &self,
        account: AccountId,
        name: String,
        secret: &[u8],
        trace: Trace,
    ) -> Result<CredentialId> {
        let trace = self.seal_trace(trace).await?;
        let secret = zeroize::Zeroizing::new(secret.to_vec());
        self.submit(move |txn| ops::accounts::create_password(txn, account, name, &secret, trace)).await
    }

    /// Removes an application password; false if there was none. Sessions that used it end.
    pub async fn revoke_password(&self, account: AccountId, id: CredentialId, trace: Trace) -> Result<bool> {
        let trace = self.seal_trace(trace).await?;
        self.submit(move |txn| ops::accounts::revoke_password(txn, account, id, trace)).await
    }

    /// Gives a hospital's own server a password (S-3.10), in place of the one that it had; only its keyed hash is kept. Sessions that
    /// used the old one end.
    pub async fn set_connector_password(&self, connector: &str, secret: &[u8], trace: Trace) -> Result<()> {
        let trace = self.seal_trace(trace).await?;
        let (name, secret) = (connector.to_owned(), zeroize::Zeroizing::new(secret.to_vec()));
        self.submit(move |txn| ops::connectors::set_password(txn, name, &secret, trace)).await
    }

    /// Takes a connector's password away; false if it had none. Sessions that used it end.
    pub async fn revoke_connector_password(&self, connector: &str, trace: Trace) -> Result<bool> {
        let trace = self.seal_trace(trace).await?;
        let name = connector.to_owned();
        self.submit(move |txn| ops::connectors::revoke_password(txn, &name, trace)).await
    }

    /// Makes a box, and those above it that do not exist (RFC 3501 §6.3.3).
    ///
    /// Also gives `NotFound` without such an account, `Conflict`, `Limit`.
    pub async fn create_box(
        &self,
        account: AccountId,
        name: &str,
        special_use: Option<SpecialUse>,
        actor: Actor,
    ) -> Result<BoxInfo> {
        let (name, asked) = (name.to_owned(), self.asked(actor).await?);
        self.submit(move |txn| ops::boxes::create(txn, account, &name, special_use, &asked)).await
    }

    /// Subscribes to a box, or no longer. A box that is deleted leaves its name subscribed to (RFC 3501 §6.3.6), which can be
    /// given up too.
    ///
    /// Also gives `NotFound` if neither a box nor a subscription has the name.
    pub async fn subscribe(&self, account: AccountId, name: &str, on: bool, actor: Actor) -> Result<()> {
        let (name, asked) = (name.to_owned(), self.asked(actor).await?);
        self.submit(move |txn| ops::boxes::subscribe(txn, account, &name, on, &asked)).await
    }

    /// Makes one accepted message durable: body, variants, copies, what leaves, traces, all at once or nothing (I-1).
    ///
    /// Also gives `NotFound` if an account or a variant does not exist, `ClockBehind` (I-4), `Limit`, also if the queue is
    /// full as a whole, for a next hop or for the sender.
    pub async fn deliver(&self, delivery: Delivery) -> Result<Delivered> {
        self.core.admit()?;
        let sealed = self.seal_delivery(delivery).await?;
        let (outcome, durable) = self.commit(move |txn| ops::deliver::deliver(txn, sealed)).await?;
        Ok(Self::delivered(outcome, durable))
    }

    fn delivered(outcome: Outcome, durable: Durable) -> Delivered {
        match outcome {
            Outcome::New(copies) => Delivered::New(durable, copies),
            Outcome::Again(first) => Delivered::Again(durable, first),
        }
    }

    /// The same, with the report that acceptance causes: both or neither. A message that was stored before causes none.
    pub async fn deliver_and_report(&self, delivery: Delivery, report: Delivery) -> Result<Delivered> {
        self.core.admit()?;
        let sealed = self.seal_delivery(delivery).await?;
        let report = self.seal_delivery(report).await?;
        let (outcome, durable) =
            self.commit(move |txn| ops::deliver::deliver_and_report(txn, sealed, report)).await?;
        Ok(Self::delivered(outcome, durable))
    }

    /// Keeps back what waits for a next hop and what will, until this is asked again with `held` false. Gives whether anything
    /// changed; the trace is kept if so.
    pub async fn hold_lane(&self, lane: Lane, held: bool, trace: Trace) -> Result<bool> {
        let trace = self.seal_trace(trace).await?;
        self.submit(move |txn| ops::queue::hold(txn, &lane, held, trace)).await
    }

    /// Settles entries of the queue, with the report that this causes and its traces: all at once or nothing.
    ///
    /// Also gives `NotFound` if an entry is not there (any more): nothing is written.
    pub async fn settle(
        &self,
        entries: Vec<(QueueId, Settlement)>,
        report: Option<Delivery>,
        traces: Vec<Trace>,
    ) -> Result<Durable> {
        let report = match report {
            Some(report) => Some(self.seal_delivery(report).await?),
            None => None,
        };
        let steps = self.seal_traces(traces).await?;
        self.commit(move |txn| ops::queue::settle(txn, entries, report, steps))
            .await
            .map(|((), durable)| durable)
    }

    /// Puts a client's message in a box; its journey, if a trace is given, is what [`crate::Reader::origin`] gives.
    ///
    /// Also gives `NotFound`, `ClockBehind` (I-4), `Limit`.
    pub async fn append(&self, to: BoxId, message: Incoming, trace: Option<Trace>) -> Result<Appended> {
        let AppendedAll { uid_validity, uids } = self.append_all(to, vec![(message, trace)]).await?;
        let uid = uids.first().copied().ok_or(StoreError::Corrupt("appended message"))?;
        Ok(Appended { uid_validity, uid })
    }

    /// Puts messages in a box, each with its trace: all of them or none, in one commit (RFC 3502). Their order is that of
    /// their UIDs.
    ///
    /// Also gives `NotFound` without such a box, `Quota`, `Limit` beyond [`APPENDED_AT_ONCE`](crate::APPENDED_AT_ONCE),
    /// `Erased`, `ClockBehind`.
    pub async fn append_all(
        &self,
        to: BoxId,
        messages: Vec<(Incoming, Option<Trace>)>,
    ) -> Result<AppendedAll> {
        self.core.admit()?;
        let mut sealed = Vec::with_capacity(messages.len());
        for (message, trace) in messages {
            let Incoming { body, header, index, flags, internal_date } = message;
            let variant = seal_variant(&self.core, &body, 0, &Variant { header, index })?;
            let origin = trace.as_ref().map(|trace| trace.id);
            let trace = match trace {
                Some(trace) => Some(self.seal_trace(trace).await?),
                None => None,
            };
            sealed.push(SealedIncoming { body, variant, flags, internal_date, trace, origin });
        }
        self.submit(move |txn| ops::deliver::append(txn, to, sealed)).await
    }

    /// Keeps a trace alone. Resolves once it is queued: a commit that follows at once makes it durable.
    pub async fn trace(&self, trace: Trace) -> Result<()> {
        let trace = self.seal_trace(trace).await?;
        let (operation, _) = Operation::new(move |txn: &mut Txn<'_>| {
            ops::traces::put(txn, trace);
            Ok(())
        });
        self.queue.send(Job::Work(Box::new(operation))).await.map_err(|_| StoreError::Busy)
    }

    /// Does what [`Store::trace`] does and waits until it is durable: for commands, never on a runtime thread.
    pub fn trace_blocking(&self, trace: &Trace) -> Result<()> {
        self.core.ensure_key(KeyKind::Trace, trace_day(&self.core, trace.at))?;
        let trace = seal_trace(&self.core, trace)?;
        self.submit_blocking(move |txn| {
            ops::traces::put(txn, trace);
            Ok(())
        })
    }

    /// Does what [`Store::submit`] does on a thread that may wait.
    pub(crate) fn submit_blocking<T: Send + 'static>(
        &self,
        apply: impl FnOnce(&mut Txn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (operation, answer) = Operation::new(apply);
        self.queue.blocking_send(Job::Work(Box::new(operation))).map_err(|_| StoreError::Busy)?;
        answer.blocking_recv().map_err(|_| StoreError::Busy)?.map(|(value, _)| value)
    }

    pub(crate) async fn submit<T: Send + 'static>(
        &self,
        apply: impl FnOnce(&mut Txn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.commit(apply).await.map(|(value, _)| value)
    }

    async fn commit<T: Send + 'static>(
        &self,
        apply: impl FnOnce(&mut Txn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<(T, Durable)> {
        self.core.takes_work()?;
        let (operation, answer) = Operation::new(apply);
        self.queue.send(Job::Work(Box::new(operation))).await.map_err(|_| StoreError::Busy)?;
        answer.await.map_err(|_| StoreError::Busy)?
    }
}
