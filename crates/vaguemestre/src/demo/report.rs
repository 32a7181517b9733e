//! The hospital report that the demonstration sends: an accented subject with the tag, a PDF and an IHE_XDM archive,
//! about 3 MB.
//!
//! Pure bytes out.

use jiff::Timestamp;
use mail_builder::{MessageBuilder, headers::date::Date};

use super::{pdf, people::DOCTOR, xdm};

/// Pixels of a side of the attached PDF's picture: about 1 MB.
const PDF_SIDE: usize = 1000;

/// Pixels of a side of the archived PDF's picture: about 2 MB.
const ARCHIVED_SIDE: usize = 1414;

/// What people read; mail-builder encodes it as RFC 2047 words.
pub(super) const SUBJECT: &str = "#med# Compte rendu d'échographie – contrôle à trois mois";

/// A message ready to be sent.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) bytes: Vec<u8>,
    /// Without angle brackets.
    pub(super) message_id: String,
}

/// The report of this instant to `to`, a name and an address; two instants give two Message-IDs.
///
/// # Errors
/// None in memory; the writers' types say otherwise.
pub(super) fn build(now: Timestamp, to: (&str, &str)) -> std::io::Result<Report> {
    let message_id = format!("demonstration.{}@chu-nord.fr", now.as_microsecond());
    let created = now.strftime("%Y%m%d%H%M%S").to_string();
    let archive = xdm::archive(&pdf::report(ARCHIVED_SIDE), &created).map_err(std::io::Error::other)?;
    let bytes = MessageBuilder::new()
        .from(("Médecin Un", DOCTOR))
        .to(to)
        .subject(SUBJECT)
        .date(Date::new(now.as_second()))
        .message_id(message_id.as_str())
        .text_body(
            "Chers confrères,\r\n\r\nvoici le compte rendu d'échographie en PDF, et le même en IHE XDM.\r\n\
             Patient fictif : ceci est une démonstration.\r\n\r\nBien confraternellement,\r\nMédecin Un\r\n",
        )
        .attachment("application/pdf", "Compte rendu d'échographie.pdf", pdf::report(PDF_SIDE))
        .attachment("application/zip", "IHE_XDM.zip", archive)
        .write_to_vec()?;
    Ok(Report { bytes, message_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: (&str, &str) = ("Urgences", "urgences@clinique-sud.mssante.fr");

    #[test]
    fn it_is_about_three_megabytes_and_its_subject_is_encoded() {
        let report = build(Timestamp::UNIX_EPOCH, TO).unwrap();
        assert!(
            (4_000_000..4_500_000).contains(&report.bytes.len()),
            "{} encoded octets",
            report.bytes.len()
        );
        let end = report.bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let header = std::str::from_utf8(&report.bytes[..end]).unwrap();
        assert!(header.is_ascii());
        assert!(header.contains("Subject: =?utf-8?"), "{header}");
        let parsed = message::Header::parse(&report.bytes[..end + 4]);
        assert_eq!(parsed.subject().as_deref(), Some(SUBJECT));
        assert_eq!(mssante::tag(SUBJECT), mssante::Tag::Present);
    }

    #[test]
    fn no_line_is_longer_than_the_protocol_allows() {
        let report = build(Timestamp::UNIX_EPOCH, TO).unwrap();
        assert!(report.bytes.split(|octet| *octet == b'\n').all(|line| line.len() <= 999));
    }
}
