//! From the bytes of a success to its value.

use avala_api::{Answer, Response};
use bytes::Bytes;

use crate::{Error, error::Tidy};

/// Reads a success. When it cannot be read, the place is told (`results[3].uid`) and nothing is quoted.
pub(crate) fn decode<A: Answer>(
    answer: http::Response<Bytes>,
    attempts: u32,
    tidy: Tidy<'_>,
) -> Result<Response<A>, Error> {
    let (mut parts, body) = answer.into_parts();
    // A proxy in between may repeat what it was sent.
    for (name, value) in &mut parts.headers {
        value.set_sensitive(avala_keys::redact::is_secret_name(name.as_str()));
    }
    let value = match read::<A>(&body) {
        Ok(value) => value,
        Err(reason) => return Err(Error::decode(parts.status, &parts.headers, &reason, tidy)),
    };
    Ok(Response::new(value, parts.status, parts.headers, attempts))
}

fn read<A: Answer>(body: &[u8]) -> Result<A, String> {
    // Where nothing is promised, whatever came is passed over, JSON or not.
    if A::of_nothing().is_some() || body.is_empty() {
        return A::of_nothing().ok_or_else(|| "the body is empty.".to_owned());
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    if let Ok(value) = A::deserialize(&mut json)
        && json.end().is_ok()
    {
        return Ok(value);
    }
    // Only now is it worth knowing where: following the path costs time on every field.
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let misfit = match A::deserialize(serde_path_to_error::Deserializer::new(&mut json, &mut track)) {
        Err(error) => error.classify() == serde_json::error::Category::Data,
        Ok(_) => false,
    };
    let path = if misfit {
        track.path().to_string()
    } else {
        String::new()
    };
    Err(match path.as_str() {
        "" | "." if serde_json::from_slice::<serde_json::Value>(body).is_err() => {
            "the body is not JSON.".to_owned()
        }
        "" | "." => "the body has another shape.".to_owned(),
        path => format!("`{path}` is missing something or has another type."),
    })
}
