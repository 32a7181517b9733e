//! An IHE XDM archive as business software attaches it: a stored zip with its index, its metadata and one document.
//!
//! Pure bytes out. Must never name a real patient: the identifier is of no person, in a test authority.

use std::io::{Cursor, Write};

use aws_lc_rs::digest;
use zip::{CompressionMethod, ZipWriter, result::ZipError, write::SimpleFileOptions};

/// The archive around `document`, a PDF; `created` is the submission time as `YYYYMMDDhhmmss` UTC.
///
/// # Errors
/// None in memory; the zip writer's type says otherwise.
pub(super) fn archive(document: &[u8], created: &str) -> Result<Vec<u8>, ZipError> {
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let metadata = metadata(document, created);
    let files: [(&str, &[u8]); 4] = [
        ("README.TXT", README.as_bytes()),
        ("INDEX.HTM", INDEX.as_bytes()),
        ("IHE_XDM/SUBSET01/METADATA.XML", metadata.as_bytes()),
        ("IHE_XDM/SUBSET01/DOC00001.PDF", document),
    ];
    for (name, content) in files {
        zip.start_file(name, stored)?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

const README: &str = "Archive IHE XDM de demonstration, faite par Vaguemestre.\r\n\
                      Aucune donnee n'est reelle. Ouvrir INDEX.HTM.\r\n";

const INDEX: &str = "<!DOCTYPE html>\r\n<html lang=\"fr\"><head><meta charset=\"utf-8\"><title>Démonstration</title></head>\r\n\
     <body><h1>Compte rendu de démonstration</h1>\r\n\
     <p><a href=\"IHE_XDM/SUBSET01/DOC00001.PDF\">Compte rendu (PDF)</a></p></body></html>\r\n";

/// The submission of one document (ebRIM 3.0, the slots of IHE ITI TF-3 4.2 that a reader needs to show it).
fn metadata(document: &[u8], created: &str) -> String {
    let hash: String = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, document)
        .as_ref()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let slots = [
        ("creationTime", created.to_owned()),
        ("hash", hash),
        ("languageCode", "fr-FR".to_owned()),
        ("size", document.len().to_string()),
        ("sourcePatientId", "DEMO0001^^^&amp;1.3.6.1.4.1.21367.2005.3.7&amp;ISO".to_owned()),
        ("URI", "DOC00001.PDF".to_owned()),
    ]
    .map(|(name, value)| {
        format!("<rim:Slot name=\"{name}\"><rim:ValueList><rim:Value>{value}</rim:Value></rim:ValueList></rim:Slot>")
    })
    .concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <lcm:SubmitObjectsRequest xmlns:lcm=\"urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0\" \
         xmlns:rim=\"urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0\"><rim:RegistryObjectList>\
         <rim:ExtrinsicObject id=\"Document01\" mimeType=\"application/pdf\" \
         objectType=\"urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1\">{slots}\
         <rim:Name><rim:LocalizedString value=\"Compte rendu de démonstration\"/></rim:Name></rim:ExtrinsicObject>\
         <rim:RegistryPackage id=\"SubmissionSet01\"><rim:Slot name=\"submissionTime\"><rim:ValueList>\
         <rim:Value>{created}</rim:Value></rim:ValueList></rim:Slot></rim:RegistryPackage>\
         <rim:Association id=\"Association01\" associationType=\"urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember\" \
         sourceObject=\"SubmissionSet01\" targetObject=\"Document01\"/>\
         </rim:RegistryObjectList></lcm:SubmitObjectsRequest>\n"
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use zip::ZipArchive;

    use super::*;

    #[test]
    fn a_reader_finds_the_four_files_and_the_document_unchanged() {
        let bytes = archive(b"%PDF-document", "20260102030405").unwrap();
        let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(zip.len(), 4);
        let mut document = Vec::new();
        zip.by_name("IHE_XDM/SUBSET01/DOC00001.PDF").unwrap().read_to_end(&mut document).unwrap();
        assert_eq!(document, b"%PDF-document");
        let mut metadata = String::new();
        zip.by_name("IHE_XDM/SUBSET01/METADATA.XML").unwrap().read_to_string(&mut metadata).unwrap();
        assert!(metadata.contains("<rim:Value>13</rim:Value>"));
        assert!(metadata.contains("<rim:Value>20260102030405</rim:Value>"));
    }
}
