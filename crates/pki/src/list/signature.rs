//! The Signature element: collected with its limits, held against the one accepted profile (B.2.3), and verified. Its
//! SignedInfo is digested in its canonical form; nothing of it is believed before that.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls_pki_types::CertificateDer;
use x509_parser::{
    certificate::X509Certificate, oid_registry::OID_PKCS1_RSAENCRYPTION, prelude::FromDer as _,
    public_key::PublicKey,
};

use super::{
    DSIG, ListFault,
    canonical::Canonical,
    xml::{Document, Event, Start},
};

/// Most elements in a Signature; the profile has fourteen.
pub const MAX_SIGNATURE_ELEMENTS: usize = 64;
/// Most octets of text and attributes in a Signature, and of its canonical SignedInfo.
pub const MAX_SIGNATURE_BYTES: usize = 64 << 10;
/// The smallest RSA key, in bits.
const MIN_KEY_BITS: usize = 2048;

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// What a Signature of the accepted profile says.
pub(super) struct Signature {
    /// SignedInfo in canonical form: what is signed.
    signed: Vec<u8>,
    digest: [u8; 32],
    value: Vec<u8>,
    certificate: CertificateDer<'static>,
}

/// An element of a Signature; its namespace is XML Signature's.
#[derive(Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

/// Reads the inside of a Signature.
pub(super) struct Collector<'d> {
    signed: Option<Canonical<'d, Vec<u8>>>,
    /// How deep SignedInfo lies, while inside it.
    open: Vec<Element>,
    elements: usize,
    octets: usize,
}

impl<'d> Collector<'d> {
    /// Collects an element that has just started, up to its end.
    pub(super) fn collect(start: &Start<'d>, document: &mut Document<'d>) -> Result<Signature, ListFault> {
        let mut collector = Self { signed: None, open: Vec::new(), elements: 0, octets: 0 };
        collector.start(start)?;
        while let Some(event) = document.next()? {
            if let Some(whole) = collector.take(&event)? {
                let signed = collector.signed.map(Canonical::into_sink).unwrap_or_default();
                return read(&whole, signed);
            }
        }
        Err(ListFault::Truncated)
    }

    /// Takes what comes next; the whole element at its end.
    fn take(&mut self, event: &Event<'d>) -> Result<Option<Element>, ListFault> {
        let inside = self.open.get(1).is_some_and(|element| element.name == "SignedInfo");
        match event {
            Event::Start(start) => {
                if start.name.is(DSIG, "Signature") {
                    return Err(ListFault::SecondSignature);
                }
                let begins = self.open.len() == 1 && start.name.is(DSIG, "SignedInfo");
                if begins && self.signed.is_some() {
                    return Err(profile("a second SignedInfo"));
                }
                self.start(start)?;
                if begins {
                    self.signed = Some(Canonical::new(Vec::new()));
                }
                self.sign(inside || begins, event);
                Ok(None)
            }
            Event::End => {
                self.sign(inside, event);
                let Some(ended) = self.open.pop() else { return Ok(None) };
                match self.open.last_mut() {
                    Some(parent) => parent.children.push(ended),
                    None => return Ok(Some(ended)),
                }
                Ok(None)
            }
            Event::Text(text) => {
                self.sign(inside, event);
                self.grow(text.len())?;
                if let Some(element) = self.open.last_mut() {
                    element.text.push_str(text);
                }
                Ok(None)
            }
            Event::Instruction { .. } => Err(profile("a processing instruction stands in it")),
        }
    }

    fn start(&mut self, start: &Start<'d>) -> Result<(), ListFault> {
        if &*start.name.namespace != DSIG {
            return Err(profile(&format!("the element {} stands in it", shown(start.name.local))));
        }
        self.elements += 1;
        if self.elements > MAX_SIGNATURE_ELEMENTS {
            return Err(ListFault::SignatureTooLarge);
        }
        let mut element = Element { name: start.name.local.to_owned(), ..Element::default() };
        self.grow(element.name.len())?;
        for attribute in &start.attributes {
            if !attribute.name.namespace.is_empty() {
                return Err(profile(&format!("the attribute {} stands in it", shown(attribute.name.local))));
            }
            self.grow(attribute.name.local.len() + attribute.value.len())?;
            element.attributes.push((attribute.name.local.to_owned(), attribute.value.to_string()));
        }
        self.open.push(element);
        Ok(())
    }

    fn sign(&mut self, inside: bool, event: &Event<'d>) {
        if let Some(canonical) = self.signed.as_mut().filter(|_| inside) {
            canonical.take(event);
        }
    }

    fn grow(&mut self, octets: usize) -> Result<(), ListFault> {
        self.octets = self.octets.saturating_add(octets);
        if self.octets > MAX_SIGNATURE_BYTES { Err(ListFault::SignatureTooLarge) } else { Ok(()) }
    }
}

