//! The seam through which random bytes come in, and unbiased base62 characters made from them.

use std::fmt;

use zeroize::Zeroizing;

pub(crate) const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Bytes at or above the largest multiple of 62 would favour the first characters: they are thrown away.
const ACCEPTED_BELOW: u8 = 248;

/// 3 % of bytes are thrown away, so one block of 64 nearly always gives the 44 characters of a key.
const BLOCK: usize = 64;

/// A sound generator needs a second block once in billions of keys; one that needs this many is broken.
const BLOCKS_AT_MOST: usize = 8;

/// A source of random bytes fit for secrets. Closures of the same shape are sources too.
pub trait Randomness {
    /// Fills the whole buffer or fails.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessFailed>;
}

impl<F: FnMut(&mut [u8]) -> Result<(), RandomnessFailed>> Randomness for F {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessFailed> {
        self(bytes)
    }
}

/// The random source failed or is visibly broken. Nothing is made from a weaker source instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomnessFailed;

impl fmt::Display for RandomnessFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the source of random numbers failed")
    }
}

impl std::error::Error for RandomnessFailed {}

/// Fills `characters` with uniformly distributed base62 characters.
///
/// A block in which every byte is the same is refused: it is what a source leaves behind that returned without writing.
pub(crate) fn fill_base62(
    characters: &mut [u8],
    source: &mut impl Randomness,
) -> Result<(), RandomnessFailed> {
    let mut block = Zeroizing::new([0_u8; BLOCK]);
    let mut wanted = characters.iter_mut();
    for _ in 0..BLOCKS_AT_MOST {
        source.fill(block.as_mut())?;
        if block.iter().all(|byte| *byte == block[0]) {
            return Err(RandomnessFailed);
        }
        for byte in block.iter().filter(|byte| **byte < ACCEPTED_BELOW) {
            match wanted.next() {
                Some(character) => *character = BASE62[usize::from(byte % 62)],
                None => return Ok(()),
            }
        }
        if wanted.len() == 0 {
            return Ok(());
        }
    }
    Err(RandomnessFailed)
}
