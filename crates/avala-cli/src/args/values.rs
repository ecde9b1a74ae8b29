//! Values that are typed in a form of their own. Errors never quote the value: clap does where that is safe.

use std::time::Duration;

use avala_api::{Scope, api_keys::ApiKeyId};
use avala_keys::KeyId;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::{Span, SpanRelativeTo};

use super::KeyCondition;

/// `30`, `30s`, `1m30s`, `500ms`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
    let duration = seconds.or_else(|| text.parse::<jiff::SignedDuration>().ok()?.try_into().ok());
    match duration {
        Some(Duration::ZERO) => Err("a time of nothing is too short for anything".to_owned()),
        Some(duration) => Ok(duration),
        None => Err("expected a time such as 30s, 2m or 500ms".to_owned()),
    }
}

/// `90d`, `12h`, `2w`. A number alone could be days or seconds, so it is neither.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    span(text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "expected a time such as 90d, 2w or 12h".to_owned())
}

/// Whole seconds: `24h`, `90m`, or `0` for none at all.
pub(super) fn grace(text: &str) -> Result<u32, String> {
    let time = if text == "0" {
        Some(Duration::ZERO)
    } else {
        span(text)
    };
    time.filter(|time| time.subsec_nanos() == 0)
        .and_then(|time| u32::try_from(time.as_secs()).ok())
        .ok_or_else(|| "expected a time of whole seconds such as 24h or 90m, or 0".to_owned())
}

/// The same, and long enough to finish what needs it.
pub(super) fn some_grace(text: &str) -> Result<u32, String> {
    match grace(text)? {
        0..60 => Err("expected a minute at least: an interruption would cost the key".to_owned()),
        seconds => Ok(seconds),
    }
}

/// A time that is not before now, in units up to weeks, of days that have 24 hours.
fn span(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    let is_calendar = span.get_years() != 0 || span.get_months() != 0;
    let time = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    time.try_into().ok().filter(|_| !is_calendar)
}

/// A scope by its name.
pub(super) fn scope() -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(Scope::ALL.iter().map(|scope| scope.as_str()))
        .try_map(|name| name.parse::<Scope>())
}

/// `environment=ci`, `unused-since=2026-01-31T00:00:00Z`.
pub(super) fn key_condition(text: &str) -> Result<KeyCondition, String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let time = || {
        value
            .parse()
            .map_err(|_| format!("{name} needs an instant such as 2026-01-31T00:00:00Z"))
    };
    match name {
        _ if value.is_empty() => Err("expected NAME=VALUE".to_owned()),
        "environment" => Ok(KeyCondition::Environment(value.to_owned())),
        "owner" => Ok(KeyCondition::Owner(value.into())),
        "state" => Ok(KeyCondition::State(value.into())),
        "created-before" => Ok(KeyCondition::CreatedBefore(time()?)),
        "unused-since" => Ok(KeyCondition::UnusedSince(time()?)),
        "legacy" => value
            .parse()
            .map(KeyCondition::Legacy)
            .map_err(|_| "legacy is true or false".to_owned()),
        _ => Err("expected environment, owner, state, created-before, unused-since or legacy".to_owned()),
    }
}

/// `7Hk2mQ9xTbWc`, or what the key begins with. A whole key is refused: it must not get into a URL.
pub(super) fn api_key_id(text: &str) -> Result<ApiKeyId, String> {
    let id = ["avk_live_", "avk_test_"]
        .into_iter()
        .find_map(|prefix| text.strip_prefix(prefix));
    let id: Result<KeyId, _> = id.unwrap_or(text).parse();
    id.map(|id| id.as_str().into()).map_err(|_| {
        "expected a key's id: the 12 characters after `avk_live_` or `avk_test_`, never the whole key"
            .to_owned()
    })
}

/// Any text, never to be shown.
#[cfg(feature = "server")]
#[allow(clippy::unnecessary_wraps, reason = "the form of a value parser")]
pub(super) fn secret(text: &str) -> Result<avala_keys::Secret, String> {
    Ok(text.into())
}

/// `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`.
#[cfg(feature = "server")]
pub(super) fn bind_address(text: &str) -> Result<std::net::SocketAddr, String> {
    let numeric = text
        .strip_prefix("localhost:")
        .map(|port| format!("127.0.0.1:{port}"));
    numeric
        .as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| "expected an IP address and a port, such as 127.0.0.1:8000".to_owned())
}

/// `dataset:3f1c9a`, or `project:…`.
pub(super) fn resource(text: &str) -> Result<String, String> {
    let uid = text
        .strip_prefix("dataset:")
        .or_else(|| text.strip_prefix("project:"));
    match uid {
        Some(uid) if !uid.is_empty() => Ok(text.to_owned()),
        _ => Err("expected dataset:UID or project:UID".to_owned()),
    }
}