impl Signature {
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Whether the signature is that of the certificate's key over SignedInfo.
    pub(super) fn verify(&self) -> Result<(), ListFault> {
        let unusable = |reason: &str| ListFault::Certificate(reason.to_owned());
        let (rest, parsed) = X509Certificate::from_der(&self.certificate)
            .map_err(|_| unusable("it is not a sound X.509 certificate"))?;
        if !rest.is_empty() {
            return Err(unusable("bytes follow it"));
        }
        let key = parsed.public_key();
        if key.algorithm.algorithm != OID_PKCS1_RSAENCRYPTION {
            return Err(unusable("its key is not RSA"));
        }
        match key.parsed() {
            Ok(PublicKey::RSA(rsa)) if rsa.key_size() >= MIN_KEY_BITS => {}
            Ok(PublicKey::RSA(_)) => return Err(unusable("its RSA key has less than 2048 bits")),
            _ => return Err(unusable("its RSA key cannot be read")),
        }
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.subject_public_key.data)
            .verify(&self.signed, &self.value)
            .map_err(|_| ListFault::Signature)
    }
}

/// Holds a whole Signature against the profile.
fn read(signature: &Element, signed: Vec<u8>) -> Result<Signature, ListFault> {
    let [info, value, key] = signature.holds(["SignedInfo", "SignatureValue", "KeyInfo"])?;
    signature.has_attributes(&[])?;
    info.has_attributes(&[])?;
    let [canonicalization, method, reference] =
        info.holds(["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
    canonicalization.is_algorithm("CanonicalizationMethod", EXCLUSIVE)?;
    method.is_algorithm("SignatureMethod", RSA_SHA256)?;
    let [transforms, digest_method, digest] =
        reference.holds(["Transforms", "DigestMethod", "DigestValue"])?;
    match reference.attributes.as_slice() {
        [(name, uri)] if name == "URI" && uri.is_empty() => {}
        [(name, uri)] if name == "URI" => return Err(ListFault::Reference(shown(uri))),
        _ => return Err(profile("its Reference must have the attribute URI and no other")),
    }
    transforms.has_attributes(&[])?;
    let [enveloped, exclusive] = transforms.holds(["Transform", "Transform"])?;
    enveloped.is_algorithm("first Transform", ENVELOPED)?;
    exclusive.is_algorithm("second Transform", EXCLUSIVE)?;
    digest_method.is_algorithm("DigestMethod", SHA256)?;
    key.has_attributes(&[])?;
    let [data] = key.holds(["X509Data"])?;
    data.has_attributes(&[])?;
    let [certificate] = data.holds(["X509Certificate"])?;
    let digest = digest.octets()?;
    Ok(Signature {
        signed,
        digest: digest.try_into().map_err(|_| profile("its DigestValue has not 32 octets"))?,
        value: value.octets()?,
        certificate: certificate.octets()?.into(),
    })
}

impl Element {
    /// Its children, which must have these names, in this order, with nothing but white space between.
    fn holds<const N: usize>(&self, names: [&str; N]) -> Result<[&Self; N], ListFault> {
        let found = self.children.iter().map(|child| child.name.as_str());
        if !found.eq(names) || !self.text.bytes().all(|byte| byte.is_ascii_whitespace()) {
            return Err(profile(&format!("{} must hold {} and nothing else", self.name, names.join(", "))));
        }
        let children: Vec<&Self> = self.children.iter().collect();
        children.try_into().map_err(|_| profile(&self.name))
    }

    fn has_attributes(&self, names: &[&str]) -> Result<(), ListFault> {
        if self.attributes.iter().map(|(name, _)| name.as_str()).eq(names.iter().copied()) {
            return Ok(());
        }
        Err(profile(&format!("{} must have the attributes [{}] and no other", self.name, names.join(", "))))
    }

    /// An empty element that names this algorithm: no prefix list, no parameter.
    fn is_algorithm(&self, element: &'static str, accepted: &'static str) -> Result<(), ListFault> {
        self.has_attributes(&["Algorithm"])?;
        self.holds([])?;
        match self.attributes.first() {
            Some((_, found)) if found == accepted => Ok(()),
            found => {
                let found = found.map(|(_, found)| shown(found)).unwrap_or_default();
                Err(ListFault::Algorithm { element, found, accepted })
            }
        }
    }

    /// The octets that its text says in base64; white space, carriage returns too, means nothing (B.2.3).
    fn octets(&self) -> Result<Vec<u8>, ListFault> {
        self.has_attributes(&[])?;
        if !self.children.is_empty() {
            return Err(profile(&format!("{} must hold text only", self.name)));
        }
        let text: String = self.text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
        STANDARD.decode(text).map_err(|_| profile(&format!("{} is not sound base64", self.name)))
    }
}

fn profile(what: &str) -> ListFault {
    ListFault::Profile(what.to_owned())
}

/// Not more of a foreign text than a person reads.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
