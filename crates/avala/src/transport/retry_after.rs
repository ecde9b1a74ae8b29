//! How long a server asks to wait: `Retry-After`, in seconds or as a date.

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap, HeaderValue,
    header::{DATE, RETRY_AFTER},
};

/// The wait an answer asks for. `None` when it asks for none, for zero, or for something that cannot be read.
///
/// A date is measured against the answer's own `Date`, so that a clock that is wrong here does no harm.
pub(crate) fn retry_after(headers: &HeaderMap, now: impl FnOnce() -> SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // More digits than fit are a long time, not an error.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(text).ok()?;
        let now = headers.get(DATE).and_then(date).unwrap_or_else(now);
        until.duration_since(now).unwrap_or_default()
    };
    (!wait.is_zero()).then_some(wait)
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "Sun, 22 Nov 2026 12:00:00 GMT";

    fn wait(value: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        let now = || httpdate::parse_http_date(NOON).unwrap();
        retry_after(&headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_all_three_forms_of_a_date_are_understood() {
        for (value, expected) in [
            ("30", Some(30)),
            (" 7 ", Some(7)),
            ("Sun, 22 Nov 2026 12:00:45 GMT", Some(45)),
            ("Sunday, 22-Nov-26 12:00:45 GMT", Some(45)),
            ("Sun Nov 22 12:00:45 2026", Some(45)),
            ("0", None),
            (NOON, None),
            ("Sun, 22 Nov 2026 11:00:00 GMT", None),
            ("99999999999999999999999", Some(u64::MAX)),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
            ("", None),
        ] {
            assert_eq!(wait(value, None), expected, "{value}");
        }
    }

    #[test]
    fn a_date_is_measured_against_the_servers_own_clock() {
        let server_is_an_hour_ahead = "Sun, 22 Nov 2026 13:00:00 GMT";
        assert_eq!(
            wait("Sun, 22 Nov 2026 13:00:10 GMT", Some(server_is_an_hour_ahead)),
            Some(10)
        );
    }
}
