//! A field of a change that can be left alone, cleared or set.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Three-valued: left out of the request, sent as `null`, or sent with a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Leave the field as it is: it is not sent.
    #[default]
    Unset,
    /// Clear the field: `null` is sent.
    Null,
    /// Set the field.
    Value(T),
}

impl<T> Patch<T> {
    /// Whether the field is left as it is.
    pub const fn is_unset(&self) -> bool {
        matches!(self, Self::Unset)
    }

    /// What the field becomes, given what it is.
    pub fn apply(self, present: Option<T>) -> Option<T> {
        match self {
            Self::Unset => present,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

impl<T> From<T> for Patch<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl From<&str> for Patch<String> {
    fn from(text: &str) -> Self {
        Self::Value(text.to_owned())
    }
}

impl From<&str> for Patch<avala_keys::Secret> {
    fn from(text: &str) -> Self {
        Self::Value(text.into())
    }
}

impl<T> From<Option<T>> for Patch<T> {
    /// `None` clears.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Value)
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unset | Self::Null => serializer.serialize_none(),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}
