//! The bytes of the key file. Version 2:
//!
//! ```text
//! "VGMKEYS" 2 · store (16, zeros: not bound yet) · count of wraps (u8) · wraps · content, sealed
//! wrap:    salt (32) · wrapping key, sealed (32 + 16)
//! content: count (u8) of (kind u8, newest erased day u32) · count (u32) of (kind u8, day u32, key 32)
//! ```
//!
//! Version 1, still read, had no store and one wrap. Numbers are big endian. The wrapping key is fresh in every file and
//! sealed under a key derived from the master key and the salt; the content is sealed under the wrapping key with all
//! that precedes it as associated data, so no byte of the file can change unseen. Another master key only needs the
//! wrap made anew; while one follows another, both have a wrap. No I/O.

use zeroize::Zeroizing;

use super::{Contents, KeyKind, KeyringError, StoreId};
use crate::{
    day::Day,
    master::MasterKey,
    seal::{self, DayKey, SealError, TAG},
};

const MAGIC: &[u8; 7] = b"VGMKEYS";
const VERSION: u8 = 2;
const OLD_VERSION: u8 = 1;
const SALT: usize = 32;
const WRAPPED: usize = 32 + TAG;
const WRAP: usize = SALT + WRAPPED;
const UNBOUND: [u8; StoreId::LEN] = [0; StoreId::LEN];
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

/// A key file, opened.
pub(super) struct KeyFile {
    /// Its store; none if it was never used by a program that binds it.
    pub(super) store: Option<StoreId>,
    pub(super) contents: Contents,
    /// How many master keys open it.
    pub(super) masters: u8,
}

/// Whether bytes begin as a key file does, of whatever version.
pub(super) fn is_key_file(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The store that a key file says it belongs to, unproven: it may not open under the master key at hand.
pub(super) fn named_store(bytes: &[u8]) -> Option<StoreId> {
    let rest = bytes.strip_prefix(MAGIC.as_slice())?.strip_prefix(&[VERSION])?;
    let store = rest.first_chunk::<{ StoreId::LEN }>()?;
    (*store != UNBOUND).then_some(StoreId(*store))
}

/// A key file for the holders of these master keys.
pub(super) fn encode(
    contents: &Contents,
    store: Option<StoreId>,
    masters: &[&MasterKey],
) -> Result<Vec<u8>, KeyringError> {
    let wrapping = seal::random::<32>()?;
    let mut file = MAGIC.to_vec();
    file.push(VERSION);
    file.extend_from_slice(&store.map_or(UNBOUND, |store| store.0));
    file.push(u8::try_from(masters.len()).map_err(|_| KeyringError::Full)?);
    let prefix = file.clone();
    for master in masters {
        let salt = seal::random::<SALT>()?;
        let mut wrapped = Zeroizing::new(Vec::with_capacity(WRAPPED));
        wrapped.extend_from_slice(wrapping.as_slice());
        let aad = [prefix.as_slice(), salt.as_slice()].concat();
        seal::seal_once(&wrap_key(master, salt.as_slice())?, &aad, &mut wrapped)?;
        file.extend_from_slice(salt.as_slice());
        file.extend_from_slice(&wrapped);
    }
    let mut content = content(contents)?;
    seal::seal_once(&content_key(&wrapping)?, &file, &mut content)?;
    file.extend_from_slice(&content);
    if file.len() as u64 > MAX_BYTES {
        return Err(KeyringError::Full);
    }
    Ok(file)
}

/// Opens a key file of any version under one of its master keys.
pub(super) fn decode(file: &[u8], master: &MasterKey) -> Result<KeyFile, FormatError> {
    let rest = file.strip_prefix(MAGIC.as_slice()).ok_or(FormatError::Foreign)?;
    let (&version, rest) = rest.split_first().ok_or(FormatError::Foreign)?;
    if version > VERSION {
        return Err(FormatError::Version(version));
    }
    if version < OLD_VERSION {
        return Err(FormatError::Foreign);
    }
    if file.len() as u64 > MAX_BYTES {
        return Err(FormatError::Damaged);
    }
    let (store, masters, rest) = match version {
        OLD_VERSION => (None, 1, rest),
        _ => {
            let (store, rest) = rest.split_first_chunk::<{ StoreId::LEN }>().ok_or(FormatError::Damaged)?;
            let (&masters, rest) = rest.split_first().ok_or(FormatError::Damaged)?;
            ((*store != UNBOUND).then_some(StoreId(*store)), masters, rest)
        }
    };
    let (wraps, content) = rest.split_at_checked(WRAP * usize::from(masters)).ok_or(FormatError::Damaged)?;
    let (prefix, _) = file.split_at_checked(file.len() - rest.len()).ok_or(FormatError::Damaged)?;
    let (head, _) = file.split_at_checked(prefix.len() + wraps.len()).ok_or(FormatError::Damaged)?;
    let wrapping = open_wraps(prefix, wraps, master)?;
    let content_key = content_key(&wrapping).map_err(FormatError::Seal)?;
    let content = seal::open_once(&content_key, head, content.to_vec()).map_err(|_| FormatError::Damaged)?;
    let contents = read_content(&Zeroizing::new(content)).ok_or(FormatError::Damaged)?;
    Ok(KeyFile { store, contents, masters })
}

/// The wrapping key, by whichever wrap this master key opens.
fn open_wraps(prefix: &[u8], wraps: &[u8], master: &MasterKey) -> Result<Zeroizing<[u8; 32]>, FormatError> {
    for wrap in wraps.chunks_exact(WRAP) {
        let (salt, wrapped) = wrap.split_at_checked(SALT).ok_or(FormatError::Damaged)?;
        let key = wrap_key(master, salt).map_err(FormatError::Seal)?;
        let aad = [prefix, salt].concat();
        if let Ok(wrapping) = seal::open_once(&key, &aad, wrapped.to_vec()) {
            return seal::key_of(&Zeroizing::new(wrapping)).ok_or(FormatError::Damaged);
        }
    }
    Err(FormatError::Master)
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
        bytes.push(kind.number());
        bytes.extend_from_slice(&day.number().to_be_bytes());
    }
    bytes.extend_from_slice(&keys.to_be_bytes());
    for ((kind, day), key) in &contents.keys {
        bytes.push(kind.number());
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
        let (secret, rest) = bytes.split_at_checked(32)?;
        contents.keys.insert(place, DayKey::from_secret(seal::key_of(secret)?).ok()?);
        bytes = rest;
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

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

/// A key file as version 1 wrote it.
#[cfg(test)]
pub(super) fn encode_old(contents: &Contents, master: &MasterKey) -> Vec<u8> {
    let (salt, wrapping) = (seal::random::<SALT>().unwrap(), seal::random::<32>().unwrap());
    let mut file = [MAGIC.as_slice(), &[OLD_VERSION], salt.as_slice()].concat();
    let mut wrapped = wrapping.to_vec();
    seal::seal_once(&wrap_key(master, salt.as_slice()).unwrap(), &file, &mut wrapped).unwrap();
    file.extend_from_slice(&wrapped);
    let mut content = content(contents).unwrap();
    seal::seal_once(&content_key(&wrapping).unwrap(), &file, &mut content).unwrap();
    file.extend_from_slice(&content);
    file
}
