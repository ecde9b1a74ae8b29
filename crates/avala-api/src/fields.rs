//! Reading an operation from a request: every bad field is found, and none is quoted back.

use std::{collections::BTreeMap, fmt};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{Patch, QueryValue, parameters::pairs, unique_members::Unique};

/// A request as a server received it, its path already matched and decoded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Incoming<'a> {
    /// The path's parameters, percent-decoded, by name.
    pub path: &'a [(&'a str, &'a str)],
    /// The query string, still encoded, without `?`.
    pub query: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// Why a request is not a call of the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The body is not a JSON object.
    Malformed,
    /// Some fields are missing or have a value that cannot be.
    Fields(FieldErrors),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the body is not a JSON object"),
            Self::Fields(errors) => write!(f, "{errors}"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// What is wrong, by field: `{"target_url": ["This field is required."]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FieldErrors(pub BTreeMap<String, Vec<String>>);

impl FieldErrors {
    /// One field's error.
    pub fn one(field: &str, message: &str) -> Self {
        let mut errors = Self::default();
        errors.add(field, message);
        errors
    }

    /// Adds an error to a field.
    pub fn add(&mut self, field: &str, message: &str) {
        self.0
            .entry(field.to_owned())
            .or_default()
            .push(message.to_owned());
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (field, messages)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{field}: {}", messages.join(" "))?;
        }
        Ok(())
    }
}

/// Whether a body field stays out of the request.
#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference to the field, which is one itself"
)]
pub(crate) fn is_unset<T: Unset>(field: &&T) -> bool {
    field.is_unset()
}

/// A field's name on the wire: `r#type` is a raw identifier only in Rust.
pub(crate) fn wire_name(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

pub(crate) trait Unset {
    fn is_unset(&self) -> bool;
}

impl<T> Unset for Option<T> {
    fn is_unset(&self) -> bool {
        self.is_none()
    }
}

impl<T> Unset for Patch<T> {
    fn is_unset(&self) -> bool {
        Patch::is_unset(self)
    }
}

/// Reads field after field and gathers what is wrong.
pub(crate) struct Fields<'a> {
    incoming: &'a Incoming<'a>,
    query: Vec<(String, String)>,
    body: Map<String, Value>,
    malformed: bool,
    refuses_unknown: bool,
    errors: FieldErrors,
}

/// Proof that no error was found.
pub(crate) struct NoErrors(());

impl<'a> Fields<'a> {
    pub(crate) fn new(incoming: &'a Incoming<'a>) -> Self {
        Self {
            incoming,
            query: pairs(incoming.query).collect(),
            body: Map::new(),
            malformed: false,
            refuses_unknown: false,
            errors: FieldErrors::default(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.incoming
            .path
            .iter()
            .find(|(given, _)| *given == name)
            .map_or_else(String::new, |(_, value)| (*value).to_owned())
    }

    pub(crate) fn query<T: QueryValue>(&mut self, name: &str) -> Option<T> {
        let (_, text) = self.query.iter().find(|(given, _)| given == name)?;
        let value = T::from_query(text);
        if value.is_none() {
            self.errors.add(name, "Not a valid value.");
        }
        value
    }

    pub(crate) fn read_body(&mut self) {
        // A call that sends nothing is a call with no fields: the official clients leave the body out.
        let body = if self.incoming.body.is_empty() {
            b"{}"
        } else {
            self.incoming.body
        };
        match serde_json::from_slice(body) {
            Ok(Unique(Value::Object(members))) => self.body = members,
            _ => self.malformed = true,
        }
    }

    /// Members that nobody asks for are an error, too: what is ignored could be taken for done.
    pub(crate) fn refuse(&mut self, _unknown: &str) {
        self.refuses_unknown = true;
    }

    pub(crate) fn required<T: DeserializeOwned + Serialize>(&mut self, name: &str) -> Option<T> {
        match self.body.remove(name) {
            None => {
                self.errors.add(name, "This field is required.");
                None
            }
            Some(value) => self.not_null(name, value),
        }
    }

    pub(crate) fn optional<T: DeserializeOwned + Serialize>(&mut self, name: &str) -> Option<T> {
        let value = self.body.remove(name)?;
        self.not_null(name, value)
    }

    pub(crate) fn nullable<T: DeserializeOwned + Serialize>(&mut self, name: &str) -> Patch<T> {
        match self.body.remove(name) {
            None => Patch::Unset,
            Some(Value::Null) => Patch::Null,
            Some(value) => self.not_null(name, value).map_or(Patch::Unset, Patch::Value),
        }
    }

    fn not_null<T: DeserializeOwned + Serialize>(&mut self, name: &str, value: Value) -> Option<T> {
        if value.is_null() {
            self.errors.add(name, "This field may not be null.");
            return None;
        }
        let given = self.refuses_unknown.then(|| value.clone());
        let read: Option<T> = serde_json::from_value(value).ok();
        let Some(read) = read else {
            self.errors.add(name, "Not a valid value.");
            return None;
        };
        if let Some(given) = given
            && !serde_json::to_value(&read).is_ok_and(|read| has_all_members(&given, &read))
        {
            self.errors
                .add(name, "There are members that this field does not have.");
        }
        Some(read)
    }

    pub(crate) fn finish(mut self) -> Result<NoErrors, DecodeError> {
        if self.refuses_unknown && !self.body.is_empty() {
            self.errors.add(
                "non_field_errors",
                "There are fields that this operation does not have.",
            );
        }
        if self.malformed {
            Err(DecodeError::Malformed)
        } else if self.errors.is_empty() {
            Ok(NoErrors(()))
        } else {
            Err(DecodeError::Fields(self.errors))
        }
    }
}

impl NoErrors {
    /// A required field; absent only if `finish` failed, which it did not.
    #[allow(clippy::unused_self, reason = "holding the proof is the point")]
    pub(crate) fn take<T>(&self, field: Option<T>) -> Result<T, DecodeError> {
        field.ok_or(DecodeError::Malformed)
    }
}

/// Whether every member that was given is one that the value has, at any depth.
fn has_all_members(given: &Value, read: &Value) -> bool {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => given
            .iter()
            .all(|(name, given)| read.get(name).is_some_and(|read| has_all_members(given, read))),
        (Value::Array(given), Value::Array(read)) => given
            .iter()
            .zip(read)
            .all(|(given, read)| has_all_members(given, read)),
        _ => true,
    }
}
