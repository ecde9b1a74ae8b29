//! The config of an inference provider: what it must say, what is shown of it, and the call it describes.

use std::time::Duration;

use avala_api::{FieldErrors, inference_providers::ProviderType};
use avala_keys::redact::{self, REDACTED};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    },
};
use serde_json::{Map, Value};
use url::{Origin, Url};

use super::{bucket_fields::is_region, event_targets::check_url};
use crate::context::Context;

const MOST_BYTES: usize = 16 * 1024;
const MOST_HEADERS: usize = 32;
const LONGEST_TEXT: usize = 255;
/// In seconds.
const LONGEST_TIMEOUT: f64 = 300.0;

/// Headers that belong to the connection, or say where a request ends or goes.
const NOT_THEIRS: [HeaderName; 8] = [
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

const NOT_TEXT: &str = "Not a valid string.";

/// Checks a config as a whole. Members that nobody knows are kept.
pub(super) fn check(
    context: &Context,
    provider_type: &ProviderType,
    config: &Map<String, Value>,
    errors: &mut FieldErrors,
) {
    if serde_json::to_vec(config).is_ok_and(|text| text.len() > MOST_BYTES) {
        errors.add("config", "Ensure this field has no more than 16384 bytes.");
    }
    if config.values().any(holds_marker) {
        errors.add(
            "config",
            "Give the values that read [redacted] anew: stored ones are kept only where they stood, and only for the same \
             endpoint.",
        );
    }
    match provider_type {
        ProviderType::Http => check_http(context, config, errors),
        ProviderType::Sagemaker => check_sagemaker(config, errors),
        _ => errors.add("provider_type", "Must be http or sagemaker."),
    }
}

fn check_http(context: &Context, config: &Map<String, Value>, errors: &mut FieldErrors) {
    match given(config, "endpoint_url") {
        None => errors.add("config.endpoint_url", "This field is required."),
        Some(Value::String(url)) => check_url(context, "config.endpoint_url", url, errors),
        Some(_) => errors.add("config.endpoint_url", NOT_TEXT),
    }
    for (member, field) in [
        ("auth_type", "config.auth_type"),
        ("response_key", "config.response_key"),
    ] {
        match given(config, member) {
            None => {}
            Some(Value::String(text)) if text.len() <= LONGEST_TEXT => {}
            Some(_) => errors.add(field, NOT_TEXT),
        }
    }
    if given(config, "auth_header").is_some() && authorization(config).is_none() {
        errors.add("config.auth_header", "Not the value of a header.");
    }
    if given(config, "headers").is_some() && headers(config).is_none() {
        errors.add(
            "config.headers",
            "Must be up to 32 headers by name, none of which belongs to the connection.",
        );
    }
    let is_timeout = |value: &Value| {
        value
            .as_f64()
            .is_some_and(|seconds| 0.0 < seconds && seconds <= LONGEST_TIMEOUT)
    };
    if given(config, "timeout").is_some_and(|value| !is_timeout(value)) {
        errors.add("config.timeout", "Must be a number of seconds, at most 300.");
    }
}

fn check_sagemaker(config: &Map<String, Value>, errors: &mut FieldErrors) {
    let is_endpoint = |name: &str| {
        (1..=63).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    for (member, field, is_valid) in [
        (
            "endpoint_name",
            "config.endpoint_name",
            &is_endpoint as &dyn Fn(&str) -> bool,
        ),
        ("region", "config.region", &is_region),
    ] {
        match given(config, member).map(Value::as_str) {
            None => errors.add(field, "This field is required."),
            Some(Some(text)) if is_valid(text) => {}
            Some(_) => errors.add(field, "Not a valid value."),
        }
    }
}

/// The config as it is answered: without secrets. Any header and any parameter of the endpoint may be one, under
/// whatever name.
pub(super) fn shown(config: &Map<String, Value>) -> Map<String, Value> {
    let mut value = Value::Object(config.clone());
    redact::json(&mut value);
    let Value::Object(mut members) = value else {
        return Map::new();
    };
    if let Some(Value::Object(headers)) = members.get_mut("headers") {
        headers.values_mut().for_each(|value| *value = REDACTED.into());
    }
    if let Some(Value::String(url)) = members.get_mut("endpoint_url")
        && let Some((rest, query)) = url.split_once('?')
    {
        *url = format!("{rest}?{}", shown_query(query));
    }
    members
}

/// A query with its names only.
fn shown_query(query: &str) -> String {
    let shown = query.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, _)) => format!("{name}={REDACTED}"),
        None if parameter.is_empty() => String::new(),
        None => REDACTED.to_owned(),
    });
    shown.collect::<Vec<_>>().join("&")
}

