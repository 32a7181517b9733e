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
    envelope::Envelope,
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
    pub(crate) why: Why,
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
    let header = Header::parse(raw);
    let ids = header_checks::answered(&header);
    let ours = ids.iter().any(|id| header_checks::looks_ours(id, settings));
    let acting_as = envelope.principal.acting_as().id;
    let (account, carried) = store.read(move |reader| look_up(reader, acting_as, &ids)).await?;
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
        structure_all_secure: false,
        smart_host: false,
    };
    match route::decide(&facts) {
        Decision::Secure(why) => Ok(Judged { account, header, why }),
        Decision::SmartHost => Err(replies::no_smart_host()),
        Decision::Refuse(refusal) => Err(refusal.into()),
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
