//! The key in the value of a secret: all of it, or a field of a JSON object.

use std::collections::BTreeMap;

use avala_api::Secret;
use serde_json::Value;

use super::super::ProviderError;

/// The whole text, or this field of it.
pub(super) fn key(text: Secret, field: Option<&str>) -> Result<Secret, ProviderError> {
    let object: Option<BTreeMap<String, Value>> = serde_json::from_str(text.expose()).ok();
    let (mut object, field) = match (object, field) {
        (None, None) => return Ok(text),
        (Some(object), None) => {
            return Err(ProviderError::new(format!(
                "it holds a JSON object, and no field of it was named; there are {}",
                names(&object)
            ))
            .with_hint("Name the field of the key with .field(…)."));
        }
        (None, Some(field)) => {
            return Err(
                ProviderError::new(format!("it holds no JSON object, so no field {field} either"))
                    .with_hint("Leave .field(…) out if the whole secret is the key."),
            );
        }
        (Some(object), Some(field)) => (object, field),
    };
    match object.remove(field) {
        Some(Value::String(key)) => Ok(key.into()),
        Some(_) => Err(ProviderError::new(format!("its field {field} is no text"))),
        None => Err(
            ProviderError::new(format!("it has no field {field}; there are {}", names(&object)))
                .with_hint("Name the field of the key with .field(…)."),
        ),
    }
}

fn names(object: &BTreeMap<String, Value>) -> String {
    if object.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, field: Option<&str>) -> String {
        match key(text.into(), field) {
            Ok(key) => key.expose().to_owned(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn a_key_is_the_whole_text_or_the_named_field() {
        let object = r#"{"api_key":"avk_a","user":"anna","port":1}"#;
        assert_eq!(told("avk_a\n", None), "avk_a\n");
        assert_eq!(told(object, Some("api_key")), "avk_a");
        for (text, field, says) in [
            (object, None, "there are api_key, port, user"),
            (object, Some("key"), "no field key; there are api_key, port, user"),
            (object, Some("port"), "field port is no text"),
            ("{}", None, "there are none"),
            ("avk_a", Some("api_key"), "no JSON object"),
            (r#"["avk_a"]"#, Some("api_key"), "no JSON object"),
        ] {
            let told = told(text, field);
            assert!(
                told.contains(says) && !told.contains("avk_a") && !told.contains("anna"),
                "{told}"
            );
        }
    }
}
