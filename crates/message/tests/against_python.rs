//! Reports as another program reads them: Python's `email`, which many a bounce handler is made of.

#![cfg(test)]

use std::{
    io::Write,
    process::{Command, Stdio},
};

use jiff::tz::TimeZone;
use message::report::{Action, Diagnostic, Outcome, Report, report};

/// Says what it finds of the report on its input, a line each.
const READER: &str = r#"
import email, email.policy, sys
message = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
print(message.get_content_type(), message.get_param("report-type"), len(message.defects))
print(message["Subject"])
print(message["Date"].datetime.isoformat())
text, status, returned = message.get_payload()
print(text.get_content_type(), "heure de Paris" in text.get_content())
for group in status.get_payload():
    print(" | ".join(f"{name}={' '.join(value.split())}" for name, value in group.items()))
print(returned.get_content_type(), "Subject: x" in returned.as_string(), "body" in message.as_string())
print(sum(len(part.defects) for part in message.walk()))
"#;

#[test]
fn python_reads_a_report_as_it_was_meant() {
    let paris = TimeZone::get("Europe/Paris").unwrap();
    let outcome = |recipient, action, status| Outcome {
        recipient,
        original: Some("rfc822;Anne.Martin@chu-sud.mssante.fr"),
        action,
        status,
        remote: Some("smtp.chu-sud.fr"),
        diagnostic: Some(Diagnostic::Smtp(
            "550 5.1.1 no such box, and a text that is so long that the field has to be folded somewhere",
        )),
        retry_until: None,
        fr: "La boîte n'existe pas.",
        en: "The box does not exist.",
    };
    let delayed = Outcome {
        retry_until: Some("2026-11-26T12:00:00Z".parse().unwrap()),
        ..outcome("b@chu-sud.mssante.fr", Action::Delayed, "4.4.1")
    };
    let raw = report(&Report {
        id: "01REPORT",
        hostname: "smtp.chu-nord.fr",
        from: "postmaster@chu-nord.mssante.fr",
        to: "medecin.un@chu-nord.mssante.fr",
        at: "2026-11-21T12:00:00Z".parse().unwrap(),
        arrival: "2026-11-16T12:00:00Z".parse().unwrap(),
        envelope_id: Some("env 1"),
        original: b"Subject: x\r\nMessage-ID: <a@b.fr>\r\n\r\nbody\r\n",
        zone: &paris,
        recipients: &[outcome("a@chu-sud.mssante.fr", Action::Failed, "5.1.1"), delayed],
    });
    let mut python = Command::new("python3")
        .args(["-c", READER])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is here (.ci/need test)");
    python.stdin.take().unwrap().write_all(&raw).unwrap();
    let output = python.wait_with_output().unwrap();
    let original = "Original-Recipient=rfc822;Anne.Martin@chu-sud.mssante.fr";
    let said = "Diagnostic-Code=smtp; 550 5.1.1 no such box, and a text that is so long that the field has to be folded somewhere | Last-Attempt-Date=Sat, 21 Nov 2026 13:00:00 +0100";
    let expected = format!(
        "multipart/report delivery-status 0\n\
         Message non distribué / Undelivered Mail Returned to Sender\n\
         2026-11-21T13:00:00+01:00\n\
         text/plain True\n\
         Reporting-MTA=dns; smtp.chu-nord.fr | Original-Envelope-Id=env 1 | Arrival-Date=Mon, 16 Nov 2026 13:00:00 +0100\n\
         {original} | Final-Recipient=rfc822; a@chu-sud.mssante.fr | Action=failed | Status=5.1.1 | Remote-MTA=dns; smtp.chu-sud.fr | {said}\n\
         {original} | Final-Recipient=rfc822; b@chu-sud.mssante.fr | Action=delayed | Status=4.4.1 | Remote-MTA=dns; smtp.chu-sud.fr | {said} | \
         Will-Retry-Until=Thu, 26 Nov 2026 13:00:00 +0100\n\
         text/rfc822-headers True False\n\
         0\n"
    );
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}
