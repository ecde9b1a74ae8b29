//! The version-1 key: its parts, its parser, its checksum and its generation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use crate::randomness::{BASE62, Randomness, RandomnessFailed, fill_base62};
use crate::secret::Secret;

/// The version of a key is its length: another length is another version.
pub(crate) const LENGTH: usize = 60;
const ID_LENGTH: usize = 12;
const CHECKSUM_LENGTH: usize = 6;
/// `avk_live_` and `avk_test_` are equally long.
const ID_AT: usize = 9;
const SECRET_AT: usize = ID_AT + ID_LENGTH + 1;
const CHECKSUM_AT: usize = LENGTH - CHECKSUM_LENGTH;

/// What a key is for. A `test` key never opens a live server, nor the reverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Production data.
    Live,
    /// Development and trial data.
    Test,
}

impl Class {
    /// The word inside the key: `live` or `test`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    const fn prefix(self) -> &'static [u8; ID_AT] {
        match self {
            Self::Live => b"avk_live_",
            Self::Test => b"avk_test_",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Class {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err(Malformed::Class),
        }
    }
}

/// The public id of a key: 12 base62 characters, safe to show and to log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; ID_LENGTH]);

impl KeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Only base62 gets in, so this never falls back.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let id: [u8; ID_LENGTH] = bytes.try_into().map_err(|_| Malformed::Length)?;
        if !is_base62(&id) {
            return Err(Malformed::Alphabet);
        }
        Ok(Self(id))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.as_str())
    }
}

impl FromStr for KeyId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::parse(text.as_bytes())
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Somebody may have put a whole key here; it is wiped, and the error does not quote it.
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        text.parse().map_err(de::Error::custom)
    }
}

/// Why bytes are not a version-1 key. Never holds any part of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// Not of the required length (60 for a key, 12 for its id).
    Length,
    /// Does not start with `avk_`.
    Prefix,
    /// The class is neither `live` nor `test`.
    Class,
    /// The id and the secret are not separated by `_`.
    Separator,
    /// The id, the secret or the checksum has a character that is not an ASCII letter or digit.
    Alphabet,
    /// The last six characters are not the checksum of the rest: mistyped, or altered on the way.
    Checksum,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "wrong length",
            Self::Prefix => "does not start with `avk_`",
            Self::Class => "the class is neither `live` nor `test`",
            Self::Separator => "no `_` between id and secret",
            Self::Alphabet => "a character is not an ASCII letter or digit",
            Self::Checksum => "the checksum does not match: mistyped or cut and filled",
        })
    }
}

impl std::error::Error for Malformed {}

/// A well-formed version-1 key. Well-formed is all it says: only a server knows whether it opens anything.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    text: Secret,
    class: Class,
    id: KeyId,
}

impl ApiKey {
    /// Reads a key exactly as it was issued: nothing is trimmed, unquoted or case-folded.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let (class, id) = parts(bytes)?;
        if checksum(&bytes[..CHECKSUM_AT]) != bytes[CHECKSUM_AT..] {
            return Err(Malformed::Checksum);
        }
        // `parts` let only ASCII through.
        let text = str::from_utf8(bytes).map_err(|_| Malformed::Alphabet)?;
        Ok(Self {
            text: Secret::from(text),
            class,
            id,
        })
    }

    /// Makes a new key. Id and secret are uniform; a failing source gives an error and no key.
    pub fn generate(class: Class, source: &mut impl Randomness) -> Result<Self, RandomnessFailed> {
        let mut characters = Zeroizing::new([0_u8; ID_LENGTH + CHECKSUM_AT - SECRET_AT]);
        fill_base62(characters.as_mut(), source)?;
        let (id, secret) = characters.split_at(ID_LENGTH);

        let mut key = Zeroizing::new(Vec::with_capacity(LENGTH));
        key.extend_from_slice(class.prefix());
        key.extend_from_slice(id);
        key.push(b'_');
        key.extend_from_slice(secret);
        let sum = checksum(&key);
        key.extend_from_slice(&sum);
        Self::parse(&key).map_err(|_| RandomnessFailed)
    }

    /// The public id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What the key is for.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The part that may be shown: `avk_live_7Hk2mQ9xTbWc`.
    pub fn prefix(&self) -> String {
        format!("avk_{}_{}", self.class, self.id)
    }

    /// The whole key.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The whole key as a secret that no longer remembers its parts.
    pub fn into_secret(self) -> Secret {
        self.text
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.prefix())
    }
}

/// Everything but the checksum.
fn parts(bytes: &[u8]) -> Result<(Class, KeyId), Malformed> {
    if bytes.len() != LENGTH {
        return Err(Malformed::Length);
    }
    if !bytes.starts_with(b"avk_") {
        return Err(Malformed::Prefix);
    }
    let class = [Class::Live, Class::Test]
        .into_iter()
        .find(|class| bytes.starts_with(class.prefix()))
        .ok_or(Malformed::Class)?;
    let id = KeyId::parse(&bytes[ID_AT..ID_AT + ID_LENGTH])?;
    if bytes[SECRET_AT - 1] != b'_' {
        return Err(Malformed::Separator);
    }
    if !is_base62(&bytes[SECRET_AT..]) {
        return Err(Malformed::Alphabet);
    }
    Ok((class, id))
}

fn is_base62(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_alphanumeric)
}

/// CRC32 as six zero-padded base62 digits, most significant first. 62⁶ exceeds 2³², so every value fits.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let mut rest = crc32fast::hash(bytes);
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}
