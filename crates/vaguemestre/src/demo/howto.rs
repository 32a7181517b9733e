//! How to connect a real client to the demonstration: settings for people, commands ready to paste.
//!
//! Prints to the standard output only.

use super::{
    people::{self, CARDIOLOGY, DOCTOR, PASSWORD},
    world::{Ports, World},
};
use crate::print::say;

/// Prints who is there and how to reach it; `trace` is the identifier of the journey just made.
pub(super) fn print(world: &World, trace: &str) {
    accounts();
    clients(world.ports());
    commands(world, trace);
}

fn accounts() {
    say!("\nAccounts · Comptes (password · mot de passe : {PASSWORD})");
    for person in people::all() {
        let profile = &person.profile;
        let mssante = profile.mssante.as_ref().map_or_else(|| "—".to_owned(), ToString::to_string);
        say!("  {:<28} {mssante:<34} {} · {}", profile.login.to_string(), person.what.0, person.what.1);
    }
    say!("  Log in with either address · se connecter avec l'une ou l'autre adresse.");
    say!("  ORG box · boîte ORG : user name · identifiant  {CARDIOLOGY}*{DOCTOR}");
}

fn clients(ports: Ports) {
    let Ports { submission, submission_tls, imap, imap_tls } = ports;
    say!("\nThunderbird, Outlook (server · serveur : localhost, user name · identifiant : {DOCTOR})");
    say!("  IMAP  {imap_tls} SSL/TLS, or · ou  {imap} STARTTLS — normal password · mot de passe normal");
    say!(
        "  SMTP  {submission_tls} SSL/TLS, or · ou  {submission} STARTTLS — normal password · mot de passe normal"
    );
    say!(
        "  Trust first · faire confiance d'abord : Thunderbird Settings › Privacy › Certificates › Authorities,"
    );
    say!(
        "  Windows certmgr.msc › Trusted Root · Autorités racines, with the file ca.pem below · avec ca.pem ci-dessous."
    );
    say!("  Start the subject with “#med# ” · commencer l'objet par « #med# ».");
}

fn commands(world: &World, trace: &str) {
    let (ca, config) = (world.ca(), world.config());
    let (ca, config) = (ca.display(), config.display());
    let Ports { submission, imap_tls, .. } = world.ports();
    say!("\nTo paste in another terminal · À coller dans un autre terminal");
    say!("  curl --cacert {ca} -u '{CARDIOLOGY}*{DOCTOR}:{PASSWORD}' imaps://localhost:{imap_tls}/");
    say!(
        "  curl --cacert {ca} -u '{CARDIOLOGY}*{DOCTOR}:{PASSWORD}' \
         'imaps://localhost:{imap_tls}/INBOX;MAILINDEX=1' | head -40"
    );
    say!(
        "  printf 'From: {DOCTOR}\\r\\nTo: {CARDIOLOGY}\\r\\nSubject: #med# essai\\r\\n\\r\\nBonjour\\r\\n' | \
         curl --cacert {ca} --ssl-reqd -u '{DOCTOR}:{PASSWORD}' --mail-from {DOCTOR} --mail-rcpt {CARDIOLOGY} \
         -T - smtp://localhost:{submission}/poste"
    );
    say!("  openssl s_client -connect localhost:{imap_tls} -CAfile {ca} -crlf");
    say!("  openssl s_client -connect localhost:{submission} -starttls smtp -CAfile {ca} -crlf");
    say!("  {} status --config {config}", program());
    say!("  {} trace {trace} --config {config}", program());
}

fn program() -> String {
    let path = std::env::current_exe().ok();
    path.map_or_else(|| "vaguemestre".to_owned(), |path| path.display().to_string())
}
