//! The session against a real store: dialogues that read like a session, and what a dialogue cannot show.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail that way")]

mod clients;
mod dialogue;
mod interleaving;
mod limits;
mod many;
mod messages;
mod multiappend;
mod others;
mod retention;
mod searching;
mod slow;
mod stage;
mod traces;
mod understood;

macro_rules! dialogues {
    ($($name:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            dialogue::play(include_str!(concat!("dialogues/", stringify!($name), ".txt"))).await;
        }
    )*};
}

dialogues!(
    append,
    binary,
    close,
    condstore,
    copy_and_move,
    empty,
    esearch,
    enable,
    fetch,
    idle,
    list,
    list_extended,
    mailboxes,
    other_users,
    parts,
    quota,
    rev2,
    rights,
    qresync,
    save_date,
    search,
    search_result,
    search_text,
    select,
    states,
    status,
    store,
    subscriptions,
    two_clients,
    unchanged_since,
);

macro_rules! clients {
    ($($name:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            clients::play(include_str!(concat!("clients/", stringify!($name), ".txt"))).await;
        }
    )*};
}

clients!(apple_mail, fairemail, iphone, k9, mbsync, outlook, thunderbird);
