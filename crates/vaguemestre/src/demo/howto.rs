//! How to connect a real client to the demonstration: settings for people, commands ready to paste.
//!
//! Prints to the standard output only.

use super::{
    operators::{NORD, Ports, SUD},
    people::{CARDIOLOGY, DOCTOR, EMERGENCIES, INTERN, PASSWORD},
    world::{Site, World},
};
use crate::print::say;

/// Prints who is there and how to reach them; `trace` is the identifier of the journey just made.
pub(super) fn print(world: &World, trace: &str) {
    let (nord, sud) = (world.site(&NORD), world.site(&SUD));
    accounts(&nord, CARDIOLOGY, DOCTOR);
    accounts(&sud, EMERGENCIES, INTERN);
    clients([&nord, &sud]);
    commands(&nord, &sud, trace);
}

fn accounts(site: &Site, department: &str, person: &str) {
    let operator = site.operator;
    say!("\n{} — {} (password · mot de passe : {PASSWORD})", operator.id, operator.name);
    for person in operator.people() {
        let profile = &person.profile;
        let mssante = profile.mssante.as_ref().map_or_else(|| "—".to_owned(), ToString::to_string);
        say!("  {:<38} {mssante:<46} {} · {}", profile.login.to_string(), person.what.0, person.what.1);
    }
    say!("  Log in with either address · se connecter avec l'une ou l'autre adresse.");
    say!("  ORG box · boîte ORG : user name · identifiant  {department}*{person}");
}

fn clients(sites: [&Site; 2]) {
    say!(
        "\nThunderbird, Outlook (server · serveur : localhost, user name · identifiant : the address · l'adresse)"
    );
    for site in sites {
        let Ports { submission, submission_tls, imap, imap_tls, .. } = site.ports;
        say!(
            "  {:<5} IMAP {imap_tls} SSL/TLS, or · ou {imap} STARTTLS;  SMTP {submission_tls} SSL/TLS, or · ou {submission} STARTTLS",
            site.operator.id
        );
    }
    say!("  Normal password · mot de passe normal.");
    say!(
        "  Trust first · faire confiance d'abord : Thunderbird Settings › Privacy › Certificates › Authorities,"
    );
    say!(
        "  Windows certmgr.msc › Trusted Root · Autorités racines, with the file ca.pem below · avec ca.pem ci-dessous."
    );
    say!("  Start the subject with “#med# ” · commencer l'objet par « #med# ».");
}

fn commands(nord: &Site, sud: &Site, trace: &str) {
    let (ca, config, sud_config) = (nord.ca.display(), nord.config(), sud.config());
    let (config, sud_config) = (config.display(), sud_config.display());
    let Ports { submission, imap_tls, metrics, .. } = nord.ports;
    let (sud_imap, program) = (sud.ports.imap_tls, program());
    say!("\nTo paste in another terminal · À coller dans un autre terminal");
    say!(
        "  printf 'From: {DOCTOR}\\r\\nTo: {EMERGENCIES}\\r\\nSubject: #med# essai\\r\\n\\r\\nBonjour\\r\\n' | \
         curl --cacert {ca} --ssl-reqd -u '{DOCTOR}:{PASSWORD}' --mail-from {DOCTOR} --mail-rcpt {EMERGENCIES} \
         -T - smtp://localhost:{submission}/poste"
    );
    say!(
        "  curl --cacert {ca} -u '{EMERGENCIES}*{INTERN}:{PASSWORD}' \
         'imaps://localhost:{sud_imap}/INBOX;MAILINDEX=1' | head -40"
    );
    say!("  curl --cacert {ca} -u '{CARDIOLOGY}*{DOCTOR}:{PASSWORD}' imaps://localhost:{imap_tls}/");
    say!("  openssl s_client -connect localhost:{imap_tls} -CAfile {ca} -crlf");
    say!("  openssl s_client -connect localhost:{submission} -starttls smtp -CAfile {ca} -crlf");
    say!("  {program} status --config {config}");
    say!("  {program} trace {trace} --config {config}");
    say!("  {program} status --config {sud_config}");
    say!("  curl http://localhost:{metrics}/metrics");
}

fn program() -> String {
    let path = std::env::current_exe().ok();
    path.map_or_else(|| "vaguemestre".to_owned(), |path| path.display().to_string())
}
