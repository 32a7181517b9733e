//! Where an authority publishes what it has revoked, as the certificates that it issued say (RFC 5280 §4.2.1.13). Pure
//! functions over parsed extensions: whether an address is ever asked is decided by whoever fetches.

use x509_parser::{
    certificate::X509Certificate,
    extensions::{DistributionPointName, GeneralName, ParsedExtension},
};

/// The most addresses of one certificate that are looked at: real ones have two or three.
const MAX_POINTS: usize = 16;
/// An address is never longer.
const MAX_ADDRESS_OCTETS: usize = 2048;

/// The addresses of a certificate's own authority's lists; those of other issuers' (indirect ones) are left out, as are those
/// of some reasons alone.
pub(crate) fn of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let found = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::CRLDistributionPoints(points) => Some(points),
        _ => None,
    });
    let direct = found
        .into_iter()
        .flat_map(|points| points.iter())
        .filter(|point| point.crl_issuer.is_none() && point.reasons.is_none());
    direct
        .filter_map(|point| point.distribution_point.as_ref())
        .flat_map(addresses)
        .take(MAX_POINTS)
        .collect()
}

/// The addresses in the name of a distribution point.
pub(crate) fn addresses(name: &DistributionPointName<'_>) -> Vec<String> {
    let DistributionPointName::FullName(names) = name else { return Vec::new() };
    let address = |name: &GeneralName<'_>| match name {
        GeneralName::URI(address) if address.len() <= MAX_ADDRESS_OCTETS => Some((*address).to_owned()),
        _ => None,
    };
    names.iter().filter_map(address).take(MAX_POINTS).collect()
}
