//! The verdict on a complete header: facts are gathered here, `mssante` decides (S-3.1 to S-3.4, S-3.9, I-8).
//!
//! May use: the store, to read. Must never touch: the body, the reply.

use jiff::Timestamp;
use message::Header;
use mssante::{
    Address,
    route::{self, Answers, Decision, Facts, Place, Why},
};
use pki::Trust;
use store::{Account, AccountId, Reader, Store, StoreError};

use crate::{
    connector,
    envelope::{By, Envelope},
    header_checks,
    recipients::{self, Recipient},
    replies::{self, Denial},
    settings::Settings,
};

/// A header that may be delivered.
pub(crate) struct Judged {
    /// The account acted as, as it is now.
    pub(crate) account: Account,
    pub(crate) header: Header,
    pub(crate) path: Path,
}

/// Which way the whole message takes (S-3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// Local boxes and the trust space, and why.
    Secure(Why),
    /// Ordinary mail, for the smart host (S-3.3).
    SmartHost,
}

impl Path {
    /// The stable machine name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Secure(why) => why.as_str(),
            Self::SmartHost => "smart-host",
        }
    }
}

/// Judges the header of a message with this envelope, by the trust that is in force at this moment: the list may have
/// changed since RCPT.
pub(crate) async fn judge(
    raw: &[u8],
    envelope: &Envelope,
    (trust, now): (&Trust, Timestamp),
    store: &Store,
    settings: &Settings,
) -> Result<Judged, Denial> {
    let (acting_as, header) = author(Header::parse(raw), envelope, store).await?;
    let ids = header_checks::answered(&header);
    let ours = ids.iter().any(|id| header_checks::looks_ours(id, settings));
    let (account, carried) = store.read(move |reader| look_up(reader, acting_as, &ids)).await?;
    if let By::Connector { connector, .. } = &envelope.by
        && !connector.serves(&account.profile)
    {
        let login = &account.profile.login;
        return Err(connector::replies::not_spoken_for("From", login, &connector.name));
    }
    header_checks::check(&header, &account.profile, settings)?;
    let answers = match (carried, ours) {
        (true, _) => Answers::Carried,
        (false, true) => Answers::LooksOursUnknown,
        (false, false) => Answers::No,
    };
    let placed = |recipient: &Recipient| {
        let place = match recipient.place {
            Place::Local { .. } | Place::UnknownLocal => recipient.place,
            _ => recipients::beyond(&recipient.address, trust.list(), settings),
        };
        relaying(&recipient.address, place, trust, now)?;
        Ok((recipient.address.clone(), place))
    };
    let recipients = envelope.recipients.iter().map(placed).collect::<Result<Vec<_>, Denial>>()?;
    let facts = Facts {
        sender: route::Sender { rights: account.profile.rights(), state: account.state },
        tag: header_checks::tag(&header),
        recipients: &recipients,
        answers,
        structure_all_secure: settings.all_secure(&account.profile),
        smart_host: settings.smart_host && passes_ordinary_mail(&envelope.by),
    };
    match route::decide(&facts) {
        Decision::Secure(why) => Ok(Judged { account, header, path: Path::Secure(why) }),
        Decision::SmartHost => Ok(Judged { account, header, path: Path::SmartHost }),
        Decision::Refuse(refusal) => Err(refusal.into()),
    }
}

/// Whose message it is, and its header as it goes on.
async fn author(header: Header, envelope: &Envelope, store: &Store) -> Result<(AccountId, Header), Denial> {
    match (&envelope.account, &envelope.by) {
        (Some(account), _) => Ok((account.id, header)),
        (None, By::Connector { connector, .. }) => {
            header_checks::plain(&header)?;
            let (account, header) = connector::author(header, connector, store).await?;
            Ok((account.id, header))
        }
        (None, By::Client) => Err(replies::login_first()),
    }
}

/// Whether whoever hands a message over has what is not secure go to the smart host, rather than given back (S-3.3).
fn passes_ordinary_mail(by: &By) -> bool {
    match by {
        By::Client => true,
        By::Connector { connector, .. } => connector.smart_host,
    }
}

/// Refuses for now what goes to the trust space while there is no list to go by, or only one that is too old (M-1), and what
/// a list could place there: trust follows it, never the suffix (M-9).
pub(crate) fn relaying(to: &Address, place: Place, trust: &Trust, now: Timestamp) -> Result<(), Denial> {
    let goes_there = match place {
        Place::TrustSpace | Place::Unlisted => true,
        Place::Outside => trust.list().is_none() && to.domain().mentions_mssante(),
        Place::Local { .. } | Place::UnknownLocal => false,
    };
    if goes_there { trust.relaying(now).map_err(|why| replies::not_relaying(to, &why)) } else { Ok(()) }
}

/// The account as it is now, and whether one of these ids was carried for it (S-3.9).
fn look_up(reader: &Reader<'_>, account: AccountId, ids: &[String]) -> Result<(Account, bool), StoreError> {
    let found = reader.account(account)?.ok_or(StoreError::NotFound)?;
    for id in ids {
        if reader.carried(account, id)? {
            return Ok((found, true));
        }
    }
    Ok((found, false))
}
