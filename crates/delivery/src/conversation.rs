//! Conversations with patients: which ones a submitted message ends or goes on with, and whether a patient may still answer (S-5.1, S-5.2).
//!
//! In doubt everything is delivered: a conversation that is unknown here, a robot of the patients' domain, a null reverse-path.
//!
//! May use: the rules, the store to read. Must never touch: the store's rows; what is to be kept is handed to the commit.

use message::Header;
use mssante::{Address, conversation, route, without_tag};
use store::{AccountId, Conversation, Store, StoreError};

use crate::{recipients::Recipient, replies::Denial, settings::Settings};

/// What a message of this account to these recipients elsewhere says of its conversations.
pub(crate) fn told(
    account: AccountId,
    header: &Header,
    leaving: &[&Recipient],
    settings: &Settings,
) -> Vec<Conversation> {
    let subject = header.subject();
    let untagged = subject.as_deref().and_then(without_tag);
    let ended = conversation::ends(
        untagged.as_deref().or(subject.as_deref()),
        header.text(conversation::FIELD).as_deref(),
    );
    let patients = leaving.iter().filter(|to| route::is_patient(&to.address, &settings.route));
    patients.map(|to| Conversation { account, patient: to.address.clone(), ended }).collect()
}

/// Refuses what a patient writes to an account that ended their conversation, where that is set.
pub(crate) async fn check_open(
    from: Option<&Address>,
    account: Option<AccountId>,
    store: &Store,
    settings: &Settings,
) -> Result<(), Denial> {
    let patient = from.filter(|from| settings.refuse_ended && route::is_patient(from, &settings.route));
    let (Some(patient), Some(account)) = (patient, account) else { return Ok(()) };
    let patient = patient.clone();
    let ended = store.read(move |reader| reader.conversation_ended(account, &patient)).await;
    match ended {
        Ok(true) => Err(over()),
        // medical mail is never lost to a guess
        Ok(false) | Err(StoreError::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The patient's operator shows it to the patient.
pub(crate) fn over() -> Denial {
    Denial::new(
        550,
        "5.7.1",
        "conversation-ended",
        "the professional ended this conversation and reads no answer to it: reach them in another way",
        "le professionnel a mis fin a cet echange et n'y lit plus de reponse : joignez-le autrement",
    )
}