/// `10.0.0.0/8`, or one address.
pub(super) fn network(text: &str) -> Result<ipnet::IpNet, String> {
    let one = text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
    text.parse()
        .or(one)
        .map_err(|_| "expected a network such as 10.0.0.0/8".to_owned())
}

/// `https://avala.example`.
#[cfg(feature = "server")]
pub(super) fn url(text: &str) -> Result<url::Url, String> {
    text.parse()
        .ok()
        .filter(|url: &url::Url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| "expected a URL such as https://avala.example".to_owned())
}

/// Twelve digits.
#[cfg(feature = "server")]
pub(super) fn aws_account(text: &str) -> Result<String, String> {
    let is_id = text.len() == 12 && text.bytes().all(|letter| letter.is_ascii_digit());
    is_id
        .then(|| text.to_owned())
        .ok_or_else(|| "expected the 12 digits of an AWS account".to_owned())
}

/// `off`, or a number of requests a minute.
#[cfg(feature = "server")]
pub(super) fn rate_limit(text: &str) -> Result<avala_server::RateLimit, String> {
    match (text, text.parse()) {
        ("off", _) => Ok(avala_server::RateLimit::Off),
        (_, Ok(requests @ 1..)) => Ok(avala_server::RateLimit::PerMinute(requests)),
        _ => Err("expected `off` or a number of requests a minute".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "0", "-5s", "soon", "5 parsecs"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_life_of_a_key_has_a_unit() {
        let days = |days: u64| Duration::from_hours(days * 24);
        assert_eq!(lifetime("90d"), Ok(days(90)));
        assert_eq!(lifetime("2w"), Ok(days(14)));
        assert_eq!(lifetime("12h"), Ok(Duration::from_hours(12)));
        assert_eq!(lifetime("1d12h"), Ok(days(1) + Duration::from_hours(12)));
        for bad in ["", "90", "0d", "0", "-5d", "5d ago", "1mo", "1y", "soon"] {
            assert!(lifetime(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_grace_may_be_nothing_and_is_whole_seconds() {
        assert_eq!(grace("24h"), Ok(86_400));
        assert_eq!(grace("1d"), Ok(86_400));
        assert_eq!((grace("0"), grace("0s")), (Ok(0), Ok(0)));
        for bad in ["", "24", "500ms", "-1h", "200y", "60000d"] {
            assert!(grace(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_named_by_its_id_or_its_beginning_and_never_by_itself() {
        for good in ["7Hk2mQ9xTbWc", "avk_live_7Hk2mQ9xTbWc", "avk_test_7Hk2mQ9xTbWc"] {
            assert_eq!(api_key_id(good), Ok("7Hk2mQ9xTbWc".into()), "{good}");
        }
        for bad in [
            "",
            "avk_live_",
            "7Hk2mQ9xTbW",
            "7Hk2mQ9xTb/c",
            "0123456789abcdef0123456789abcdef01234567",
            "avk_test_Canary000000_CanaryCanaryCanaryCanaryCanaryCanar",
        ] {
            assert!(api_key_id(bad).is_err(), "{bad}");
        }
    }

    #[cfg(feature = "server")]
    #[test]
    fn addresses_are_numbers_or_this_machine() {
        assert_eq!(bind_address("localhost:80").unwrap().to_string(), "127.0.0.1:80");
        assert_eq!(bind_address("[::1]:0").unwrap().to_string(), "[::1]:0");
        for bad in ["8000", "avala.example:80", "127.0.0.1", "localhost"] {
            assert!(bind_address(bad).is_err(), "{bad}");
        }
    }

    #[cfg(feature = "server")]
    #[test]
    fn networks_urls_and_accounts_are_read_or_an_example_is_given() {
        assert_eq!(network("127.0.0.1").unwrap().to_string(), "127.0.0.1/32");
        assert_eq!(network("::1").unwrap().to_string(), "::1/128");
        assert_eq!(network("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
        assert!(network("proxy.example").unwrap_err().contains("10.0.0.0/8"));
        assert!(url("https://avala.example").is_ok() && url("http://localhost:9000").is_ok());
        for bad in ["avala.example", "localhost:9000", "ftp://avala.example", ""] {
            assert!(url(bad).unwrap_err().contains("https://avala.example"), "{bad}");
        }
        assert!(aws_account("123456789012").is_ok());
        for bad in ["", "12345678901", "1234567890123", "12345678901x"] {
            assert!(aws_account(bad).is_err(), "{bad}");
        }
    }

    #[cfg(feature = "server")]
    #[test]
    fn no_requests_at_all_is_not_a_rate_limit() {
        assert!(rate_limit("0").is_err() && rate_limit("-1").is_err() && rate_limit("none").is_err());
        assert_eq!(rate_limit("off"), Ok(avala_server::RateLimit::Off));
        assert_eq!(rate_limit("100"), Ok(avala_server::RateLimit::PerMinute(100)));
    }
}
