//! What every start takes: certificate, master key and store, opened as the settings say or refused with what to do.
//!
//! Used by `serve` and by the offline commands. Must never listen on anything.

use std::{env, net::SocketAddr, path::Path, sync::Arc};

use delivery::DkimSigner;
use store::{Clock, Kind, MasterKey, OpenError, OpenOptions, Store};

use crate::{
    config::{self, Dkim, MasterKeyPlace, Settings, StorePlace, Tls},
    exit::Failure,
    rooms,
};

/// Where systemd says in which directory the credentials of a service are.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The certificate and key of the listeners.
///
/// # Errors
/// What is wrong with the files, and where they are.
pub(crate) fn certificate(tls: &Tls) -> Result<pki::ServerTls, Failure> {
    pki::ServerTls::load(&tls.certificate, &tls.key)
        .map_err(|error| Failure::failed(format!("[tls]: {error}")))
}

/// What signs mail for other operators, if the settings say so.
///
/// # Errors
/// What is wrong with the key, and where it is.
pub(crate) fn signer(settings: &Settings) -> Result<Option<DkimSigner>, Failure> {
    let load = |dkim: &Dkim| {
        DkimSigner::load(&dkim.key, &dkim.selector)
            .map_err(|error| Failure::failed(format!("[dkim] {}: {error}", dkim.key.display())))
    };
    settings.dkim.as_ref().map(load).transpose()
}

/// The master key, from where the settings or a command line say that it is.
///
/// # Errors
/// What is wrong with the file or the credential, and what to do.
pub(crate) fn master_key(place: &MasterKeyPlace) -> Result<MasterKey, Failure> {
    let loaded = match place {
        MasterKeyPlace::File(path) => MasterKey::load(path),
        MasterKeyPlace::Credential(name) => match env::var_os(CREDENTIALS) {
            Some(directory) => MasterKey::load_credential(Path::new(&directory), name),
            None => {
                return Err(Failure::failed(format!(
                    "[store] master_key: {place} is given by systemd, and {CREDENTIALS} is not set here: run this in the \
                     service, or by hand as `systemd-run --pty -p LoadCredential={name}:FILE vaguemestre …` (of the \
                     commands under `keys`, --master FILE names the file itself)"
                )));
            }
        },
    };
    loaded.map_err(|error| Failure::failed(format!("[store] master_key: {error}")))
}

/// Opens the store that the settings name, or makes it if `create` says of which kind.
///
/// # Errors
/// What is wrong with the key or the store; a demonstration that would be reachable from another machine.
pub(crate) fn open_store(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    create: Option<Kind>,
) -> Result<Store, Failure> {
    let failed = |error: String| Failure::failed(format!("[store]: {error}"));
    let master = master_key(&settings.store.master_key)?;
    let store = Store::open(OpenOptions {
        dir: settings.store.directory.clone(),
        master,
        clock: Arc::clone(clock),
        settings: store_settings(settings),
        create,
    })
    .map_err(|error| match error {
        OpenError::Absent(_) => failed(format!("{error}; `vaguemestre store create` makes one")),
        error => failed(error.to_string()),
    })?;
    let allowed = refuse_public_demonstration(store.kind(), settings)
        .and_then(|()| refuse_clear_text(store.kind(), settings));
    let Err(refused) = allowed else { return Ok(store) };
    // An engine left open may abort the process on its way out, and hide the refusal.
    store.close().map_err(|error| failed(error.to_string()))?;
    Err(refused)
}

/// The store's limits under these settings: it keeps whatever the services announce that they take.
pub(crate) fn store_settings(settings: &Settings) -> store::Settings {
    let usual = store::Settings::default();
    let body_bytes = usual.body_bytes.max(rooms::encoded(settings.limits.attachments));
    let StorePlace { memory, open_files, queued, queued_next_hop, queued_account, disk_reserve, .. } =
        settings.store;
    let config::Limits { mailbox_bytes: account_bytes, mailbox_messages: account_messages, .. } =
        settings.limits;
    store::Settings {
        memory,
        open_files,
        queued,
        queued_lane: queued_next_hop,
        queued_sender: queued_account,
        body_bytes,
        disk_reserve,
        account_bytes,
        account_messages,
        ..usual
    }
}

/// A demonstration's passwords are known to everyone: it is never reachable from another machine.
fn refuse_public_demonstration(kind: Kind, settings: &Settings) -> Result<(), Failure> {
    let public = settings.listeners.all().find(|(_, address)| !address.ip().to_canonical().is_loopback());
    match (kind, public) {
        (Kind::Demonstration, Some((service, address))) => Err(Failure::failed(format!(
            "[listeners] {}: {address} is not a loopback address, and {} is a demonstration store: listen on 127.0.0.1 \
             or ::1, or make a real store with `vaguemestre store create`",
            service.key(),
            settings.store.directory.display(),
        ))),
        _ => Ok(()),
    }
}

