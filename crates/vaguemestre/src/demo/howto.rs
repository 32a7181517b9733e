//! How to connect a real client to the demonstration: settings for people, commands ready to paste.
//!
//! Prints to the standard output only.

use super::{
    operators::{NORD, Ports, SUD},
    people::{CARDIOLOGY, DOCTOR, EMERGENCIES, INTERN, PASSWORD},
    world::{Site, World},
};
use crate::print::say;

/// Prints who is there and how to reach them; `near` and `far` are the identifiers under which each operator traced the
/// journey just made.
pub(super) fn print(world: &World, near: &str, far: &str) {
    let (nord, sud) = (world.site(&NORD), world.site(&SUD));
    accounts(&nord, CARDIOLOGY, DOCTOR);
    accounts(&sud, EMERGENCIES, INTERN);
    clients([&nord, &sud]);
    mail(&nord, &sud);
    administration(&nord, &sud, near, far);
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

fn mail(nord: &Site, sud: &Site) {
    let ca = nord.ca.display();
    let Ports { submission, imap_tls, relay, .. } = nord.ports;
    let sud_imap = sud.ports.imap_tls;
    say!("\nTo paste in another terminal · À coller dans un autre terminal");
    say!("  # from nord to sud, and read there · de nord à sud, et relu là-bas");
    say!(
        "  printf 'From: {DOCTOR}\\r\\nTo: {EMERGENCIES}\\r\\nSubject: #med# essai\\r\\n\\r\\nBonjour\\r\\n' | \
         curl --cacert {ca} --ssl-reqd -u '{DOCTOR}:{PASSWORD}' --mail-from {DOCTOR} --mail-rcpt {EMERGENCIES} \
         -T - smtp://localhost:{submission}/poste"
    );
    say!(
        "  curl --cacert {ca} -u '{EMERGENCIES}*{INTERN}:{PASSWORD}' \
         'imaps://localhost:{sud_imap}/INBOX;MAILINDEX=1' | head -40"
    );
    say!("  # a shared box, and the handshakes · une boîte partagée, et les poignées de main");
    say!("  curl --cacert {ca} -u '{CARDIOLOGY}*{DOCTOR}:{PASSWORD}' imaps://localhost:{imap_tls}/");
    say!("  openssl s_client -connect localhost:{imap_tls} -CAfile {ca} -crlf");
    say!("  openssl s_client -connect localhost:{relay} -starttls smtp -CAfile {ca} -crlf");
}

fn administration(nord: &Site, sud: &Site, near: &str, far: &str) {
    let (config, sud_config) = (nord.config(), sud.config());
    let (config, sud_config) = (config.display(), sud_config.display());
    let (program, domain) = (program(), sud.operator.mssante_domain);
    say!("  # what each operator knows of it · ce que chaque opérateur en sait");
    say!("  {program} trace {near} --config {config}");
    say!("  {program} trace {far} --config {sud_config}");
    say!("  # who is believed, and why · qui est cru, et pourquoi");
    say!("  {program} trust status --config {config}");
    say!("  {program} trust show {domain} --config {config}");
    say!("  # what waits, and how it all fares · ce qui attend, et comment tout va");
    say!("  {program} queue list --config {config}");
    say!("  {program} status --config {config}");
    say!("  curl http://localhost:{}/metrics", nord.ports.metrics);
}

fn program() -> String {
    let path = std::env::current_exe().ok();
    path.map_or_else(|| "vaguemestre".to_owned(), |path| path.display().to_string())
}
