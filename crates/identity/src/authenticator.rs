//! The one place where somebody becomes a [`Principal`]. It reads the store, keeps count of failures, and writes a trace
//! of every login and refusal (M-10). It decides nothing itself: see `policy` and `throttle`.

use std::{net::IpAddr, sync::Arc};

use mssante::Address;
use store::{
    Account, AccountId, Action, Clock, CredentialId, Outcome, Reader, Store, StoreError, Trace, TraceId,
};
use tokio::time::{Instant, sleep_until};
use zeroize::Zeroizing;

use crate::{
    Attempt, AuthError, Mechanism, Principal, Service, Settings,
    policy::{self, Reason},
    sasl::MAX_FIELD,
    split::split_user,
    throttle::{Throttle, Tracked},
};

/// No account has this number: the password of an unknown account is checked against it, at the same cost (M-5).
const NOBODY: u64 = u64::MAX;

/// Decides who may log in as whom.
pub struct Authenticator {
    store: Store,
    clock: Arc<dyn Clock>,
    throttle: Throttle,
    settings: Settings,
}

/// An attempt, as far as it can be understood.
struct Claim {
    person: Option<Address>,
    target: Target,
    password: Zeroizing<Vec<u8>>,
    tracked: Tracked,
    peer: IpAddr,
    service: Service,
    mechanism: Mechanism,
}

/// As whom somebody wants to act.
#[derive(Clone)]
enum Target {
    Oneself,
    /// None if the text is no address.
    Box(Option<Address>),
}

/// Who was let in.
struct Granted {
    person: Account,
    acting_as: Account,
    credential: CredentialId,
}

/// Who was not, and why. The person is known only if the password was right.
struct Refused {
    person: Option<AccountId>,
    reason: Reason,
}

impl Authenticator {
    /// An authenticator over `store`, with its own count of failures.
    #[must_use]
    pub fn new(store: Store, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, throttle: Throttle::new(&settings), settings }
    }

    /// Judges one attempt, and traces it.
    ///
    /// # Errors
    /// [`AuthError::Denied`] for whatever is wrong with the attempt, no sooner than [`Settings::denial_floor`] after the
    /// call; [`AuthError::Throttled`] without looking at it; [`AuthError::Unavailable`] when the store cannot answer or
    /// keep the trace.
    pub async fn authenticate(&self, attempt: Attempt) -> Result<Principal, AuthError> {
        let said_from = Instant::now() + self.settings.denial_floor;
        let claim = Arc::new(Claim::new(attempt, &self.throttle));
        if let Some(block) = self.throttle.blocked(&claim.tracked, self.clock.now()) {
            if block.is_news {
                self.trace_refusal(&claim, None, Reason::Throttled).await;
            }
            return Err(AuthError::Throttled { retry_after: block.retry_after });
        }
        let seen = Arc::clone(&claim);
        let judged = self.store.read(move |reader| seen.judge(reader)).await.map_err(|error| {
            tracing::error!(%error, "a login cannot be judged");
            AuthError::Unavailable
        })?;
        match judged {
            Ok(granted) => self.admit(&claim, granted).await,
            Err(Refused { person, reason }) => {
                let now = self.clock.now();
                if self.throttle.failed(&claim.tracked, now) {
                    tracing::warn!(peer = %claim.peer, service = claim.service.as_str(), "too many failed logins: blocked");
                }
                self.trace_refusal(&claim, person, reason).await;
                sleep_until(said_from).await;
                Err(AuthError::Denied)
            }
        }
    }

    async fn admit(&self, claim: &Claim, granted: Granted) -> Result<Principal, AuthError> {
        let Granted { person, acting_as, credential } = granted;
        let mut trace = self.trace(claim, Outcome::Done);
        trace.person = Some(person.id);
        trace.acting_as = (acting_as.id != person.id).then_some(acting_as.id);
        trace.detail.push(("credential".into(), credential.to_string()));
        let id = trace.id;
        // each access leaves a trace that names the person (S-1.7): without it there is no access
        self.store.trace(trace).await.map_err(|error| {
            tracing::error!(%error, "a login cannot be traced and is not granted");
            AuthError::Unavailable
        })?;
        self.throttle.succeeded(&claim.tracked);
        tracing::info!(
            person = %person.id, acting_as = %acting_as.id, peer = %claim.peer, service = claim.service.as_str(),
            mechanism = claim.mechanism.as_str(), trace = %id, "logged in"
        );
        Ok(Principal::new(self.store.clone(), person, acting_as, credential))
    }

    async fn trace_refusal(&self, claim: &Claim, person: Option<AccountId>, reason: Reason) {
        let mut trace = self.trace(claim, Outcome::Refused);
        trace.person = person;
        trace.detail.push(("reason".into(), reason.as_str().into()));
        // only what is an address: people write passwords in the field of the name
        if let Some(address) = &claim.person {
            trace.detail.push(("name".into(), address.to_string()));
        }
        if let Target::Box(Some(address)) = &claim.target {
            trace.detail.push(("box".into(), address.to_string()));
        }
        tracing::info!(
            reason = reason.as_str(), peer = %claim.peer, service = claim.service.as_str(),
            mechanism = claim.mechanism.as_str(), trace = %trace.id, "login refused"
        );
        if let Err(error) = self.store.trace(trace).await {
            tracing::error!(%error, "a refused login cannot be traced");
        }
    }

    fn trace(&self, claim: &Claim, outcome: Outcome) -> Trace {
        let at = self.clock.now();
        Trace {
            id: TraceId::new(at),
            at,
            action: Action::Login,
            person: None,
            acting_as: None,
            peer: Some(claim.peer),
            outcome,
            detail: vec![
                ("service".into(), claim.service.as_str().into()),
                ("mechanism".into(), claim.mechanism.as_str().into()),
            ],
        }
    }
}

