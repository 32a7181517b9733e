//! The white list in the agency's format (mssante.md B.2.2), really signed as the agency signs (B.2.3). The document is
//! written in its canonical form, so that what is hashed is what is written (exclusive XML canonicalization 1.0).

use std::fmt::Write as _;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;

use crate::{DemoPkiError, Issued, pem};

const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
const OPEN: &str = r#"<ListeBlancheMSSante xmlns="https://listeblanche.mssante.fr/schema">"#;
const CLOSE: &str = "</ListeBlancheMSSante>";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// One row: this operator certificate speaks for that domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The mail domain.
    pub domain: String,
    /// What it is.
    pub description: String,
    /// The operator certificate's whole name.
    pub dn: String,
    /// Whom to call.
    pub responsible: String,
    /// Who helps.
    pub support: String,
    /// Last changed.
    pub updated: Timestamp,
}

impl Row {
    /// A row with invented contacts.
    #[must_use]
    pub fn new(domain: &str, dn: &(impl ToString + ?Sized), updated: Timestamp) -> Self {
        Self {
            domain: domain.to_owned(),
            description: format!("Domaine de démonstration {domain}"),
            dn: dn.to_string(),
            responsible: format!("01 99 00 00 00, responsable@{domain}"),
            support: format!("01 99 00 00 01, support@{domain}"),
            updated,
        }
    }
}

/// How the same signed list is written: every form means the same document, so that the signature holds for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the agency's.
    Agency,
    /// With CRLF line ends, which an XML parser reads as LF (XML 1.0 §2.11).
    CrLf,
    /// With a character reference for each character that is not ASCII.
    References,
}

/// The list of `rows`, signed by `signer`.
///
/// # Errors
/// The key cannot be used.
pub fn sign_list(signer: &Issued, generated: Timestamp, rows: &[Row]) -> Result<Vec<u8>, DemoPkiError> {
    sign_document(signer, &document(generated, rows), Form::Agency)
}

/// Signs `root`, a root element in canonical form, enveloped at its end, and writes it in `form`. For documents that
/// [`document`] does not write; the signature is right even where the document is nonsense.
///
/// # Errors
/// The key cannot be used, or `root` does not end with its end tag.
pub fn sign_document(signer: &Issued, root: &str, form: Form) -> Result<Vec<u8>, DemoPkiError> {
    let digest = STANDARD.encode(digest::digest(&digest::SHA256, root.as_bytes()));
    let signature = signer.key.sign(signed_info(&digest, Some(DSIG), false).as_bytes())?;
    let (before, end) = root.rfind("</").map(|at| root.split_at(at)).ok_or(DemoPkiError::List)?;
    let text = format!(
        "{DECLARATION}{before}<Signature xmlns=\"{DSIG}\">{}<SignatureValue>{}</SignatureValue><KeyInfo><X509Data>\
         <X509Certificate>{}</X509Certificate></X509Data></KeyInfo></Signature>{end}",
        signed_info(&digest, None, true),
        lines(&signature),
        lines(signer.der()),
    );
    Ok(match form {
        Form::Agency => text,
        Form::CrLf => text.replace('\n', "\r\n"),
        Form::References => text.chars().fold(String::with_capacity(text.len()), |mut out, character| {
            if character.is_ascii() {
                out.push(character);
            } else {
                let _ = write!(out, "&#x{:X};", u32::from(character));
            }
            out
        }),
    }
    .into_bytes())
}

/// Base64 as the agency writes it: a carriage return, escaped, before each line feed but the last.
pub(crate) fn lines(bytes: &[u8]) -> String {
    let mut text = String::new();
    pem::lines(bytes, 76, "&#13;\n", &mut text);
    text.trim_end_matches("&#13;\n").to_owned()
}

/// The unsigned root element, canonical.
#[must_use]
pub fn document(generated: Timestamp, rows: &[Row]) -> String {
    let mut text = format!(
        "{OPEN}\n    <DateDeGeneration>{}</DateDeGeneration>\n    <ListeDomaines>\n",
        date(generated)
    );
    for row in rows {
        text.push_str("        <Domaine>\n");
        let fields = [
            ("Nom", &row.domain),
            ("Description", &row.description),
            ("DNCertificatOperateur", &row.dn),
            ("ResponsableContact", &row.responsible),
            ("SupportContact", &row.support),
            ("DateMAJ", &date(row.updated)),
        ];
        for (name, value) in fields {
            let _ = writeln!(text, "            <{name}>{}</{name}>", escaped(value));
        }
        text.push_str("        </Domaine>\n");
    }
    text.push_str("    </ListeDomaines>\n");
    text.push_str(CLOSE);
    text
}

/// When a list that this crate wrote was generated, and its rows.
pub(crate) fn read(text: &str) -> Option<(Timestamp, Vec<Row>)> {
    let generated = field(text, "DateDeGeneration")?.parse().ok()?;
    let rows = text.split("<Domaine>").skip(1).map(|row| {
        Some(Row {
            domain: field(row, "Nom")?,
            description: field(row, "Description")?,
            dn: field(row, "DNCertificatOperateur")?,
            responsible: field(row, "ResponsableContact")?,
            support: field(row, "SupportContact")?,
            updated: field(row, "DateMAJ")?.parse().ok()?,
        })
    });
    Some((generated, rows.collect::<Option<_>>()?))
}

fn field(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    Some(value.replace("&#xD;", "\r").replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
}

/// SignedInfo; with its namespace and with end tags where `written` is false: its canonical form, which is signed.
fn signed_info(digest: &str, namespace: Option<&str>, written: bool) -> String {
    let empty = |name: &str, algorithm: &str| {
        if written {
            format!("<{name} Algorithm=\"{algorithm}\"/>")
        } else {
            format!("<{name} Algorithm=\"{algorithm}\"></{name}>")
        }
    };
    format!(
        "<SignedInfo{}>{}{}<Reference URI=\"\"><Transforms>{}{}</Transforms>{}<DigestValue>{digest}</DigestValue>\
         </Reference></SignedInfo>",
        namespace.map(|uri| format!(" xmlns=\"{uri}\"")).unwrap_or_default(),
        empty("CanonicalizationMethod", EXCLUSIVE),
        empty("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
        empty("Transform", "http://www.w3.org/2000/09/xmldsig#enveloped-signature"),
        empty("Transform", EXCLUSIVE),
        empty("DigestMethod", "http://www.w3.org/2001/04/xmlenc#sha256"),
    )
}

/// A text node in canonical form (Canonical XML 1.0 §2.3).
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#xD;")
}

/// `YYYY-MM-DDThh:mm:ssZ`.
fn date(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}
