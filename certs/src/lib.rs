//! The demonstration PKI: an authority and a server certificate, made on the machine that shows them. It may use files
//! of the directory it is given and nothing else; it must never be part of how a real server gets its certificate.

use std::{
    fs,
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, PublicKeyData as _, SanType,
};
use thiserror::Error;
use x509_parser::{extensions::GeneralName, pem::parse_x509_pem};

const AUTHORITY_YEARS: i64 = 10;
/// Some clients refuse server certificates that last longer.
const SERVER_DAYS: i64 = 397;
const RENEWED_DAYS_BEFORE: i64 = 30;

/// Where the files of a demonstration PKI are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoPki {
    /// The authority's certificate, which clients must be given (PEM).
    pub ca: PathBuf,
    /// The server's certificate (PEM).
    pub chain: PathBuf,
    /// The server's private key (PEM, PKCS #8, mode 0600).
    pub key: PathBuf,
}

/// Makes the demonstration PKI in `dir`, or keeps the one that is there. The server certificate names `hostnames` (DNS
/// names or IP addresses), 127.0.0.1 and ::1; it is made anew by the same authority when it lacks one of them or has
/// less than 30 days left at `now`.
///
/// # Errors
/// A host name cannot stand in a certificate, or a file cannot be read or written.
pub fn create(dir: &Path, hostnames: &[&str], now: Timestamp) -> Result<DemoPki, DemoPkiError> {
    let file = |name: &str| dir.join(name);
    let pki = DemoPki { ca: file("ca.pem"), chain: file("server.pem"), key: file("server.key") };
    let names = names(hostnames)?;
    fs::create_dir_all(dir).map_err(|error| DemoPkiError::File { path: dir.into(), error })?;
    let (authority, made) = authority(&pki.ca, &file("ca.key"), now)?;
    if made || !is_good(&pki.chain, &pki.key, now, &names)? {
        let (certificate, key) = server(&authority, names, now)?;
        replace(&pki.key, &key.serialize_pem(), 0o600)?;
        replace(&pki.chain, &certificate.pem(), 0o644)?;
    }
    Ok(pki)
}

/// The authority that is there, or a new one (then true).
fn authority(
    certificate: &Path,
    key: &Path,
    now: Timestamp,
) -> Result<(Issuer<'static, KeyPair>, bool), DemoPkiError> {
    if is_good(certificate, key, now, &[])? {
        let pair = KeyPair::from_pem(&read(key)?.unwrap_or_default())?;
        return Ok((Issuer::new(authority_params(now), pair), false));
    }
    let pair = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
    let params = authority_params(now);
    replace(key, &pair.serialize_pem(), 0o600)?;
    replace(certificate, &params.self_signed(&pair)?.pem(), 0o644)?;
    Ok((Issuer::new(params, pair), true))
}

fn authority_params(now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "FR");
    params.distinguished_name.push(DnType::OrganizationName, "Vaguemestre (demonstration)");
    params.distinguished_name.push(DnType::CommonName, "Vaguemestre demonstration authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let today = today(now);
    set_validity(&mut params, today.saturating_sub(1.day()), today.saturating_add(AUTHORITY_YEARS.years()));
    params
}

fn server(
    authority: &Issuer<'_, KeyPair>,
    names: Vec<SanType>,
    now: Timestamp,
) -> Result<(Certificate, KeyPair), DemoPkiError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "FR");
    params.distinguished_name.push(DnType::OrganizationName, "Vaguemestre (demonstration)");
    params.distinguished_name.push(DnType::CommonName, "Vaguemestre demonstration server");
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.subject_alt_names = names;
    let today = today(now);
    set_validity(&mut params, today.saturating_sub(1.day()), today.saturating_add(SERVER_DAYS.days()));
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
    Ok((params.signed_by(&key, authority)?, key))
}

fn names(hostnames: &[&str]) -> Result<Vec<SanType>, DemoPkiError> {
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let mut names = Vec::new();
    for name in hostnames {
        let name = match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName((*name).try_into()?),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for address in loopback.map(SanType::IpAddress) {
        if !names.contains(&address) {
            names.push(address);
        }
    }
    Ok(names)
}

/// Whether both files are there, belong together, last long enough and name all of `names`.
fn is_good(certificate: &Path, key: &Path, now: Timestamp, names: &[SanType]) -> Result<bool, DemoPkiError> {
    let (Some(certificate), Some(key)) = (read(certificate)?, read(key)?) else {
        return Ok(false);
    };
    let (Ok((_, pem)), Ok(key)) = (parse_x509_pem(certificate.as_bytes()), KeyPair::from_pem(&key)) else {
        return Ok(false);
    };
    let Ok(parsed) = pem.parse_x509() else { return Ok(false) };
    let left = parsed.validity().not_after.timestamp().saturating_sub(now.as_second());
    let named = parsed.subject_alternative_name().ok().flatten().map(|found| &found.value.general_names);
    let has = |name: &SanType| {
        named.into_iter().flatten().any(|found| match (found, name) {
            (GeneralName::DNSName(found), SanType::DnsName(name)) => *found == name.as_str(),
            (GeneralName::IPAddress(found), SanType::IpAddress(IpAddr::V4(name))) => *found == name.octets(),
            (GeneralName::IPAddress(found), SanType::IpAddress(IpAddr::V6(name))) => *found == name.octets(),
            _ => false,
        })
    };
    Ok(left > RENEWED_DAYS_BEFORE * 86_400
        && parsed.validity().not_before.timestamp() <= now.as_second()
        && parsed.public_key().raw == key.subject_public_key_info()
        && names.iter().all(has))
}

fn today(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// From the start of `first` to the start of `last`, UTC.
fn set_validity(params: &mut CertificateParams, first: Date, last: Date) {
    let at = |date: Date| (i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs());
    let ((year, month, day), (last_year, last_month, last_day)) = (at(first), at(last));
    params.not_before = rcgen::date_time_ymd(year, month, day);
    params.not_after = rcgen::date_time_ymd(last_year, last_month, last_day);
}

fn read(path: &Path) -> Result<Option<String>, DemoPkiError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
            Ok(None)
        }
        Err(error) => Err(DemoPkiError::File { path: path.into(), error }),
    }
}

/// Writes `path` whole or not at all.
fn replace(path: &Path, text: &str, mode: u32) -> Result<(), DemoPkiError> {
    let new = path.with_extension("new");
    let write = || {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|error| DemoPkiError::File { path: path.into(), error })
}

/// Why there is no demonstration PKI.
#[derive(Debug, Error)]
pub enum DemoPkiError {
    /// A file or directory cannot be read or written.
    #[error("{path}: {error}: free it or choose another directory")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A certificate cannot be made of what was asked.
    #[error("the certificate cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
}

#[cfg(test)]
mod tests;
