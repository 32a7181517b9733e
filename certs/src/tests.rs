//! What others see of the demonstration PKI: webpki and openssl of its certificates and revocation lists, xmlsec1 of its list.

mod crls;
mod kept;
mod lists;
mod served;

use std::{path::Path, process::Command};

use jiff::{SignedDuration, Timestamp};

use super::*;

fn now() -> Timestamp {
    "2026-11-21T09:30:00Z".parse().unwrap()
}

fn days_later(days: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * days)
}

fn nord(hostnames: &[&str]) -> Operator {
    Operator {
        id: "nord".to_owned(),
        hostnames: hostnames.iter().map(|name| (*name).to_owned()).collect(),
        subject: Name::server("mail.chu-nord.fr", "1990000001", "CHU \"NORD\" & Cie", "Côte-d'Or (21)"),
    }
}

fn rows(operator: &Operator) -> Vec<Row> {
    vec![
        Row::new("chu-nord.mssante.fr", &operator.subject, now()),
        Row {
            support: "1 < 2\r& 3".to_owned(),
            ..Row::new("autre.mssante.fr", "CN=x, O=\"Y  Z\",C=FR", now())
        },
    ]
}

fn made(hostnames: &[&str]) -> (tempfile::TempDir, World) {
    let dir = tempfile::tempdir().unwrap();
    let operator = nord(hostnames);
    let world =
        World::create(&dir.path().join("pki"), std::slice::from_ref(&operator), &rows(&operator), now())
            .unwrap();
    (dir, world)
}

/// What a foreign program says; openssl is asked about the moment of these tests.
fn ask(program: &str, words: &[&str], files: &[&Path]) -> (bool, String) {
    let output = Command::new(program).args(words).args(files).output().unwrap_or_else(|error| {
        panic!("{program}: {error}: `.ci/need test` installs it");
    });
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
