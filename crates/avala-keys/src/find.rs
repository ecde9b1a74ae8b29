//! Finding keys in bytes: what stands in a file and should not.

mod name;
mod sample;

use std::ops::Range;

use memchr::memmem;

use crate::key::{ApiKey, KeyId, LENGTH};
use crate::shape::{Shape, classify, is_placeholder};

/// A longer token is no key. It also bounds what one place can cost.
const LONGEST_TOKEN: usize = 128;
/// Fewer characters than that are a word or a sample.
const SHORTEST_BODY: usize = 16;
const HEX_KEY: usize = 40;

/// A key that stands in a text. It knows where and what it is, and not the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Where it stands, in bytes.
    pub at: Range<usize>,
    /// What it looks like. [`Shape::Unknown`] is `avk_` before random characters of a form that is not ours.
    pub shape: Shape,
    /// The public id, of a version-1 key.
    pub id: Option<KeyId>,
}

impl Found {
    /// Whether it is a key beyond doubt: its checksum says so. Others are keys by their looks and their surroundings.
    pub fn is_certain(&self) -> bool {
        self.id.is_some()
    }

    /// The part that may be shown: `avk_live_7Hk2mQ9xTbWc`, `avala_sk_…`, or `…` where nothing may.
    pub fn public_part(&self) -> String {
        if let (Shape::V1(class), Some(id)) = (self.shape, self.id) {
            return format!("avk_{class}_{id}");
        }
        let prefix = match self.shape {
            Shape::AvalaSk => "avala_sk_",
            Shape::AvalaKey => "avala_key_",
            Shape::SkLive => "sk_live_",
            Shape::DeviceToken => "dvt_",
            Shape::Hex => "",
            _ => "avk_",
        };
        format!("{prefix}…")
    }
}

/// Every key in a text, in the order of its place, in time linear in the length.
///
/// A version-1 key with the right checksum is found wherever it stands, whatever stands around it. The other published
/// shapes are found where they name Avala themselves (`avk_…`, `avala_sk_…`, `avala_key_…`), or where they are assigned
/// to an Avala name (`AVALA_API_KEY`, `X-Avala-Api-Key`, `Avala("…")`), or to `api_key` in a text that names Avala: 40
/// hexadecimal digits are a git commit anywhere else. Placeholders and samples of documentation are no keys.
pub fn keys(text: &[u8]) -> Vec<Found> {
    let mut found: Vec<Found> = memmem::find_iter(text, b"avk_")
        .filter_map(|at| version_1(text, at).or_else(|| token(text, at, "avk_", Shape::Unknown)))
        .collect();
    for (prefix, shape) in [("avala_sk_", Shape::AvalaSk), ("avala_key_", Shape::AvalaKey)] {
        found.extend(memmem::find_iter(text, prefix).filter_map(|at| token(text, at, prefix, shape)));
    }

    let surroundings = name::Surroundings::of(text);
    for (prefix, shape) in [("sk_live_", Shape::SkLive), ("dvt_", Shape::DeviceToken)] {
        let tokens = memmem::find_iter(text, prefix).filter_map(|at| token(text, at, prefix, shape));
        found.extend(tokens.filter(|token| surroundings.name_a_key_of_avala(token.at.start)));
    }
    let mut from = 0;
    while let Some(run) = next_hex_run(text, from) {
        from = run.end;
        if is_hex_key(text, &run) && surroundings.name_a_key_of_avala(run.start) {
            found.push(Found {
                at: run,
                shape: Shape::Hex,
                id: None,
            });
        }
    }
    found.sort_by_key(|found| found.at.start);
    found
}

/// A key of ours. Its neighbours do not count: no text passes the checksum by chance.
fn version_1(text: &[u8], at: usize) -> Option<Found> {
    let key = ApiKey::parse(text.get(at..at + LENGTH)?).ok()?;
    Some(Found {
        at: at..at + LENGTH,
        shape: Shape::V1(key.class()),
        id: Some(key.id()),
    })
}

/// A token that begins with a published prefix at `at`, and is neither a word nor a sample.
fn token(text: &[u8], at: usize, prefix: &str, shape: Shape) -> Option<Found> {
    if text[..at].last().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let rest = &text[at..text.len().min(at + LONGEST_TOKEN)];
    let length = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        .count();
    let token = str::from_utf8(&rest[..length]).ok()?;
    let body = token.strip_prefix(prefix)?;
    let body = ["live_", "test_", "prod_"]
        .iter()
        .find_map(|mark| body.strip_prefix(mark))
        .unwrap_or(body);
    let body = body.split(['_', '-']).next().unwrap_or(body);
    let random = body.len() >= SHORTEST_BODY
        && body.bytes().any(|byte| byte.is_ascii_digit())
        && body.bytes().any(|byte| byte.is_ascii_alphabetic());
    if !random || is_placeholder(token) || sample::is_sample(body.as_bytes()) {
        return None;
    }
    let shape = match classify(token) {
        Shape::PrefixedHex => Shape::PrefixedHex,
        _ => shape,
    };
    Some(Found {
        at: at..at + length,
        shape,
        id: None,
    })
}

/// The next run of at least 40 hexadecimal digits. Of other text, hardly more than every fortieth byte is looked at.
fn next_hex_run(text: &[u8], mut from: usize) -> Option<Range<usize>> {
    loop {
        let window = text.get(from..from + HEX_KEY)?;
        let Some(other) = window.iter().rposition(|byte| !is_hex(*byte)) else {
            let more = text[from + HEX_KEY..]
                .iter()
                .take_while(|byte| is_hex(**byte))
                .count();
            return Some(from..from + HEX_KEY + more);
        };
        from += other + 1;
    }
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_hex_key(text: &[u8], run: &Range<usize>) -> bool {
    let before = text[..run.start].last();
    let after = text.get(run.end);
    run.len() == HEX_KEY
        && !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && !after.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        && !sample::is_sample(&text[run.clone()])
}
