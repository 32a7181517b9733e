//! The bytes of the key file. Version 1:
//!
//! ```text
//! "VGMKEYS" 1 · salt of the wrap (32) · wrapping key, sealed (32 + 16) · content, sealed
//! content: count (u8) of (kind u8, newest erased day u32) · count (u32) of (kind u8, day u32, key 32)
//! ```
//!
//! Numbers are big endian. The wrapping key is fresh in every file and sealed under a key derived from the master key
//! and the salt; the content is sealed under the wrapping key with all that precedes it as associated data, so no byte
//! of the file can change unseen. Another master key only needs the wrap made anew. No I/O.

use zeroize::Zeroizing;

use super::{Contents, KeyKind, KeyringError};
use crate::{
    day::Day,
    master::MasterKey,
    seal::{self, DayKey, SealError, TAG},
};

const MAGIC: &[u8; 7] = b"VGMKEYS";
const VERSION: u8 = 1;
const SALT: usize = 32;
const WRAPPED: usize = 32 + TAG;
const HEAD: usize = MAGIC.len() + 1 + SALT + WRAPPED;
const ENTRY: usize = 1 + 4 + 32;

/// A key file is never longer: more than 28,000 days.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// Why bytes are not the content of a key file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FormatError {
    Foreign,
    Version(u8),
    Master,
    Damaged,
    Seal(SealError),
}

pub(super) fn encode(contents: &Contents, master: &MasterKey) -> Result<Vec<u8>, KeyringError> {
    let salt = seal::random::<SALT>()?;
    let wrapping = seal::random::<32>()?;
    let mut file = Vec::with_capacity(HEAD);
    file.extend_from_slice(MAGIC);
    file.push(VERSION);
    file.extend_from_slice(salt.as_slice());
    let mut wrapped = Zeroizing::new(Vec::with_capacity(WRAPPED));
    wrapped.extend_from_slice(wrapping.as_slice());
    seal::seal_once(&wrap_key(master, salt.as_slice())?, &file, &mut wrapped)?;
    file.extend_from_slice(&wrapped);
    let mut content = content(contents)?;
    seal::seal_once(&content_key(&wrapping)?, &file, &mut content)?;
    file.extend_from_slice(&content);
    if file.len() as u64 > MAX_BYTES {
        return Err(KeyringError::Full);
    }
    Ok(file)
}

pub(super) fn decode(file: &[u8], master: &MasterKey) -> Result<Contents, FormatError> {
    let rest = file.strip_prefix(MAGIC.as_slice()).ok_or(FormatError::Foreign)?;
    match rest.first() {
        Some(&VERSION) => {}
        Some(&version) if version > VERSION => return Err(FormatError::Version(version)),
        _ => return Err(FormatError::Foreign),
    }
    if file.len() as u64 > MAX_BYTES {
        return Err(FormatError::Damaged);
    }
    let (head, content) = file.split_at_checked(HEAD).ok_or(FormatError::Damaged)?;
    let (plain_head, wrapped) = head.split_at_checked(HEAD - WRAPPED).ok_or(FormatError::Damaged)?;
    let salt = plain_head.get(MAGIC.len() + 1..).ok_or(FormatError::Damaged)?;
    let wrap_key = wrap_key(master, salt).map_err(FormatError::Seal)?;
    let wrapping =
        seal::open_once(&wrap_key, plain_head, wrapped.to_vec()).map_err(|_| FormatError::Master)?;
    let wrapping = Zeroizing::new(wrapping);
    let wrapping = <[u8; 32]>::try_from(wrapping.as_slice()).map_err(|_| FormatError::Damaged)?;
    let content_key = content_key(&Zeroizing::new(wrapping)).map_err(FormatError::Seal)?;
    let content = seal::open_once(&content_key, head, content.to_vec()).map_err(|_| FormatError::Damaged)?;
    read_content(&Zeroizing::new(content)).ok_or(FormatError::Damaged)
}

fn wrap_key(master: &MasterKey, salt: &[u8]) -> Result<aws_lc_rs::aead::LessSafeKey, SealError> {
    seal::derive(master.bytes(), salt, b"vaguemestre wrap key file 1")
}

fn content_key(wrapping: &Zeroizing<[u8; 32]>) -> Result<aws_lc_rs::aead::LessSafeKey, SealError> {
    seal::derive(wrapping, &[], b"vaguemestre key file content 1")
}

fn content(contents: &Contents) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let marks = u8::try_from(contents.erased.len()).map_err(|_| KeyringError::Full)?;
    let keys = u32::try_from(contents.keys.len()).map_err(|_| KeyringError::Full)?;
    // never grows, so that no copy stays behind unwiped
    let room = 1 + 5 * contents.erased.len() + 4 + ENTRY * contents.keys.len() + TAG;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    bytes.push(marks);
    for (kind, day) in &contents.erased {
        bytes.push(kind_byte(*kind));
        bytes.extend_from_slice(&day.number().to_be_bytes());
    }
    bytes.extend_from_slice(&keys.to_be_bytes());
    for ((kind, day), key) in &contents.keys {
        bytes.push(kind_byte(*kind));
        bytes.extend_from_slice(&day.number().to_be_bytes());
        bytes.extend_from_slice(key.secret());
    }
    Ok(bytes)
}

fn read_content(mut bytes: &[u8]) -> Option<Contents> {
    let mut contents = Contents::default();
    let [marks] = take(&mut bytes)?;
    for _ in 0..marks {
        let (kind, day) = kind_and_day(&mut bytes)?;
        contents.erased.insert(kind, day);
    }
    let keys = u32::from_be_bytes(take(&mut bytes)?);
    for _ in 0..keys {
        let place = kind_and_day(&mut bytes)?;
        let secret = Zeroizing::new(take::<32>(&mut bytes)?);
        contents.keys.insert(place, DayKey::from_secret(secret).ok()?);
    }
    bytes.is_empty().then_some(contents)
}

fn kind_and_day(bytes: &mut &[u8]) -> Option<(KeyKind, Day)> {
    let kind = match take(bytes)? {
        [1] => KeyKind::Message,
        [2] => KeyKind::Trace,
        _ => return None,
    };
    Some((kind, Day::from_number(u32::from_be_bytes(take(bytes)?))))
}

fn kind_byte(kind: KeyKind) -> u8 {
    match kind {
        KeyKind::Message => 1,
        KeyKind::Trace => 2,
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}
