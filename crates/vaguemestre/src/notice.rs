//! The notice that a new application password sends to the box: it cannot be suppressed (S-7.3).
//!
//! A message of the service itself, delivered through the store like any other. May use `message` and the store. Must
//! never contain the password.

use jiff::Timestamp;
use mail_builder::{MessageBuilder, headers::date::Date};
use message::{Limits, Scanner};
use store::{Account, Action, Copy, Delivery, Outcome, Store, StoreError, Trace, TraceId, Variant};

use crate::config::Operator;

/// What the notice is about.
#[derive(Debug)]
pub(crate) struct Notice<'a> {
    pub(crate) operator: &'a Operator,
    pub(crate) account: &'a Account,
    pub(crate) device: &'a str,
}

/// Why the notice is not in the box.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoticeError {
    #[error("the notice cannot be written: {0}")]
    Write(#[from] std::io::Error),
    #[error("the notice cannot be read back: {0}")]
    Scan(#[from] message::ScanError),
    #[error("the notice cannot be stored: {0}")]
    Store(#[from] StoreError),
}

/// Puts the notice into the account's INBOX; it is durable when this returns.
///
/// # Errors
/// [`NoticeError`]; the password it tells of exists nevertheless.
pub(crate) async fn deliver(store: &Store, now: Timestamp, notice: &Notice<'_>) -> Result<(), NoticeError> {
    let id = TraceId::new(now);
    let bytes = write(now, &id.to_string(), notice)?;
    let mut scanner = Scanner::new(Limits::default());
    scanner.feed(&bytes)?;
    let scanned = scanner.finish()?;
    let mut body = store.body();
    body.write(bytes.get(scanned.header.len()..).unwrap_or_default()).await?;
    let trace = Trace {
        id,
        at: now,
        action: Action::Receive,
        person: None,
        acting_as: Some(notice.account.id),
        peer: None,
        outcome: Outcome::Done,
        detail: vec![("notice".into(), "app-password".into())],
    };
    let index = message::index(&scanned.header, &scanned);
    let ids = message::Header::parse(&scanned.header).message_ids("Message-ID");
    let delivery = Delivery {
        id,
        body: body.finish().await?,
        variants: vec![Variant { header: scanned.header.clone(), index }],
        copies: vec![Copy { account: notice.account.id, variant: 0 }],
        outgoing: vec![],
        traces: vec![trace],
        carried: ids.into_iter().map(|id| (notice.account.id, id)).collect(),
        once: None,
        conversations: Vec::new(),
    };
    store.deliver(delivery).await?;
    Ok(())
}

fn write(now: Timestamp, id: &str, notice: &Notice<'_>) -> std::io::Result<Vec<u8>> {
    let Notice { operator, account, device } = notice;
    let domain =
        operator.mssante_domains.first().map_or(operator.hostname.as_str(), |domain| domain.as_str());
    let (name, login) = (operator.name.as_str(), account.profile.login.to_string());
    let postmaster = format!("postmaster@{domain}");
    let when = now.strftime("%Y-%m-%d %H:%M UTC");
    let text = format!(
        "Bonjour,\r\n\r\n\
         un mot de passe d'application a été créé pour {login}\r\n\
         le {when}. Appareil : {device}\r\n\r\n\
         Si vous ne l'avez pas demandé, prévenez aussitôt votre administrateur :\r\n\
         il le révoque, et les sessions qui l'utilisent se ferment.\r\n\
         Cet avis ne peut pas être désactivé.\r\n\r\n\
         * * *\r\n\r\n\
         An application password was made for {login}\r\n\
         on {when}. Device: {device}\r\n\r\n\
         If you did not ask for it, tell your administrator at once:\r\n\
         it is revoked, and the sessions that use it end.\r\n\
         This notice cannot be turned off.\r\n\r\n\
         {name}\r\n"
    );
    MessageBuilder::new()
        .from((name, postmaster.as_str()))
        .to(login.as_str())
        .subject("Nouveau mot de passe d'application / New application password")
        .date(Date::new(now.as_second()))
        .message_id(format!("{id}@{}", operator.hostname))
        .header("Auto-Submitted", mail_builder::headers::raw::Raw::new("auto-generated"))
        .text_body(text)
        .write_to_vec()
}
