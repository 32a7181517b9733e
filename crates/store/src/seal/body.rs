//! Sealing of bodies, chunk by chunk (I-3, I-5): chunks are sealed in place as they arrive and open in any order, so
//! neither side ever holds a whole body. Each body has a key of its own; the nonce is the chunk's index and whether it is
//! the last, and body, index and last are associated data besides: a chunk moved, left out or taken from another body does
//! not open, and neither does a body that ends early. Pure.

use std::fmt;

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

use super::{SealError, TAG};

/// Bytes of plain text in every chunk of a body but the last, which may hold fewer.
pub const CHUNK: usize = 64 * 1024;

/// Bytes of a chunk that say how it is coded.
pub(crate) const CODING: usize = 1;

/// What the chunks of a body look like, sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As format 2 made them: the plain bytes, key and nonce alone binding them to their place.
    Bare,
    /// The bytes as they are coded and what coding that is; body and place are associated data.
    Coded,
}

/// Seals the chunks of one new body, once each and in order.
pub(crate) struct BodySealer {
    id: [u8; 16],
    key: LessSafeKey,
    /// The index of the next chunk; none once the last was sealed.
    next: Option<u32>,
}

impl BodySealer {
    pub(super) fn new(id: [u8; 16], key: LessSafeKey) -> Self {
        Self { id, key, next: Some(0) }
    }

    /// The body's random id, which its opener needs.
    pub(crate) fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Seals the chunk `index` in place and appends its tag.
    ///
    /// # Errors
    /// [`SealError::Order`] when `index` is not the next, the last was sealed, or the chunk is longer than [`CHUNK`] and
    /// its coding: no nonce is ever used twice.
    pub(crate) fn seal(&mut self, index: u32, last: bool, chunk: &mut Vec<u8>) -> Result<(), SealError> {
        if self.next != Some(index) || chunk.len() > CHUNK + CODING {
            return Err(SealError::Order);
        }
        self.next = if last { None } else { index.checked_add(1) };
        self.key
            .seal_in_place_append_tag(nonce(index, last), Aad::from(place(self.id, index, last)), chunk)
            .map_err(|_| SealError::Library)
    }
}

/// Opens the chunks of one body, in any order.
pub(crate) struct BodyOpener {
    id: [u8; 16],
    key: LessSafeKey,
    shape: Shape,
}

impl BodyOpener {
    pub(super) fn new(id: [u8; 16], key: LessSafeKey, shape: Shape) -> Self {
        Self { id, key, shape }
    }

    /// What its chunks look like.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Opens the chunk `index` in place and takes its tag off.
    ///
    /// # Errors
    /// [`SealError::Broken`] unless this is that chunk of this body, and its last exactly if `last`. The buffer then
    /// holds nothing useful.
    pub(crate) fn open(&self, index: u32, last: bool, chunk: &mut Vec<u8>) -> Result<(), SealError> {
        if chunk.len() > CHUNK + CODING + TAG {
            return Err(SealError::Broken);
        }
        let bound = place(self.id, index, last);
        let bound: &[u8] = match self.shape {
            Shape::Bare => &[],
            Shape::Coded => &bound,
        };
        let plain = self
            .key
            .open_in_place(nonce(index, last), Aad::from(bound), chunk)
            .map_err(|_| SealError::Broken)?
            .len();
        chunk.truncate(plain);
        Ok(())
    }
}

/// The associated data of a chunk.
fn place(id: [u8; 16], index: u32, last: bool) -> [u8; 21] {
    let mut place = [0; 21];
    place[..16].copy_from_slice(&id);
    place[16..20].copy_from_slice(&index.to_be_bytes());
    place[20] = u8::from(last);
    place
}

fn nonce(index: u32, last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 5..NONCE_LEN - 1].copy_from_slice(&index.to_be_bytes());
    nonce[NONCE_LEN - 1] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}

impl fmt::Debug for BodySealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodySealer").field("next", &self.next).finish_non_exhaustive()
    }
}

