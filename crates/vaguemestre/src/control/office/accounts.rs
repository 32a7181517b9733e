//! Accounts: added when complete for their type, listed, shown, removed.

use mssante::{Address, Profile, State, naming};
use store::{Account, AccountId, Action, Reader, StoreError};

use super::{Answered, Office, refusal};
use crate::control::protocol::{AccountView, Answer, LimitChange, MailboxView, PAGE, Refused};

impl Office {
    pub(super) async fn add_account(
        &self,
        administrator: &str,
        profile: Profile,
        state: State,
        openers: &[Address],
    ) -> Answered {
        self.check_domains(&profile)?;
        let mut people = Vec::new();
        for opener in openers {
            people.push(self.account(opener.clone()).await?);
        }
        let types: Vec<_> = people.iter().map(|person| person.profile.box_type).collect();
        profile.check(&types, self.mssante_domains()).map_err(|errors| {
            let errors: Vec<_> = errors.iter().map(|error| format!("  {error}")).collect();
            refusal(format!("the account is not complete:\n{}", errors.join("\n")))
        })?;
        let mut trace = self.trace(administrator, Action::AccountCreate);
        trace.detail.push(("login".into(), profile.login.to_string()));
        let id = trace.id.to_string();
        let opened_by = people.iter().map(|person| person.id).collect();
        let account = match self.store.create_account(profile.clone(), state, opened_by, trace).await {
            Err(StoreError::Taken(taken)) => return Err(self.taken(taken, profile).await),
            created => created?,
        };
        let openers = people.iter().map(|person| person.profile.login.clone()).collect();
        let view = self.store.read(move |reader| view(reader, account, openers)).await?;
        Ok(Answer::Account(Box::new(AccountView { trace: Some(id), ..view })))
    }

    /// Changes what an account may have in its boxes; what is left out stays.
    pub(super) async fn set_quota(
        &self,
        administrator: &str,
        address: Address,
        bytes: Option<LimitChange>,
        messages: Option<LimitChange>,
    ) -> Answered {
        let mut account = self.account(address).await?;
        let quota = &mut account.quota;
        quota.bytes = bytes.map_or(quota.bytes, LimitChange::own);
        quota.messages = messages.map_or(quota.messages, LimitChange::own);
        let mut trace = self.trace(administrator, Action::AccountUpdate);
        trace.detail.push(("login".into(), account.profile.login.to_string()));
        for (name, limit) in
            [("quota-bytes", account.quota.bytes), ("quota-messages", account.quota.messages)]
        {
            let limit = limit.map_or_else(|| "usual".to_owned(), |most| most.to_string());
            trace.detail.push((name.into(), limit));
        }
        let id = trace.id.to_string();
        let account = self.store.update_account(account, trace).await?;
        let view = self.store.read(move |reader| with_openers(reader, account)).await?;
        Ok(Answer::Account(Box::new(AccountView { trace: Some(id), ..view })))
    }

    /// Says that `taken` cannot be given again, and which MSSanté address of that name no account has (S-1.3).
    async fn taken(&self, taken: Address, profile: Profile) -> Refused {
        let refused = Refused::from(StoreError::Taken(taken.clone()));
        if profile.mssante.as_ref() != Some(&taken) || !profile.box_type.is_person() {
            return refused;
        }
        let free = self.store.read(move |reader| {
            let address = |local: &str| Address::parse(&format!("{local}@{}", taken.domain())).ok();
            let is_taken = |local: &str| {
                let found = address(local).map(|address| reader.account_by_address(&address));
                local == taken.local() || !matches!(found, Some(Ok(None)))
            };
            Ok(naming::suggest(&profile.last_name, &profile.first_name, is_taken)
                .as_deref()
                .and_then(address))
        });
        match free.await {
            Ok(Some(free)) => Refused { message: format!("{}; try {free}", refused.message), ..refused },
            _ => refused,
        }
    }

    /// The login address is of this operator (S-1.1); whether the MSSanté one is, `Profile::check` says.
    fn check_domains(&self, profile: &Profile) -> Result<(), Refused> {
        let own = &self.operator.login_domains;
        if own.contains(profile.login.domain()) {
            return Ok(());
        }
        let names: Vec<_> = own.iter().map(ToString::to_string).collect();
        Err(refusal(format!(
            "login: the address must be in a login domain of this operator ({}); [operator] login_domains lists them",
            names.join(", ")
        )))
    }

    pub(super) async fn list_accounts(&self, after: Option<u64>) -> Answered {
        let page = self.store.read(move |reader| {
            let accounts = reader.accounts(after.map(AccountId::new), PAGE)?;
            accounts.into_iter().map(|account| with_openers(reader, account)).collect::<Result<Vec<_>, _>>()
        });
        let accounts = page.await?;
        let next = accounts.last().filter(|_| accounts.len() == PAGE).map(|account| account.id);
        Ok(Answer::Accounts { accounts, next })
    }

    pub(super) async fn show_account(&self, address: Address) -> Answered {
        let account = self.account(address).await?;
        let view = self.store.read(move |reader| with_openers(reader, account)).await?;
        Ok(Answer::Account(Box::new(view)))
    }

    pub(super) async fn remove_account(&self, administrator: &str, address: Address) -> Answered {
        let account = self.account(address).await?;
        let mut trace = self.trace(administrator, Action::AccountRemove);
        trace.detail.push(("login".into(), account.profile.login.to_string()));
        let id = trace.id.to_string();
        self.store.remove_account(account.id, trace).await?;
        Ok(Answer::Removed { address: account.profile.login, trace: id })
    }
}

fn with_openers(reader: &Reader<'_>, account: Account) -> Result<AccountView, StoreError> {
    let mut openers = Vec::new();
    for opener in &account.openers {
        openers.extend(reader.account(*opener)?.map(|person| person.profile.login));
    }
    view(reader, account, openers)
}

fn view(reader: &Reader<'_>, account: Account, openers: Vec<Address>) -> Result<AccountView, StoreError> {
    let (usage, limit) = (reader.usage(account.id)?, reader.allowance(&account));
    let mailbox = MailboxView {
        messages: usage.messages,
        messages_limit: limit.messages,
        bytes: usage.bytes,
        bytes_limit: limit.bytes,
        own_quota: !account.quota.is_usual(),
        full: reader.is_full(&account)?,
    };
    Ok(AccountView {
        id: account.id.get(),
        state: account.state,
        rights: account.profile.rights(),
        created: account.created,
        openers,
        profile: account.profile,
        mailbox,
        trace: None,
    })
}
