//! What a given text looks like, and how to show a secret to its owner without giving it away.

use std::fmt;

use crate::key::{ApiKey, Class, LENGTH, Malformed};

/// What a text looks like. Avala has published several shapes of keys; a client accepts all and may warn about others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// A version-1 key with the right checksum.
    V1(Class),
    /// A version-1 key whose checksum does not match: mistyped or altered.
    V1Damaged,
    /// 40 lower-case hexadecimal digits.
    Hex,
    /// `avk_` and 40 lower-case hexadecimal digits.
    PrefixedHex,
    /// `avala_sk_…`
    AvalaSk,
    /// `avala_key_…`
    AvalaKey,
    /// `sk_live_…`
    SkLive,
    /// `dvt_…`, the token of a fleet device. Not an API key.
    DeviceToken,
    /// Text out of documentation or a template, such as `avk_your_api_key` or `$AVALA_API_KEY`: never a key.
    Placeholder,
    /// None of these.
    Unknown,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V1(Class::Live) => "a live key",
            Self::V1(Class::Test) => "a test key",
            Self::V1Damaged => "a mistyped or damaged key",
            Self::Hex => "a key of 40 hexadecimal digits",
            Self::PrefixedHex => "a key of `avk_` and 40 hexadecimal digits",
            Self::AvalaSk => "an `avala_sk_` key",
            Self::AvalaKey => "an `avala_key_` key",
            Self::SkLive => "an `sk_live_` key",
            Self::DeviceToken => "a device token",
            Self::Placeholder => "a placeholder",
            Self::Unknown => "an unknown shape",
        })
    }
}

/// Says what a text looks like. Nothing is trimmed: ` avk_live_…` with a space is [`Shape::Unknown`].
pub fn classify(text: &str) -> Shape {
    if text.len() == LENGTH {
        match ApiKey::parse(text.as_bytes()) {
            Ok(key) => return Shape::V1(key.class()),
            Err(Malformed::Checksum) if !is_placeholder(text) => return Shape::V1Damaged,
            Err(_) => {}
        }
    }
    if is_placeholder(text) {
        return Shape::Placeholder;
    }
    if is_hex_key(text) {
        return Shape::Hex;
    }
    if text.strip_prefix("avk_").is_some_and(is_hex_key) {
        return Shape::PrefixedHex;
    }
    let published = [
        ("avala_sk_", Shape::AvalaSk),
        ("avala_key_", Shape::AvalaKey),
        ("sk_live_", Shape::SkLive),
        ("dvt_", Shape::DeviceToken),
    ];
    published
        .into_iter()
        .find(|(prefix, _)| text.strip_prefix(prefix).is_some_and(is_token))
        .map_or(Shape::Unknown, |(_, shape)| shape)
}

/// First 8 and last 4 characters of a secret longer than 32, else `****`: never more than about a third of it.
///
/// Of a version-1 key this is `avk_live` and four characters of the checksum, so nothing of the secret.
pub fn mask(secret: &str) -> String {
    let Some((first_end, _)) = secret
        .char_indices()
        .nth(8)
        .filter(|_| secret.chars().nth(32).is_some())
    else {
        return "****".to_owned();
    };
    let last_start = secret
        .char_indices()
        .nth_back(3)
        .map_or(secret.len(), |(at, _)| at);
    format!("{}...{}", &secret[..first_end], &secret[last_start..])
}

fn is_hex_key(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Whether this stands where a key would stand but is none, judged by documentation and template customs.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let prefixes = [
        "avk_live_",
        "avk_test_",
        "avk_",
        "avala_sk_",
        "avala_key_",
        "sk_live_",
        "sk_test_",
        "dvt_",
    ];
    let body = prefixes
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    let has_prefix = body.len() != text.len();
    is_template(text)
        || matches!(text, "avk_test" | "avk_live" | "avk_from_env")
        || has_prefix && body.is_empty()
        || is_your_key(body)
        || ["...", "…"].iter().any(|ellipsis| body.ends_with(ellipsis))
        || is_repetition(body)
}