impl fmt::Debug for BodyOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyOpener(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seal::DayKey;

    fn seal_all(day: &DayKey, chunks: &[Vec<u8>]) -> ([u8; 16], Vec<Vec<u8>>) {
        let mut sealer = day.body_sealer(jiff::Timestamp::UNIX_EPOCH).unwrap();
        let mut sealed = chunks.to_vec();
        for (index, chunk) in sealed.iter_mut().enumerate() {
            sealer.seal(u32::try_from(index).unwrap(), index + 1 == chunks.len(), chunk).unwrap();
        }
        (sealer.id(), sealed)
    }

    #[test]
    fn a_nonce_is_never_used_twice() {
        let mut sealer = DayKey::generate().unwrap().body_sealer(jiff::Timestamp::UNIX_EPOCH).unwrap();
        let mut chunk = b"text".to_vec();
        assert_eq!(sealer.seal(1, false, &mut chunk), Err(SealError::Order));
        sealer.seal(0, false, &mut chunk).unwrap();
        assert_eq!(sealer.seal(0, false, &mut chunk), Err(SealError::Order));
        sealer.seal(1, true, &mut chunk).unwrap();
        assert_eq!(sealer.seal(2, true, &mut chunk), Err(SealError::Order));
        assert_eq!(format!("{sealer:?}"), "BodySealer { next: None, .. }");
    }

    #[test]
    fn a_chunk_has_a_greatest_length() {
        let day = DayKey::generate().unwrap();
        let (id, mut sealed) = seal_all(&day, &[vec![7; CHUNK + CODING]]);
        assert_eq!(sealed[0].len(), CHUNK + CODING + TAG);
        day.body_opener(&id, Shape::Coded).unwrap().open(0, true, &mut sealed[0]).unwrap();
        assert_eq!(sealed[0], vec![7; CHUNK + CODING]);
        let mut sealer = day.body_sealer(jiff::Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(sealer.seal(0, true, &mut vec![7; CHUNK + CODING + 1]), Err(SealError::Order));
        let opener = day.body_opener(&id, Shape::Coded).unwrap();
        assert_eq!(opener.open(0, true, &mut vec![7; CHUNK + CODING + TAG + 1]), Err(SealError::Broken));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn every_chunk_opens_at_its_place_and_at_no_other(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 1..6),
        ) {
            let day = DayKey::generate().unwrap();
            let (id, sealed) = seal_all(&day, &chunks);
            let opener = day.body_opener(&id, Shape::Coded).unwrap();
            for (from, chunk) in sealed.iter().enumerate() {
                for (to, plain) in chunks.iter().enumerate() {
                    for last in [false, true] {
                        let mut buffer = chunk.clone();
                        let opened = opener.open(u32::try_from(to).unwrap(), last, &mut buffer);
                        if from == to && last == (to + 1 == chunks.len()) {
                            opened.unwrap();
                            prop_assert_eq!(&buffer, plain);
                        } else {
                            prop_assert_eq!(opened, Err(SealError::Broken));
                        }
                    }
                }
            }
        }

        #[test]
        fn a_chunk_of_another_body_or_day_does_not_open(plain in proptest::collection::vec(any::<u8>(), 0..64)) {
            let day = DayKey::generate().unwrap();
            let chunks = [plain];
            let (first, sealed) = seal_all(&day, &chunks);
            let (second, _) = seal_all(&day, &chunks);
            prop_assert_ne!(first, second);
            let other_body = day.body_opener(&second, Shape::Coded).unwrap();
            prop_assert_eq!(other_body.open(0, true, &mut sealed[0].clone()), Err(SealError::Broken));
            let other_day = DayKey::generate().unwrap().body_opener(&first, Shape::Coded).unwrap();
            prop_assert_eq!(other_day.open(0, true, &mut sealed[0].clone()), Err(SealError::Broken));
        }

        #[test]
        fn a_chunk_that_was_cut_or_altered_does_not_open(
            plain in proptest::collection::vec(any::<u8>(), 0..64),
            at in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let day = DayKey::generate().unwrap();
            let (id, sealed) = seal_all(&day, &[plain]);
            let opener = day.body_opener(&id, Shape::Coded).unwrap();
            let at = at.index(sealed[0].len());
            prop_assert_eq!(opener.open(0, true, &mut sealed[0][..at].to_vec()), Err(SealError::Broken));
            let mut altered = sealed[0].clone();
            altered[at] ^= flip;
            prop_assert_eq!(opener.open(0, true, &mut altered), Err(SealError::Broken));
        }
    }
}
