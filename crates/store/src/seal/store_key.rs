//! The store key: it lives as long as the store, so every value is sealed under a key of its own, derived with a fresh
//! 192-bit salt (I-5). It also makes the keyed hashes: no address, name, number or Message-ID is ever a key of the store
//! in clear (M-11), and application passwords are kept as keyed hashes (S-7.3). Pure but for random bytes.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use zeroize::Zeroizing;

use super::{SealError, TAG, derive, derive_bytes, key_of, open_once, random, seal_once};
use crate::{keyring::StoreId, master::MasterKey};

const SALT: usize = 24;
const VERSION: u8 = 1;
const WRAP_CONTEXT: &[u8] = b"vaguemestre store key";

/// The long-lived key of a store.
pub(crate) struct StoreKey {
    secret: Zeroizing<[u8; 32]>,
    lookup: hmac::Key,
    credentials: hmac::Key,
}

impl StoreKey {
    /// Draws the key of a new store.
    pub(crate) fn generate() -> Result<Self, SealError> {
        Self::from_secret(random()?)
    }

    /// The key wrapped by the master key, to be kept beside what it seals. Another master key takes over by unwrapping
    /// and wrapping again: nothing else changes.
    pub(crate) fn wrap(&self, master: &MasterKey) -> Result<Vec<u8>, SealError> {
        seal_salted(master.bytes(), b"vaguemestre wrap store key 1", WRAP_CONTEXT, &*self.secret)
    }

    /// Opens what [`StoreKey::wrap`] made under the same master key.
    ///
    /// # Errors
    /// [`SealError::Broken`]: another master key, or altered bytes.
    pub(crate) fn unwrap(wrapped: &[u8], master: &MasterKey) -> Result<Self, SealError> {
        let opened = open_salted(master.bytes(), b"vaguemestre wrap store key 1", WRAP_CONTEXT, wrapped)?;
        Self::from_secret(key_of(&Zeroizing::new(opened)).ok_or(SealError::Broken)?)
    }

    fn from_secret(secret: Zeroizing<[u8; 32]>) -> Result<Self, SealError> {
        let lookup = mac_key(&secret, b"vaguemestre lookup 1")?;
        let credentials = mac_key(&secret, b"vaguemestre credentials 1")?;
        Ok(Self { secret, lookup, credentials })
    }

    /// What tells this store from others. It says nothing of the key.
    pub(crate) fn store_id(&self) -> StoreId {
        let mut id = [0; StoreId::LEN];
        let hash = self.lookup_hash("store", b"");
        id.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        StoreId(id)
    }

    /// Seals a value that is not bound to a day (version, salt, ciphertext, tag). `aad` is the value's key in the store.
    pub(crate) fn seal_value(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        seal_salted(&self.secret, b"vaguemestre value 1", aad, plain)
    }

    /// Opens what [`StoreKey::seal_value`] made for the same `aad`.
    ///
    /// # Errors
    /// [`SealError::Broken`] for anything else.
    pub(crate) fn open_value(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        open_salted(&self.secret, b"vaguemestre value 1", aad, sealed)
    }

    /// The keyed hash under which `data` is looked up; `domain` keeps kinds of data apart.
    pub(crate) fn lookup_hash(&self, domain: &str, data: &[u8]) -> [u8; 32] {
        mac(&self.lookup, domain.as_bytes(), data)
    }

    /// The keyed hash under which a credential's secret is kept; `context` ties it to its credential.
    pub(crate) fn credential_mac(&self, context: &[u8], secret: &[u8]) -> [u8; 32] {
        mac(&self.credentials, context, secret)
    }

    /// Whether two keyed hashes are the same. Takes the same time either way.
    pub(crate) fn same_mac(shown: &[u8; 32], kept: &[u8; 32]) -> bool {
        constant_time::verify_slices_are_equal(shown, kept).is_ok()
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(…)")
    }
}

