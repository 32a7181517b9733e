//! Sealing at rest (I-5): AES-256-GCM with nonces that cannot repeat by construction, after a restore either.
//! - A record is sealed under its day's record key with a random 96-bit nonce (far fewer than 2^32 of them a day).
//! - A body has a key of its own, derived from its day's key and a fresh random id: [`BodySealer`], [`BodyOpener`].
//! - A value under the long-lived store key has a key of its own, derived with a fresh random salt: [`StoreKey`].
//!
//! Pure but for random bytes. It never touches files, the engine, or the clock. Keys are wiped from memory when dropped
//! and never shown by Debug.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf, rand,
};
use jiff::Timestamp;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::trace::time_ordered_id;

pub use self::body::CHUNK;
pub(crate) use self::body::CODING;
pub(crate) use self::{
    body::{BodyOpener, BodySealer, Shape},
    store_key::StoreKey,
};

mod body;
mod store_key;

/// Bytes that sealing adds to a chunk of a body: the tag.
pub(crate) const TAG: usize = 16;

/// Why something does not seal or open. It never says more than the caller may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// The bytes were altered, cut, or belong to another place, body, day or key.
    #[error("sealed data does not open: it was altered or cut, or belongs to another place")]
    Broken,
    /// The chunks of a body were offered out of order, after the last, or too long: a fault of the caller.
    #[error("chunks of a body must be sealed once each, in order, up to {CHUNK} bytes")]
    Order,
    /// The cryptographic library refused to work (no random bytes).
    #[error("the cryptographic library failed")]
    Library,
}

/// The data key of one day and kind (I-4). Cheap to clone; the memory is wiped when the last clone goes.
#[derive(Clone)]
pub(crate) struct DayKey(Arc<DayKeyInner>);

struct DayKeyInner {
    secret: Zeroizing<[u8; 32]>,
    records: LessSafeKey,
}

impl DayKey {
    pub(crate) fn generate() -> Result<Self, SealError> {
        Self::from_secret(random()?)
    }

    pub(crate) fn from_secret(secret: Zeroizing<[u8; 32]>) -> Result<Self, SealError> {
        let records = derive(&secret, &[], b"vaguemestre day records 1")?;
        Ok(Self(Arc::new(DayKeyInner { secret, records })))
    }

    pub(crate) fn secret(&self) -> &[u8; 32] {
        &self.0.secret
    }

    /// Seals one record (nonce, ciphertext, tag). `aad` is the record's key in the store: the record opens nowhere else.
    pub(crate) fn seal_record(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealError::Library)?;
        self.seal_under(nonce, aad, plain)
    }

    /// Seals two records at once: asking for randomness costs as much as sealing one.
    pub(crate) fn seal_records(&self, records: [(&[u8], &[u8]); 2]) -> Result<[Vec<u8>; 2], SealError> {
        let mut nonces = [[0; NONCE_LEN]; 2];
        rand::fill(nonces.as_flattened_mut()).map_err(|_| SealError::Library)?;
        let [(first, first_plain), (second, second_plain)] = records;
        let [one, two] = nonces;
        Ok([self.seal_under(one, first, first_plain)?, self.seal_under(two, second, second_plain)?])
    }

    fn seal_under(&self, nonce: [u8; NONCE_LEN], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + TAG);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .0
            .records
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                sealed.get_mut(NONCE_LEN..).unwrap_or_default(),
            )
            .map_err(|_| SealError::Library)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`DayKey::seal_record`] made for the same `aad`.
    ///
    /// # Errors
    /// [`SealError::Broken`] for anything else.
    pub(crate) fn open_record(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Broken)?;
        open(&self.0.records, *nonce, aad, rest.to_vec())
    }

    /// The same at the end of a buffer that holds many: it gives where what was opened begins. Of what does not open
    /// nothing is left there.
    pub(crate) fn open_record_onto(
        &self,
        aad: &[u8],
        sealed: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<usize, SealError> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Broken)?;
        let start = plain.len();
        plain.extend_from_slice(rest);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let buffer = plain.get_mut(start..).unwrap_or_default();
        let opened = self.0.records.open_in_place(nonce, Aad::from(aad), buffer).map(|opened| opened.len());
        plain.truncate(start + opened.as_ref().map_or(0, |len| *len));
        opened.map(|_| start).map_err(|_| SealError::Broken)
    }

    /// Starts a new body under a fresh id: the milliseconds of `now`, so that bodies that arrive together lie together
    /// in the engine, then 80 random bits, so that no id occurs twice, after a restore either.
    pub(crate) fn body_sealer(&self, now: Timestamp) -> Result<BodySealer, SealError> {
        let id = time_ordered_id(now);
        Ok(BodySealer::new(id, body_key(&self.0.secret, id)?))
    }

    /// Opens the chunks of the body `id` of this day.
    pub(crate) fn body_opener(&self, id: &[u8; 16], shape: Shape) -> Result<BodyOpener, SealError> {
        Ok(BodyOpener::new(*id, body_key(&self.0.secret, *id)?, shape))
    }
}

