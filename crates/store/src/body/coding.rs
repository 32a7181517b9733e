//! How the bytes of a chunk are coded before they are sealed: as they are, or by zstd where that pays. The last byte of a
//! chunk says which; the seal covers it. Each chunk stands alone, so a part of a body is read without the rest.
//!
//! What pays was measured (ARCHITECTURE.md): base64 and text of some length at the fastest level. Pure.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use crate::{
    Result, StoreError,
    seal::{CHUNK, CODING},
};

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

const LEVEL: i32 = 1;
/// Shorter chunks stay as they are: what a short message costs is not its bytes.
const LEAST: usize = 16 << 10;
/// Coded bytes must be fewer by one in this many, or the chunk stays as it is.
const GAIN: usize = 8;
/// Bytes of a chunk that are looked at before it is coded.
const SAMPLE: usize = 512;
/// Noise repeats a byte of the sample 1 time in 256; base64, one of the densest texts, 1 time in 64.
const REPEATS: usize = SAMPLE * SAMPLE / 128;

thread_local! {
    // Their tables are large and serve chunk after chunk.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Codes the bytes of a chunk in place and says how.
pub(super) fn code(chunk: &mut Vec<u8>) {
    let coding = if chunk.len() >= LEAST && is_text(chunk) && compress(chunk) { ZSTD } else { PLAIN };
    chunk.push(coding);
}

/// Gives back what [`code`] was given.
///
/// # Errors
/// `Corrupt`: it was made by nothing this program knows, or would be longer than a chunk.
pub(super) fn decode(mut chunk: Vec<u8>) -> Result<Vec<u8>> {
    match chunk.pop() {
        Some(PLAIN) => Ok(chunk),
        Some(ZSTD) => expand(&chunk).ok_or(StoreError::Corrupt("body coding")),
        _ => Err(StoreError::Corrupt("body coding")),
    }
}

/// Whether few enough values occur that coding is worth a try: a sample is counted, the chunk is not read.
fn is_text(chunk: &[u8]) -> bool {
    let mut counts = [0_u16; 256];
    let step = (chunk.len() / SAMPLE).max(1);
    for byte in chunk.iter().step_by(step).take(SAMPLE) {
        counts[usize::from(*byte)] += 1;
    }
    counts.iter().map(|&count| usize::from(count).pow(2)).sum::<usize>() - SAMPLE.min(chunk.len()) > REPEATS
}

/// Replaces the chunk if that makes it shorter by enough.
fn compress(chunk: &mut Vec<u8>) -> bool {
    let most = chunk.len() - chunk.len() / GAIN;
    let coded = COMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Compressor::new(LEVEL).ok();
        }
        let mut coded = Vec::with_capacity(most);
        slot.as_mut()?.compress_to_buffer(chunk.as_slice(), &mut coded).ok()?;
        Some(coded)
    });
    let Some(coded) = coded else { return false };
    chunk.clear();
    chunk.extend_from_slice(&coded);
    true
}

/// At most a chunk's bytes, whatever the input claims.
fn expand(coded: &[u8]) -> Option<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Decompressor::new().ok();
        }
        let mut plain = Vec::with_capacity(CHUNK + CODING);
        slot.as_mut()?.decompress_to_buffer(coded, &mut plain).ok()?;
        (plain.len() <= CHUNK).then_some(plain)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes that look like noise: every value below `values` is as likely.
    fn noise(len: usize, values: u64) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            u8::try_from((state >> 20) % values).unwrap()
        };
        (0..len).map(|_| next()).collect()
    }

    fn coded(plain: &[u8]) -> Vec<u8> {
        let mut chunk = plain.to_vec();
        code(&mut chunk);
        chunk
    }

    #[test]
    fn what_shrinks_is_shrunk_and_noise_is_left_alone() {
        let text = b"Compte rendu de consultation. ".repeat(CHUNK / 30);
        assert!(coded(&text).len() < text.len() / 10);
        let base64_like = noise(CHUNK, 64);
        assert!(coded(&base64_like).len() < CHUNK * 8 / 10);
        let noise = noise(CHUNK, 256);
        assert!(!is_text(&noise));
        assert_eq!(coded(&noise).len(), CHUNK + CODING);
        let short = b"short".repeat(LEAST);
        assert_eq!(coded(&short[..LEAST - 1]).len(), LEAST - 1 + CODING);
        assert_eq!(coded(&[]), [PLAIN]);
    }

    #[test]
    fn what_expands_beyond_a_chunk_is_refused() {
        let bomb = zstd::bulk::compress(&vec![7; CHUNK + CODING], LEVEL).unwrap();
        for cut in [bomb.len(), 3] {
            let mut chunk = bomb[..cut].to_vec();
            chunk.push(ZSTD);
            assert_eq!(decode(chunk), Err(StoreError::Corrupt("body coding")));
        }
        for unknown in [vec![], vec![1, 2, ZSTD + 1]] {
            assert_eq!(decode(unknown), Err(StoreError::Corrupt("body coding")));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_chunk_comes_back(
            len in 0..=CHUNK,
            values in 1_u64..=256,
            repeated in 1_usize..2_000,
        ) {
            let mut plain = noise(repeated, values).repeat(len / repeated + 1);
            plain.truncate(len);
            prop_assert_eq!(decode(coded(&plain)).unwrap(), plain);
        }
    }
}
