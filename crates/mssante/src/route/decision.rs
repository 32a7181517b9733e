//! The decision itself. May use and must never touch: what the module above says.

use super::{Place, Refusal, RouteSettings, Sender, texts};
use crate::{Address, Ins, Rights, Tag};

/// What In-Reply-To, References and X-Forwarded-Message-Id say (S-3.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answers {
    /// One of them is a message that the service carried for the account acted as.
    Carried,
    /// None was carried for it, and one looks like an id that this service makes (S-3.3).
    LooksOursUnknown,
    /// Neither.
    No,
}

/// All that the path depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The account acted as.
    pub sender: Sender,
    /// What the subject says.
    pub tag: Tag,
    /// Every recipient and where it is.
    pub recipients: &'a [(Address, Place)],
    /// What the message answers.
    pub answers: Answers,
    /// The sender's structure says that all its mail is secure (S-3.1).
    pub structure_all_secure: bool,
    /// An ordinary smart host is configured (S-3.3).
    pub smart_host: bool,
}

/// Why a message takes the secure path (S-3.1); the first that holds, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The subject carries the tag.
    Tag,
    /// A recipient's address is in an MSSanté domain.
    MssanteRecipient,
    /// Every recipient is a local account.
    AllLocal,
    /// It answers a carried message (S-3.9).
    Answer,
    /// The structure says so.
    Structure,
}

impl Why {
    /// The stable machine name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::MssanteRecipient => "mssante-recipient",
            Self::AllLocal => "all-local",
            Self::Answer => "answer",
            Self::Structure => "structure",
        }
    }
}

/// What becomes of the whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Secure: local boxes and the trust space, nowhere else.
    Secure(Why),
    /// Ordinary mail: the smart host takes it (S-3.3).
    SmartHost,
    /// Nobody gets anything.
    Refuse(Refusal),
}

/// The domain under which an address is MSSanté even where no list says so (M-9).
const MSSANTE: &str = "mssante.fr";

/// Where an address is that is in none of this operator's domains; `listed` is what the white list in force says of
/// its domain (S-3.1, M-9).
#[must_use]
pub fn beyond(to: &Address, listed: bool, settings: &RouteSettings) -> Place {
    let domain = to.domain();
    if listed {
        Place::TrustSpace
    } else if domain.is_under(MSSANTE) || *domain == settings.patient_domain {
        Place::Unlisted
    } else {
        Place::Outside
    }
}

/// Judges one recipient at RCPT: the sender's rights and patients' numbers (S-3.2). A recipient outside the trust
/// space passes here: the header decides.
///
/// # Errors
/// The refusal to answer with.
pub fn recipient(
    sender: &Sender,
    to: &Address,
    place: Place,
    settings: &RouteSettings,
) -> Result<(), Refusal> {
    within_rights(sender, to, place)?;
    if *to.domain() == settings.patient_domain && !is_patient(to, settings) && !is_robot(to, settings) {
        return Err(texts::patient_number(to));
    }
    Ok(())
}

/// Chooses the path for the whole message, failing closed in doubt (S-3.1 to S-3.3).
#[must_use]
pub fn decide(facts: &Facts<'_>) -> Decision {
    decided(facts).unwrap_or_else(Decision::Refuse)
}

fn decided(facts: &Facts<'_>) -> Result<Decision, Refusal> {
    if facts.recipients.is_empty() {
        return Err(texts::no_recipient());
    }
    for (to, place) in facts.recipients {
        within_rights(&facts.sender, to, *place)?;
    }
    let Some(why) = why_secure(facts) else { return in_clear(facts) };
    for (to, place) in facts.recipients {
        match place {
            Place::Outside => return Err(texts::outside_trust_space(to)),
            Place::Unlisted => return Err(texts::unlisted_domain(to)),
            Place::Local { .. } | Place::UnknownLocal | Place::TrustSpace => {}
        }
    }
    Ok(Decision::Secure(why))
}

/// What needs no header: the sender's state and rights, and whether the account exists.
fn within_rights(sender: &Sender, to: &Address, place: Place) -> Result<(), Refusal> {
    if !sender.state.may_send() {
        return Err(texts::sender_state(sender.state));
    }
    match place {
        Place::UnknownLocal => Err(texts::unknown_recipient(to)),
        Place::TrustSpace | Place::Unlisted if sender.rights == Rights::Internal => {
            Err(texts::beyond_rights(to))
        }
        Place::Local { .. } | Place::TrustSpace | Place::Unlisted | Place::Outside => Ok(()),
    }
}

/// Whether an address is a patient's: a number in the patients' domain, none of its robots (S-5.1).
#[must_use]
pub fn is_patient(address: &Address, settings: &RouteSettings) -> bool {
    let local = address.local();
    let number = if settings.test_identities { Ins::parse_any_key(local) } else { Ins::parse(local) };
    *address.domain() == settings.patient_domain && number.is_ok()
}

fn is_robot(address: &Address, settings: &RouteSettings) -> bool {
    let lower = address.local().to_lowercase();
    settings.patient_robots.iter().any(|robot| robot.to_lowercase() == lower)
}

/// Why the message is secure, if it is (S-3.1).
fn why_secure(facts: &Facts<'_>) -> Option<Why> {
    let is_mssante = |place: &Place| {
        matches!(place, Place::TrustSpace | Place::Unlisted | Place::Local { mssante: true, .. })
    };
    let is_local = |place: &Place| matches!(place, Place::Local { .. });
    let mut places = facts.recipients.iter().map(|(_, place)| place);
    if facts.tag == Tag::Present {
        Some(Why::Tag)
    } else if places.clone().any(is_mssante) {
        Some(Why::MssanteRecipient)
    } else if places.all(is_local) {
        Some(Why::AllLocal)
    } else if facts.answers == Answers::Carried {
        Some(Why::Answer)
    } else if facts.structure_all_secure {
        Some(Why::Structure)
    } else {
        None
    }
}

/// A message that nothing makes secure: never sent in clear when it may have been meant to be (S-3.3).
fn in_clear(facts: &Facts<'_>) -> Result<Decision, Refusal> {
    if let Tag::NearMiss(miss) = facts.tag {
        return Err(texts::tag_near_miss(miss));
    }
    if let Some((to, _)) = facts.recipients.iter().find(|(to, _)| to.domain().mentions_mssante()) {
        return Err(texts::domain_look_alike(to));
    }
    if facts.answers == Answers::LooksOursUnknown {
        return Err(texts::unknown_answer());
    }
    if !facts.smart_host {
        let outside = facts.recipients.iter().find(|(_, place)| *place == Place::Outside);
        return Err(texts::not_secure(outside.map(|(to, _)| to)));
    }
    Ok(Decision::SmartHost)
}
