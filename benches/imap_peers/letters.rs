//! The messages, the same for both peers: reports as laboratories send them, a few words and an attachment that no compression
//! shortens, 4 KiB each.
//!
//! Pure: the same number gives the same message.

use crate::harness::{base64_lines, noise};

/// A word in the subject of one message of fifty.
pub const SOUGHT: &str = "scintigraphie";

/// Octets of the attachment, so that a message is 4 KiB.
const ATTACHMENT: usize = 2_300;

const DOCTORS: [(&str, &str); 5] = [
    ("=?utf-8?q?Dr_H=C3=A9l=C3=A8ne?= MARTIN", "helene.martin"),
    ("Dr Paul BERNARD", "paul.bernard"),
    ("\"LEROY, Anne (cardiologie)\"", "anne.leroy"),
    ("Dr Yann LE GOFF", "yann.legoff"),
    ("Laboratoire des Tilleuls", "noreply-labo"),
];

const SUBJECTS: [&str; 5] = [
    "Compte rendu de consultation",
    "=?utf-8?q?R=C3=A9sultats_de_biologie?=",
    "Lettre de liaison",
    "=?utf-8?q?Compte_rendu_d'=C3=A9chographie_cardiaque?=",
    "Re: avis sur un traitement",
];

/// Message number `n`, CRLF lines.
pub fn letter(n: usize) -> Vec<u8> {
    let (name, at) = DOCTORS[n % 5];
    let sought = if n.is_multiple_of(50) { format!(" {SOUGHT}") } else { String::new() };
    let (subject, dossier) = (SUBJECTS[n / 5 % 5], n * 7919 % 1_000_003);
    let (day, hour, minute) = (n / 4000 % 28 + 1, n / 60 % 24, n % 60);
    let attachment = base64_lines(&noise(ATTACHMENT, n as u64 * 0x9E37_79B9 + 1));
    format!(
        "From: {name} <{at}@chu-nord.mssante.fr>\r\nTo: medecin.un@chu-nord.mssante.fr, \
         \"Secretariat\" <cardiologie@chu-nord.mssante.fr>\r\nCc: Dr Trois <medecin.trois@clinique-sud.mssante.fr>\r\n\
         Subject: #med# {subject}{sought} {dossier}\r\nDate: {day} Sep 2026 {hour:02}:{minute:02}:07 +0200\r\n\
         Message-ID: <mesure-{n}@poste.chu-nord.fr>\r\nIn-Reply-To: <avant-{n}@poste.chu-nord.fr>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"partie-{n}\"\r\n\r\n\
         --partie-{n}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         Cher confrère,\r\nveuillez trouver ci-joint le document du dossier {dossier}.\r\nBien à vous\r\n\
         --partie-{n}\r\nContent-Type: application/pdf; name=\"dossier-{dossier}.pdf\"\r\n\
         Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"dossier-{dossier}.pdf\"\r\n\r\n\
         {attachment}--partie-{n}--\r\n"
    )
    .into_bytes()
}