/// `$AVALA_API_KEY`, `${…}`, `$(…)`, `{{…}}`, `<…>`, `%AVALA_API_KEY%`.
pub(crate) fn is_template(text: &str) -> bool {
    let within = |open: &str, close: &str| {
        text.len() > open.len() + close.len() && text.starts_with(open) && text.ends_with(close)
    };
    let variable = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    within("{{", "}}")
        || within("${", "}")
        || within("$(", ")")
        || within("<", ">")
        || text.strip_prefix('$').is_some_and(variable)
        || within("%", "%") && variable(text.trim_matches('%'))
}

/// `your-api-key`, `your_api_key_here`, `YOUR_TOKEN`: words, and no digit among them.
pub(crate) fn is_your_key(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let mut words = text.split(['-', '_', ' ']);
    matches!(words.next(), Some("your" | "my"))
        && words.any(|word| matches!(word, "key" | "token" | "secret"))
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_' | b' '))
}

/// `xxxxxxxx`, `****`, `00000000`: one character over and over.
fn is_repetition(text: &str) -> bool {
    let mut characters = text.chars().filter(|character| !matches!(character, '_' | '-'));
    let Some(first) = characters.next() else {
        return false;
    };
    let mut length = 1;
    let same = characters.all(|character| {
        length += 1;
        character == first
    });
    same && length >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "avk_live_7Hk2mQ9xTbWc_0123456789ABCDEFGHIJKLMNOPQRSTUV";

    #[test]
    fn every_published_shape_is_recognised() {
        let hex = "0123456789abcdef0123456789abcdef01234567";
        for (text, shape) in [
            (hex, Shape::Hex),
            (&format!("avk_{hex}"), Shape::PrefixedHex),
            ("avala_sk_1a2b3c", Shape::AvalaSk),
            ("avala_key_abc123", Shape::AvalaKey),
            ("sk_live_1234567890abcdef", Shape::SkLive),
            ("dvt_9f8e7d", Shape::DeviceToken),
            (&format!("{KEY}000000"), Shape::V1Damaged),
        ] {
            assert_eq!(classify(text), shape, "{text}");
        }
    }

    #[test]
    fn what_documentation_prints_is_a_placeholder() {
        for text in [
            "avk_your_api_key",
            "avk_your_api_key_here",
            "avk_...",
            "avk_…",
            "avk_test",
            "avk_from_env",
            "avk_",
            "avala_key_abc123...",
            "your-api-key",
            "YOUR_API_KEY",
            "<your-api-key>",
            "$AVALA_API_KEY",
            "${AVALA_API_KEY}",
            "{{ avala.key }}",
            "%AVALA_API_KEY%",
            "xxxxxxxxxxxx",
            "****",
            "avk_xxxxxxxxxxxxxxxx",
            "0000000000000000000000000000000000000000",
            "avk_live_xxxxxxxxxxxx_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ] {
            assert_eq!(classify(text), Shape::Placeholder, "{text}");
        }
    }

    #[test]
    fn near_misses_are_unknown() {
        for text in [
            "",
            "hello",
            "0123456789ABCDEF0123456789ABCDEF01234567",
            "0123456789abcdef0123456789abcdef0123456",
            "avk_0123456789ABCDEF0123456789abcdef01234567",
            "dvt_ 123",
            " avala_sk_1a2b3c",
            "\"avala_sk_1a2b3c\"",
            "AVALA_SK_1a2b3c",
            "$",
            "your",
        ] {
            assert_eq!(classify(text), Shape::Unknown, "{text}");
        }
    }

    #[test]
    fn a_mask_shows_eight_and_four_characters_of_a_long_secret_only() {
        assert_eq!(mask(&format!("{KEY}abWXYZ")), "avk_live...WXYZ");
        assert_eq!(mask(&"12345678".repeat(4)), "****");
        assert_eq!(mask(&format!("{}9", "12345678".repeat(4))), "12345678...6789");
        assert_eq!(mask("12345678901234567"), "****");
        assert_eq!(mask(""), "****");
        assert_eq!(mask(&"äöü".repeat(11)), "äöüäöüäö...üäöü");
        assert_eq!(mask(&"ä".repeat(32)), "****");
    }
}