fn seal_salted(secret: &[u8; 32], purpose: &[u8], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let salt = random::<SALT>()?;
    let key = derive(secret, salt.as_slice(), purpose)?;
    let mut buffer = Vec::with_capacity(plain.len() + TAG);
    buffer.extend_from_slice(plain);
    seal_once(&key, aad, &mut buffer)?;
    let mut sealed = Vec::with_capacity(1 + SALT + buffer.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(salt.as_slice());
    sealed.append(&mut buffer);
    Ok(sealed)
}

fn open_salted(secret: &[u8; 32], purpose: &[u8], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (version, rest) = sealed.split_first().ok_or(SealError::Broken)?;
    if *version != VERSION {
        return Err(SealError::Broken);
    }
    let (salt, rest) = rest.split_first_chunk::<SALT>().ok_or(SealError::Broken)?;
    open_once(&derive(secret, salt, purpose)?, aad, rest.to_vec())
}

fn mac_key(secret: &[u8; 32], purpose: &[u8]) -> Result<hmac::Key, SealError> {
    let key = derive_bytes(secret, &[], purpose)?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()))
}

fn mac(key: &hmac::Key, label: &[u8], data: &[u8]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(&(label.len() as u64).to_be_bytes());
    context.update(label);
    context.update(data);
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn master() -> MasterKey {
        let dir = tempfile::tempdir().unwrap();
        MasterKey::create(&dir.path().join("key")).unwrap()
    }

    #[test]
    fn another_master_key_takes_over_without_touching_what_is_sealed() {
        let (old, new) = (master(), master());
        let key = StoreKey::generate().unwrap();
        let sealed = key.seal_value(b"place", b"value").unwrap();
        let hash = key.lookup_hash("address", b"a@b");
        let wrapped = key.wrap(&old).unwrap();
        assert_eq!(StoreKey::unwrap(&wrapped, &new).unwrap_err(), SealError::Broken);
        let again = StoreKey::unwrap(&wrapped, &old).unwrap().wrap(&new).unwrap();
        let key = StoreKey::unwrap(&again, &new).unwrap();
        assert_eq!(key.open_value(b"place", &sealed).unwrap(), b"value");
        assert_eq!(key.lookup_hash("address", b"a@b"), hash);
        assert_eq!(format!("{key:?}"), "StoreKey(…)");
    }

    #[test]
    fn hashes_are_kept_apart_by_key_use_and_label() {
        let (one, two) = (StoreKey::generate().unwrap(), StoreKey::generate().unwrap());
        let hash = one.lookup_hash("a", b"bc");
        assert_eq!(hash, one.lookup_hash("a", b"bc"));
        assert_ne!(hash, two.lookup_hash("a", b"bc"));
        assert_ne!(hash, one.lookup_hash("ab", b"c"));
        assert_ne!(hash, one.credential_mac(b"a", b"bc"));
    }

    #[test]
    fn a_credential_is_checked_exactly() {
        let key = StoreKey::generate().unwrap();
        let kept = key.credential_mac(b"7", b"secret");
        assert!(StoreKey::same_mac(&key.credential_mac(b"7", b"secret"), &kept));
        for (context, secret) in
            [("7", "Secret"), ("7", "secret "), ("7", ""), ("8", "secret"), ("7s", "ecret")]
        {
            let shown = key.credential_mac(context.as_bytes(), secret.as_bytes());
            assert!(!StoreKey::same_mac(&shown, &kept));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn a_value_opens_where_it_was_sealed_and_nowhere_else(
            place in proptest::collection::vec(any::<u8>(), 0..24),
            other in proptest::collection::vec(any::<u8>(), 0..24),
            plain in proptest::collection::vec(any::<u8>(), 0..100),
            at in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let key = StoreKey::generate().unwrap();
            let sealed = key.seal_value(&place, &plain).unwrap();
            prop_assert_eq!(key.open_value(&place, &sealed).unwrap(), plain);
            if place != other {
                prop_assert_eq!(key.open_value(&other, &sealed), Err(SealError::Broken));
            }
            prop_assert_eq!(StoreKey::generate().unwrap().open_value(&place, &sealed), Err(SealError::Broken));
            let at = at.index(sealed.len());
            prop_assert_eq!(key.open_value(&place, &sealed[..at]), Err(SealError::Broken));
            let mut altered = sealed;
            altered[at] ^= flip;
            prop_assert_eq!(key.open_value(&place, &altered), Err(SealError::Broken));
        }
    }
}