impl fmt::Debug for DayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DayKey(…)")
    }
}

fn body_key(day: &[u8; 32], id: [u8; 16]) -> Result<LessSafeKey, SealError> {
    derive(day, &id, b"vaguemestre body 1")
}

/// Thirty-two bytes that were opened, as a key; none if they are more or less.
pub(crate) fn key_of(bytes: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    (bytes.len() == key.len()).then(|| key.copy_from_slice(bytes))?;
    Some(key)
}

/// Bytes from the system's generator.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, SealError> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| SealError::Library)?;
    Ok(bytes)
}

/// An AES-256-GCM key from `secret` by HKDF-SHA-256 (RFC 5869); `purpose` keeps uses apart.
pub(crate) fn derive(secret: &[u8; 32], salt: &[u8], purpose: &[u8]) -> Result<LessSafeKey, SealError> {
    let key = derive_bytes(secret, salt, purpose)?;
    UnboundKey::new(&AES_256_GCM, key.as_slice()).map(LessSafeKey::new).map_err(|_| SealError::Library)
}

/// Thirty-two bytes from `secret`, wiped when dropped. The library's own ways from here to a key leave theirs on the stack.
fn derive_bytes(secret: &[u8; 32], salt: &[u8], purpose: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
    struct Length;
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            32
        }
    }
    let mut bytes = Zeroizing::new([0; 32]);
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    prk.expand(&[purpose], Length)
        .and_then(|okm| okm.fill(bytes.as_mut_slice()))
        .map_err(|_| SealError::Library)?;
    Ok(bytes)
}

/// Seals `buffer` in place and appends the tag, under a key that is used for this one message: the nonce is zero.
pub(crate) fn seal_once(key: &LessSafeKey, aad: &[u8], buffer: &mut Vec<u8>) -> Result<(), SealError> {
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key([0; NONCE_LEN]), Aad::from(aad), buffer)
        .map_err(|_| SealError::Library)
}

/// Opens what [`seal_once`] made.
pub(crate) fn open_once(key: &LessSafeKey, aad: &[u8], sealed: Vec<u8>) -> Result<Vec<u8>, SealError> {
    open(key, [0; NONCE_LEN], aad, sealed)
}

fn open(
    key: &LessSafeKey,
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    mut sealed: Vec<u8>,
) -> Result<Vec<u8>, SealError> {
    let plain = key
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed)
        .map_err(|_| SealError::Broken)?
        .len();
    sealed.truncate(plain);
    Ok(sealed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_shown_by_debug() {
        assert_eq!(format!("{:?}", DayKey::generate().unwrap()), "DayKey(…)");
    }

    #[test]
    fn the_same_record_never_looks_the_same() {
        let day = DayKey::generate().unwrap();
        assert_ne!(day.seal_record(b"k", b"same").unwrap(), day.seal_record(b"k", b"same").unwrap());
        let [one, two] = day.seal_records([(b"k", b"same"), (b"k", b"same")]).unwrap();
        assert_ne!(one[..NONCE_LEN], two[..NONCE_LEN]);
        assert!([one, two].iter().all(|sealed| day.open_record(b"k", sealed).unwrap() == b"same"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_record_opens_where_it_was_sealed_and_nowhere_else(
            place in proptest::collection::vec(any::<u8>(), 0..24),
            other in proptest::collection::vec(any::<u8>(), 0..24),
            plain in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let day = DayKey::generate().unwrap();
            let sealed = day.seal_record(&place, &plain).unwrap();
            let mut many = vec![1, 2];
            prop_assert_eq!(day.open_record_onto(&place, &sealed, &mut many), Ok(2));
            prop_assert_eq!(&many[2..], &plain[..]);
            if place != other {
                prop_assert_eq!(day.open_record_onto(&other, &sealed, &mut many), Err(SealError::Broken));
                prop_assert_eq!(many.len(), 2 + plain.len());
            }
            prop_assert_eq!(day.open_record(&place, &sealed).unwrap(), plain);
            if place != other {
                prop_assert_eq!(day.open_record(&other, &sealed), Err(SealError::Broken));
            }
            let tomorrow = DayKey::generate().unwrap();
            prop_assert_eq!(tomorrow.open_record(&place, &sealed), Err(SealError::Broken));
        }

        #[test]
        fn a_record_that_was_cut_or_altered_does_not_open(
            plain in proptest::collection::vec(any::<u8>(), 0..100),
            at in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let day = DayKey::generate().unwrap();
            let sealed = day.seal_record(b"place", &plain).unwrap();
            let at = at.index(sealed.len());
            prop_assert_eq!(day.open_record(b"place", &sealed[..at]), Err(SealError::Broken));
            prop_assert_eq!(day.open_record(b"place", &sealed[sealed.len() - at..]), Err(SealError::Broken));
            let mut altered = sealed.clone();
            altered[at] ^= flip;
            prop_assert_eq!(day.open_record(b"place", &altered), Err(SealError::Broken));
            altered = sealed;
            altered.push(0);
            prop_assert_eq!(day.open_record(b"place", &altered), Err(SealError::Broken));
        }
    }
}
