//! The audit: who did what, as a chain of which no line can be altered, taken out or moved without being noticed.
//!
//! Each line has `SHA-256(hash of the line before, position, fields)`. Who can write the database can also write a whole
//! new chain, or leave out its end: that is seen against a [`Head`] that was kept elsewhere, and against nothing else.

mod export;
mod refusals;

use std::{fmt, str::FromStr};

pub use self::export::Format;
pub(crate) use self::refusals::Refusals;
use crate::{
    hex,
    keys::Authority,
    store::{
        Store, StoreError,
        audit::{self, Chained, Hash, NONE_BEFORE},
    },
};

/// The audit of a server, running or not.
#[derive(Clone, Debug)]
pub struct Audit(Store);

/// The end of the chain: the hash of a line, and how many lines lead to it. Kept elsewhere, it shows whether the chain
/// still has them. Written as `HASH:COUNT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    hash: Hash,
    count: u64,
}

/// The text is not a [`Head`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected HASH:COUNT, as the head of an audit is written")]
pub struct InvalidHead;

/// A chain that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Whole {
    /// Its end.
    pub head: Head,
    /// How many lines are older than the chain, and in no way protected.
    pub before: u64,
}

/// Why the audit is not what was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The first line that does not fit to the ones before.
    #[error("line {0} was altered, moved or put in")]
    Altered(i64),
    /// The first line that is not there.
    #[error("line {0} is missing")]
    Missing(i64),
    /// The chain is whole, but its line at the place of a head has another hash.
    #[error("the chain up to line {0} is another one than that of the head")]
    OtherChain(i64),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Audit {
    /// The audit that this authority writes to.
    pub fn of(authority: &Authority) -> Self {
        Self(authority.store().clone())
    }

    /// The end of the chain, as the database says, unchecked.
    pub async fn head(&self) -> Result<Head, StoreError> {
        let chain = audit::chain(self.0.reader()).await?;
        let damaged =
            || StoreError::damaged("the head of the audit has not 32 bytes, or counts less than nothing");
        Ok(Head {
            hash: chain.head.try_into().map_err(|_| damaged())?,
            count: chain.count.try_into().map_err(|_| damaged())?,
        })
    }

    /// Walks the whole chain, and names the first line that is wrong. With heads that were kept elsewhere, it must lead to
    /// each of them.
    pub async fn verify(&self, kept: &[Head]) -> Result<Whole, AuditError> {
        let reader = self.0.reader();
        // First: lines that are written from now on are not counted in it.
        let said = self.head().await?;
        let start = audit::chain(reader).await?.start;
        let mut walk = Walk {
            start,
            before: 0,
            head: Head {
                hash: NONE_BEFORE,
                count: 0,
            },
            landmarks: kept.iter().chain([&said]).collect(),
        };
        walk.compare()?;
        let mut position = i64::MIN;
        loop {
            let lines = audit::after(reader, position).await?;
            let Some(last) = lines.last() else {
                let whole = walk.end()?;
                // Whatever was written meanwhile, the database counts at least what was passed.
                let now = self.head().await?;
                return if now.count < whole.head.count {
                    Err(AuditError::OtherChain(start.saturating_add_unsigned(now.count)))
                } else {
                    Ok(whole)
                };
            };
            position = last.position;
            for line in &lines {
                walk.step(line)?;
            }
        }
    }
}

/// The way along the chain.
struct Walk<'a> {
    start: i64,
    before: u64,
    /// What was passed last.
    head: Head,
    /// What the way must lead by.
    landmarks: Vec<&'a Head>,
}

impl Walk<'_> {
    fn step(&mut self, line: &Chained) -> Result<(), AuditError> {
        let position = line.position;
        if position <= self.start {
            self.before += 1;
            return match line.hash {
                None => Ok(()),
                Some(_) => Err(AuditError::Altered(position)),
            };
        }
        let next = self.next();
        if position != next {
            return Err(AuditError::Missing(next));
        }
        let expected = line.expected(&self.head.hash);
        if line.hash.as_deref() != Some(&expected[..]) {
            return Err(AuditError::Altered(position));
        }
        self.head = Head {
            hash: expected,
            count: self.head.count + 1,
        };
        self.compare()
    }

    fn compare(&self) -> Result<(), AuditError> {
        let is_other = |kept: &&Head| kept.count == self.head.count && kept.hash != self.head.hash;
        if self.landmarks.iter().any(is_other) {
            return Err(AuditError::OtherChain(self.next() - 1));
        }
        Ok(())
    }

    fn end(self) -> Result<Whole, AuditError> {
        if self.landmarks.iter().any(|kept| kept.count > self.head.count) {
            return Err(AuditError::Missing(self.next()));
        }
        Ok(Whole {
            head: self.head,
            before: self.before,
        })
    }

    /// The position of the next line.
    fn next(&self) -> i64 {
        self.start
            .saturating_add_unsigned(self.head.count)
            .saturating_add(1)
    }
}

impl Head {
    /// How many lines lead to it.
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", hex::encode(&self.hash), self.count)
    }
}

impl FromStr for Head {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        let (hash, count) = text.split_once(':').ok_or(InvalidHead)?;
        let hash = hex::decode(hash).and_then(|bytes| bytes.try_into().ok());
        Ok(Self {
            hash: hash.ok_or(InvalidHead)?,
            count: count.parse().map_err(|_| InvalidHead)?,
        })
    }
}