/// Passwords and messages in clear are for measuring with what a demonstration holds, never for people's mail (M-5).
pub(crate) fn refuse_clear_text(kind: Kind, settings: &Settings) -> Result<(), Failure> {
    match (kind, settings.listeners.imap_plain.first()) {
        (Kind::Production, Some(address)) => Err(Failure::failed(format!(
            "[listeners] imap_plain: {address} has no TLS and is for a demonstration store only, which {} is not: write \
             imap_plain = [] (clients use imap_tls, or imap with STARTTLS)",
            settings.store.directory.display(),
        ))),
        _ => Ok(()),
    }
}

/// What must be said of figures that others than this machine may read: they ask nobody who they are.
pub(crate) fn exposed_figures(settings: &Settings) -> Vec<String> {
    let metrics = settings.listeners.metrics.iter();
    let exposed = metrics.filter(|address| !address.ip().to_canonical().is_loopback());
    let text = |address: &SocketAddr| {
        format!(
            "[listeners] metrics: {address} is not a loopback address: keep others than your collector from it"
        )
    };
    exposed.map(text).collect()
}

#[cfg(test)]
mod tests {
    use store::SystemClock;

    use super::*;

    fn sample() -> Settings {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/vaguemestre.toml"));
        config::load(path).unwrap()
    }

    fn in_dir(dir: &Path) -> Settings {
        let mut settings = sample();
        settings.store.directory = dir.join("store");
        let master_key = dir.join("master.key");
        drop(MasterKey::create(&master_key).unwrap());
        settings.store.master_key = MasterKeyPlace::File(master_key);
        settings
    }

    #[test]
    fn a_store_that_is_refused_is_closed_when_that_is_told() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dir = tempfile::tempdir().unwrap();
        let settings = in_dir(dir.path());
        for _ in 0..10 {
            let refused = open_store(&settings, &clock, Some(Kind::Demonstration)).err().unwrap();
            assert!(format!("{refused:?}").contains("not a loopback address"), "{refused:?}");
        }
    }

    #[test]
    fn the_store_keeps_the_largest_message_that_is_announced() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = in_dir(dir.path());
        settings.limits.attachments = 1_000_000_000;
        assert!(store_settings(&settings).body_bytes >= rooms::encoded(settings.limits.attachments));
        settings.limits.attachments = 60_000_000;
        assert_eq!(store_settings(&settings).body_bytes, store::Settings::default().body_bytes);
    }

    #[test]
    fn figures_that_others_may_read_are_said() {
        let mut settings = sample();
        for (address, said) in [("127.0.0.1:9090", false), ("[::1]:9090", false), ("10.0.0.1:9090", true)] {
            settings.listeners.metrics = vec![address.parse().unwrap()];
            assert_eq!(!exposed_figures(&settings).is_empty(), said, "{address}");
        }
    }

    #[test]
    fn clear_text_is_for_a_demonstration_only() {
        let mut settings = sample();
        settings.listeners.imap_plain = vec!["127.0.0.1:1431".parse().unwrap()];
        assert!(refuse_clear_text(Kind::Demonstration, &settings).is_ok());
        let error = format!("{:?}", refuse_clear_text(Kind::Production, &settings).unwrap_err());
        assert!(error.contains("imap_plain: 127.0.0.1:1431 has no TLS"), "{error}");
        settings.listeners.imap_plain.clear();
        assert!(refuse_clear_text(Kind::Production, &settings).is_ok());

        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dir = tempfile::tempdir().unwrap();
        let mut settings = in_dir(dir.path());
        settings.listeners.imap_plain = vec!["127.0.0.1:1431".parse().unwrap()];
        let refused = open_store(&settings, &clock, Some(Kind::Production)).err().unwrap();
        assert!(format!("{refused:?}").contains("demonstration store only"), "{refused:?}");
    }

    #[test]
    fn a_demonstration_listens_on_loopback_only() {
        let public = sample();
        assert!(refuse_public_demonstration(Kind::Production, &public).is_ok());
        let error = refuse_public_demonstration(Kind::Demonstration, &public).unwrap_err();
        assert!(format!("{error:?}").contains("0.0.0.0:587 is not a loopback address"), "{error:?}");
        let mut local = public;
        local.listeners = config::Listeners {
            submission: vec!["127.0.0.1:5870".parse().unwrap()],
            submission_tls: vec!["[::1]:4650".parse().unwrap()],
            imap: vec!["[::ffff:127.0.0.1]:1430".parse().unwrap()],
            imap_tls: Vec::new(),
            imap_plain: vec!["127.0.0.1:1431".parse().unwrap()],
            relay: vec!["127.0.0.1:2525".parse().unwrap()],
            metrics: vec!["127.0.0.1:9090".parse().unwrap()],
            proxy_from: Vec::new(),
        };
        assert!(refuse_public_demonstration(Kind::Demonstration, &local).is_ok());
        let public = vec!["[::]:9930".parse().unwrap()];
        for listen in [
            |listeners: &mut config::Listeners, public| listeners.imap_tls = public,
            |listeners: &mut config::Listeners, public| listeners.relay = public,
            |listeners: &mut config::Listeners, public| listeners.metrics = public,
        ] {
            let mut settings = local.clone();
            listen(&mut settings.listeners, public.clone());
            assert!(refuse_public_demonstration(Kind::Demonstration, &settings).is_err());
        }
    }
}
