//! Why a command stops before its end, and what a client is told of the store's errors (RFC 5530).
//! May use completions and the store's errors. Must never hold message content.

use store::{Conflict, StoreError};

use crate::{completion::Completion, output::Fatal, wire::encode::Code};

/// A command stops: with a tagged answer, or with the connection.
pub(super) enum Halt {
    /// This is the answer.
    Completion(Completion),
    /// The connection can no longer be used.
    Fatal(Fatal),
}

impl Halt {
    /// In the middle of a response no other answer can be begun: only closing tells the client.
    pub(super) fn broken_off(self) -> Self {
        match self {
            Self::Completion(Completion::Ok(reply) | Completion::No(reply) | Completion::Bad(reply)) => {
                Self::Fatal(Fatal::Literal(reply.text.into_owned()))
            }
            Self::Completion(Completion::Bye(text)) => Self::Fatal(Fatal::Literal(text.into_owned())),
            fatal => fatal,
        }
    }
}

impl From<Completion> for Halt {
    fn from(completion: Completion) -> Self {
        Self::Completion(completion)
    }
}

impl From<Fatal> for Halt {
    fn from(fatal: Fatal) -> Self {
        Self::Fatal(fatal)
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Completion(answer(&error))
    }
}

/// What a client is told: what happened, and what to do.
pub(super) fn answer(error: &StoreError) -> Completion {
    match error {
        StoreError::NotFound => {
            Completion::no_with(Code::NonExistent, "It no longer exists: list the mailboxes again")
        }
        StoreError::Limit(which) => Completion::no_with(Code::Limit, format!("Not done: {which}")),
        StoreError::Busy => {
            Completion::no_with(Code::Unavailable, "The service is overloaded: try again in a minute")
        }
        StoreError::Full => Completion::no_with(
            Code::Unavailable,
            "The service's disk is almost full, its operators are warned: no new message is kept until there is room; \
             reading, flags and deleting go on",
        ),
        StoreError::Damaged(_) => Completion::no_with(
            Code::Unavailable,
            "A file of the service is damaged, its operators are warned: try again later; what does not need that file \
             goes on",
        ),
        StoreError::Quota => Completion::no_with(
            Code::OverQuota,
            "The mailboxes of this account are full: delete messages, or save them as files and delete them",
        ),
        StoreError::Erased => Completion::no_with(
            Code::Cannot,
            "The three months of this message are over, it is not kept here again: save it as a file",
        ),
        StoreError::ClockBehind => Completion::no_with(
            Code::Unavailable,
            "The service's clock is wrong, its operators are warned: try again later",
        ),
        StoreError::Conflict(Conflict::BoxExists) => {
            Completion::no_with(Code::AlreadyExists, "There is a mailbox of that name already")
        }
        StoreError::Conflict(Conflict::HasChildren) => {
            Completion::no_with(Code::HasChildren, "There are mailboxes below it: delete them first")
        }
        StoreError::Conflict(what) => Completion::no_with(Code::Cannot, format!("Not done: {what}")),
        StoreError::Corrupt(_) => {
            tracing::error!(%error, "what is kept is damaged");
            Completion::no_with(
                Code::Corruption,
                "What is kept here is damaged, the log tells its operators where: ask them to restore it; what does not \
                 need it goes on",
            )
        }
        StoreError::Engine(_) => {
            tracing::error!(%error, "the store failed");
            Completion::no_with(
                Code::Unavailable,
                "The store failed, its operators find the reason in the log: try again later",
            )
        }
        StoreError::Taken(_) => {
            tracing::error!("the store spoke of addresses to a mail client");
            Completion::no_with(
                Code::ServerBug,
                "The service made a mistake, its operators find it in the log: tell them what you did",
            )
        }
    }
}

/// `NO [NONEXISTENT]` for a mailbox.
pub(super) fn no_such_mailbox() -> Completion {
    Completion::no_with(Code::NonExistent, "There is no such mailbox")
}

/// `NO [TRYCREATE]` for the target of COPY, MOVE and APPEND (RFC 3501 §6.3.11, §6.4.7).
pub(super) fn create_it_first() -> Completion {
    Completion::no_with(Code::TryCreate, "There is no such mailbox: create it first")
}

#[cfg(test)]
mod tests {
    use mssante::Address;
    use store::Limit;

    use super::*;

    fn code(error: &StoreError) -> Code {
        match answer(error) {
            Completion::No(reply) => {
                assert!(!reply.text.is_empty(), "{error:?}");
                reply.code.unwrap()
            }
            other => panic!("{error:?}: {other:?}"),
        }
    }

    /// RFC 5530 §3. Of its codes EXPIRED, CONTACTADMIN and AUTHORIZATIONFAILED are never told, because all failures of a login
    /// look alike (M-5); INUSE and CLIENTBUG, because nothing here locks a mailbox and every BAD says in words what is wrong.
    #[test]
    fn every_error_of_the_store_has_the_code_that_a_client_can_act_on() {
        let table = [
            (StoreError::NotFound, Code::NonExistent),
            (StoreError::Limit(Limit::Boxes), Code::Limit),
            (StoreError::Limit(Limit::BoxKeywords), Code::Limit),
            (StoreError::Busy, Code::Unavailable),
            (StoreError::Full, Code::Unavailable),
            (StoreError::Damaged("000012.sst".into()), Code::Unavailable),
            (StoreError::Quota, Code::OverQuota),
            (StoreError::Erased, Code::Cannot),
            (StoreError::ClockBehind, Code::Unavailable),
            (StoreError::Conflict(Conflict::BoxExists), Code::AlreadyExists),
            (StoreError::Conflict(Conflict::HasChildren), Code::HasChildren),
            (StoreError::Conflict(Conflict::Inbox), Code::Cannot),
            (StoreError::Conflict(Conflict::BoxName), Code::Cannot),
            (StoreError::Conflict(Conflict::UnderItself), Code::Cannot),
            (StoreError::Corrupt("box"), Code::Corruption),
            (StoreError::Engine("write stalled".into()), Code::Unavailable),
            (StoreError::Taken(Address::parse("a@b.fr").unwrap()), Code::ServerBug),
        ];
        for (error, expected) in table {
            assert_eq!(code(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn what_failed_inside_is_told_to_nobody_outside() {
        for error in
            [StoreError::Engine("IO error: /var/lib/x".into()), StoreError::Damaged("000012.sst".into())]
        {
            let Completion::No(reply) = answer(&error) else { panic!() };
            assert!(!reply.text.contains('/') && !reply.text.contains(".sst"), "{}", reply.text);
        }
    }
}
