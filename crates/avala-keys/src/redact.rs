//! Taking secrets out of what people will read: by shape in text, by name in JSON.

mod assignment;
mod names;
mod scanner;
mod shapes;

use std::borrow::Cow;

use serde_json::{Map, Value};

pub use names::is_secret_name;

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// Replaces every secret in free text, in time linear in its length. Borrows when there is nothing to replace.
///
/// Found are the shapes of Avala's, AWS's and Google's credentials, JSON web tokens, private-key blocks, userinfo of
/// URLs, ARNs, 64 hexadecimal digits, and whatever is assigned to a secret name (`api_key=…`, `"password": "…"`,
/// `X-Avala-Api-Key: …`, `--token …`). 40 hexadecimal digits are a key beside such a name and a git commit elsewhere.
///
/// Public ids of keys (`avk_live_7Hk2mQ9xTbWc`) and placeholders (`avk_your_api_key`) stay readable.
pub fn text(text: &str) -> Cow<'_, str> {
    scanner::redact(text, "")
}

/// Replaces every secret in a JSON value, in place.
///
/// A value under a secret name ([`is_secret_name`]) is replaced whole, be it a number, an array or an object; only
/// `null` stays. All other strings, and the names themselves, go through [`text`].
pub fn json(value: &mut Value) {
    json_under("", value);
}

fn json_under(name: &str, value: &mut Value) {
    match value {
        Value::Null => {}
        _ if is_secret_name(name) => *value = Value::from(REDACTED),
        Value::String(string) => {
            if let Cow::Owned(clean) = scanner::redact(string, name) {
                *string = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| json_under(name, item)),
        Value::Object(members) => {
            members
                .iter_mut()
                .for_each(|(name, member)| json_under(name, member));
            if members.keys().any(|name| matches!(text(name), Cow::Owned(_))) {
                let dirty: Map<String, Value> = std::mem::take(members);
                members.extend(
                    dirty
                        .into_iter()
                        .map(|(name, member)| (text(&name).into_owned(), member)),
                );
            }
        }
        Value::Bool(_) | Value::Number(_) => {}
    }
}