/// The config that was given, with the stored secrets where it brings back what was shown of them: who reads, changes
/// one member and writes all must not lose a secret. A secret stays with its endpoint: otherwise whoever may change the
/// endpoint could have it sent to themselves.
pub(super) fn with_stored_secrets(
    given: Map<String, Value>,
    stored: &Map<String, Value>,
) -> Map<String, Value> {
    let shown = shown(stored);
    let same_endpoint =
        given.get("endpoint_url") == shown.get("endpoint_url") || origin(&given) == origin(stored);
    if !same_endpoint {
        return given;
    }
    given
        .into_iter()
        .map(|(name, value)| {
            let value = match (stored.get(&name), shown.get(&name)) {
                (Some(stored), Some(shown)) => restored(value, stored, shown),
                _ => value,
            };
            (name, value)
        })
        .collect()
}

fn restored(given: Value, stored: &Value, shown: &Value) -> Value {
    if given == *shown {
        return stored.clone();
    }
    match (given, stored, shown) {
        (Value::Object(given), Value::Object(stored), Value::Object(shown)) => given
            .into_iter()
            .map(|(name, value)| {
                let value = match (stored.get(&name), shown.get(&name)) {
                    (Some(stored), Some(shown)) => restored(value, stored, shown),
                    _ => value,
                };
                (name, value)
            })
            .collect(),
        (given, ..) => given,
    }
}

/// The call that tests an HTTP provider, and how long it may take. `None` if the config does not describe one.
pub(super) fn test_call(config: &Map<String, Value>) -> Option<(Request<Bytes>, Duration)> {
    let url = Url::parse(given(config, "endpoint_url")?.as_str()?).ok()?;
    let timeout = given(config, "timeout")
        .and_then(Value::as_f64)
        .unwrap_or(LONGEST_TIMEOUT);
    let mut request = Request::post(url.as_str())
        .header(CONTENT_TYPE, "application/json")
        .body(Bytes::from_static(br#"{"test":true}"#))
        .ok()?;
    request.headers_mut().extend(headers(config)?);
    if let Some(authorization) = authorization(config) {
        request.headers_mut().insert(AUTHORIZATION, authorization);
    }
    Some((request, Duration::try_from_secs_f64(timeout).ok()?))
}

/// `Authorization`, from `auth_header`: with the scheme that `auth_type` names, unless it has one already.
fn authorization(config: &Map<String, Value>) -> Option<HeaderValue> {
    let text = given(config, "auth_header")?.as_str()?;
    let scheme = match given(config, "auth_type").and_then(Value::as_str) {
        Some(named) if named.eq_ignore_ascii_case("bearer") && !text.contains(' ') => "Bearer ",
        Some(named) if named.eq_ignore_ascii_case("basic") && !text.contains(' ') => "Basic ",
        _ => "",
    };
    secret_value(&format!("{scheme}{text}"))
}

/// `headers`; none if there are none, `None` if one cannot be sent.
fn headers(config: &Map<String, Value>) -> Option<HeaderMap> {
    let Some(given) = given(config, "headers") else {
        return Some(HeaderMap::new());
    };
    let given = given.as_object().filter(|given| given.len() <= MOST_HEADERS)?;
    let header = |(name, value): (&String, &Value)| {
        let name: HeaderName = name.parse().ok()?;
        let value = secret_value(value.as_str()?)?;
        (!NOT_THEIRS.contains(&name) && !name.as_str().starts_with("proxy-")).then_some((name, value))
    };
    given.iter().map(header).collect()
}

fn secret_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A member that is there and not null.
fn given<'a>(config: &'a Map<String, Value>, member: &str) -> Option<&'a Value> {
    config.get(member).filter(|value| !value.is_null())
}

fn origin(config: &Map<String, Value>) -> Option<Origin> {
    Url::parse(config.get("endpoint_url")?.as_str()?)
        .ok()
        .map(|url| url.origin())
}

fn holds_marker(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(REDACTED),
        Value::Array(items) => items.iter().any(holds_marker),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.contains(REDACTED) || holds_marker(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