impl Claim {
    fn new(attempt: Attempt, throttle: &Throttle) -> Self {
        let Attempt { authcid, authzid, password, peer, service, mechanism } = attempt;
        let (target, name) = match authzid.as_deref() {
            // Clients on Cyrus SASL (mutt) repeat the user name as authorization identity: that names no other box.
            Some(target) if !target.is_empty() && target != authcid => (Some(target), authcid.as_str()),
            _ => split_user(&authcid),
        };
        let person = Address::parse(name).ok();
        let target = target.map_or(Target::Oneself, |text| Target::Box(Address::parse(text).ok()));
        let tracked_name = person.as_ref().map_or_else(|| name.to_owned(), Address::key);
        let tracked = throttle.track(&tracked_name, peer, &password);
        Self { person, target, password, tracked, peer, service, mechanism }
    }

    /// Reads what the decision needs, in the same steps whatever is found, and decides.
    fn judge(&self, reader: &Reader<'_>) -> Result<Result<Granted, Refused>, StoreError> {
        let find = |address: &Option<Address>| match address {
            Some(address) => reader.account_by_address(address),
            None => Ok(None),
        };
        let person = find(&self.person)?;
        let id = person.as_ref().map_or(AccountId::new(NOBODY), |person| person.id);
        let (password, is_sane) = match self.password.len() {
            1..=MAX_FIELD => (self.password.as_slice(), true),
            _ => (&[0_u8; 32][..], false),
        };
        let credential = reader.verify_password(id, password)?.filter(|_| is_sane);
        let target = match &self.target {
            Target::Oneself => person.clone(),
            Target::Box(address) => find(address)?,
        };
        Ok(decide(person, credential, target))
    }
}

fn decide(
    person: Option<Account>,
    credential: Option<CredentialId>,
    target: Option<Account>,
) -> Result<Granted, Refused> {
    let unknown = |reason| Refused { person: None, reason };
    let person = person.ok_or(unknown(Reason::UnknownAccount))?;
    let credential = credential.ok_or(unknown(Reason::WrongPassword))?;
    let known = |reason| Refused { person: Some(person.id), reason };
    let acting_as = target.ok_or(known(Reason::UnknownBox))?;
    policy::may_act_as(&person, &acting_as).map_err(known)?;
    Ok(Granted { person, acting_as, credential })
}
