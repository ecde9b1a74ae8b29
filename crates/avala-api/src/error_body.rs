//! Error bodies, in every shape that Avala's servers, proxies and older documentation show.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::FieldErrors;

/// The published texts. Programs match on `code`; these are for people and for the official clients.
/// Source: <https://avala.ai/docs> (authentication, errors, rate limits).
pub mod texts {
    /// 401: no key was sent.
    pub const KEY_MISSING: &str = "Authentication credentials were not provided.";
    /// 401: the key is not valid.
    pub const KEY_INVALID: &str = "Invalid API key.";
    /// 401: the key has expired.
    pub const KEY_EXPIRED: &str = "API key has expired.";
    /// 403: the key is valid, and lacks the right.
    pub const FORBIDDEN: &str = "You do not have permission to perform this action.";
    /// 404.
    pub const NOT_FOUND: &str = "Not found.";

    /// 429: too many requests.
    pub fn throttled(seconds: u64) -> String {
        format!("Request was throttled. Expected available in {seconds} seconds.")
    }
}

/// What an error answer says.
///
/// `parse` reads all of: `{"detail": "text"}` with or without `code` and `doc_url`; `{"detail": {"field": ["msg"]}}`;
/// `{"field": ["msg"]}`; `[{"loc", "msg", "type"}]`; `{"detail", "limit", "used"}`; `{"error": {"code", "message", "details"}}`; and
/// anything that is not JSON, which says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ErrorBody {
    /// The reason, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The reason, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Where the reason is explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doc_url: Option<String>,
    /// What is wrong, by field.
    #[serde(flatten)]
    pub fields: FieldErrors,
    /// 413: how much is allowed, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// 413: how much is used, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<i64>,
}

impl ErrorBody {
    /// A body with a text and a code.
    pub fn new(detail: impl Into<String>, code: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            code: Some(code.into()),
            ..Self::default()
        }
    }

    /// Reads a body. Never fails: what cannot be understood says nothing.
    pub fn parse(body: &[u8]) -> Self {
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Self::of_object(members),
            Ok(Value::Array(items)) => Self::of_list(&items),
            _ => Self::default(),
        }
    }

    fn of_object(mut members: Map<String, Value>) -> Self {
        // The old envelope: the same facts one level down.
        if let Some(Value::Object(error)) = members.get_mut("error") {
            let mut body = Self::of_field_map(error.remove("details"));
            body.detail = take_text(error, "message");
            body.code = take_text(error, "code");
            return body;
        }
        let mut body = Self {
            detail: take_text(&mut members, "detail").or_else(|| take_text(&mut members, "error")),
            code: take_text(&mut members, "code"),
            doc_url: take_text(&mut members, "doc_url"),
            limit: take_integer(&mut members, "limit"),
            used: take_integer(&mut members, "used"),
            ..Self::default()
        };
        let nested = match members.remove("detail") {
            Some(Value::Array(items)) => Self::of_list(&items),
            nested => Self::of_field_map(nested),
        };
        // Beside a text, only what looks like field errors is one: a list or an object.
        members.retain(|_, value| body.detail.is_none() || value.is_array() || value.is_object());
        body.fields = nested.fields;
        for (field, value) in members {
            collect(&mut body.fields, &field, &value);
        }
        body
    }

    fn of_field_map(value: Option<Value>) -> Self {
        let mut body = Self::default();
        if let Some(Value::Object(members)) = value {
            for (field, value) in members {
                collect(&mut body.fields, &field, &value);
            }
        }
        body
    }

    /// `[{"loc": ["body", "name"], "msg": "…"}]`, or a list of texts.
    fn of_list(items: &[Value]) -> Self {
        #[derive(Deserialize)]
        struct Item {
            #[serde(default)]
            loc: Vec<Value>,
            msg: String,
        }
        let mut body = Self::default();
        for item in items.iter().take(MOST_TEXTS) {
            if let Ok(Item { loc, msg }) = Item::deserialize(item) {
                let steps: Vec<String> = loc
                    .iter()
                    .map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned))
                    .collect();
                body.fields.add(
                    &if steps.is_empty() {
                        NO_FIELD.to_owned()
                    } else {
                        steps.join(".")
                    },
                    &msg,
                );
            } else {
                collect(&mut body.fields, NO_FIELD, item);
            }
        }
        body
    }
}

/// Django's name for errors that belong to no single field.
const NO_FIELD: &str = "non_field_errors";

/// Takes a member if it is a text; a field of that name with errors stays.
fn take_text(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    let text = members.get(name)?.as_str()?.to_owned();
    members.remove(name);
    Some(text)
}

fn take_integer(members: &mut Map<String, Value>, name: &str) -> Option<i64> {
    let number = members.get(name)?.as_i64()?;
    members.remove(name);
    Some(number)
}

/// How many texts are taken from one body, and how long a field's name may grow: a body may nest without end.
const MOST_TEXTS: usize = 100;
const LONGEST_NAME: usize = 200;

impl<'de> Deserialize<'de> for FieldErrors {
    /// Texts, lists and nested objects are taken; what says nothing is passed over.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(ErrorBody::of_field_map(Some(Value::deserialize(deserializer)?)).fields)
    }
}

/// Texts of a field, nested ones under a dotted name.
fn collect(errors: &mut FieldErrors, field: &str, value: &Value) {
    if field.len() > LONGEST_NAME || errors.0.len() >= MOST_TEXTS {
        return;
    }
    match value {
        Value::String(text) => errors.add(field, text),
        Value::Array(items) => items
            .iter()
            .take(MOST_TEXTS)
            .for_each(|item| collect(errors, field, item)),
        Value::Object(members) => {
            for (name, nested) in members.iter().take(MOST_TEXTS) {
                collect(errors, &format!("{field}.{name}"), nested);
            }
        }
        _ => {}
    }
}
