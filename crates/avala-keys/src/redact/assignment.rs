//! The value that is assigned to a secret name, in the notations people and programs write.

use std::ops::Range;

use super::REDACTED;
use crate::shape::{is_template, is_your_key};

/// Words that follow a name and a colon in a sentence (`password: must be longer`) or a flag (`--api-key or`).
const PROSE: &[&str] = &[
    "a",
    "absent",
    "an",
    "and",
    "are",
    "can",
    "cannot",
    "contains",
    "could",
    "denied",
    "does",
    "empty",
    "expected",
    "expired",
    "failed",
    "for",
    "has",
    "if",
    "in",
    "invalid",
    "is",
    "it",
    "malformed",
    "may",
    "missing",
    "must",
    "no",
    "not",
    "on",
    "only",
    "optional",
    "or",
    "required",
    "revoked",
    "should",
    "the",
    "this",
    "to",
    "too",
    "unknown",
    "unset",
    "unsupported",
    "was",
    "with",
    "wrong",
    "you",
    "your",
];

/// Types that stand between a name and what is assigned to it.
const TYPES: &[&str] = &[
    "&str",
    "Option<String>",
    "Optional[str]",
    "SecretStr",
    "Secret",
    "String",
    "bytes",
    "str",
    "string",
];

/// Longer texts are no placeholders, and need not be looked at as such.
const PLACEHOLDER_AT_MOST: usize = 64;

/// The secret value assigned to the name at `name`: everything that has to disappear, without its quotes.
///
/// `None` if nothing is assigned, or only a placeholder, a word of prose, `null` or nothing.
pub(super) fn value(text: &str, name: &Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let quoted_at = skip(bytes, name.end, b"\\\"'`]");
    let quoted = quoted_at > name.end;
    let sign_at = skip(bytes, quoted_at, b" \t");
    let (sign, after) = sign(bytes, sign_at).or_else(|| {
        let flag = bytes[name.clone()].starts_with(b"--") && !quoted && sign_at > quoted_at;
        flag.then_some((Sign::Space, sign_at))
    })?;
    let start = skip(bytes, after, if quoted { b" \t\r\n" } else { b" \t" });

    if let Some(inner) = quoted_value(text, start) {
        return Some(inner).filter(|inner| is_secret(&text[inner.clone()]));
    }
    if quoted {
        return json_value(text, start);
    }
    if sign == Sign::Colon && is_header(&text[name.clone()]) {
        return header_value(text, name, start);
    }
    let plain = plain_value(bytes, start);
    if sign == Sign::Colon {
        // `api_key: str = "…"`: what follows the colon may be a type. If it is none, it goes too.
        let equals = skip(bytes, plain.end, b" \t");
        if let Some((Sign::Equals, after)) = self::sign(bytes, equals) {
            let start = skip(bytes, after, b" \t");
            let assigned = quoted_value(text, start).unwrap_or_else(|| plain_value(bytes, start));
            if !TYPES.contains(&&text[plain.clone()]) {
                return Some(plain.start..assigned.end);
            }
            return Some(assigned).filter(|assigned| is_secret(&text[assigned.clone()]));
        }
    }
    let word = &text[plain.clone()];
    let sentence =
        (sign != Sign::Equals || start > after) && PROSE.iter().any(|prose| word.eq_ignore_ascii_case(prose));
    let next_flag = sign == Sign::Space && word.starts_with('-');
    (is_secret(word) && !sentence && !next_flag).then_some(plain)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Equals,
    Colon,
    Space,
}

/// `=`, `==`, `=>`, `:=` or `:`; neither the `::` of a path nor the `://` of a URL.
fn sign(bytes: &[u8], at: usize) -> Option<(Sign, usize)> {
    let rest = &bytes[at..];
    [
        ("=>", Sign::Equals),
        ("==", Sign::Equals),
        (":=", Sign::Equals),
        ("=", Sign::Equals),
        (":", Sign::Colon),
    ]
    .into_iter()
    .find(|(sign, _)| rest.starts_with(sign.as_bytes()))
    .filter(|_| !rest.starts_with(b"::") && !rest.starts_with(b"://"))
    .map(|(sign, kind)| (kind, at + sign.len()))
}

fn skip(bytes: &[u8], from: usize, set: &[u8]) -> usize {
    from + bytes[from..].iter().take_while(|byte| set.contains(byte)).count()
}

/// What stands between quotes; the quotes may be escaped (`\"`), being themselves part of a JSON text.
/// Without a closing quote the rest counts: of the text, as double quotes may span lines, or of the line.
fn quoted_value(text: &str, start: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let quote_at = skip(bytes, start, b"\\");
    let escapes = quote_at - start;
    let quote = *bytes.get(quote_at).filter(|byte| b"\"'`".contains(byte))?;
    let inner = quote_at + 1;
    let mut run = 0;
    for (at, byte) in bytes.iter().enumerate().skip(inner) {
        match *byte {
            b'\\' => run += 1,
            b'\n' if escapes == 0 && quote != b'"' => return Some(inner..at),
            // Fewer or as many backslashes as the opening quote had: not an escaped quote of the inner text.
            byte if byte == quote && run <= escapes => return Some(inner..at - run),
            // An even number of backslashes before a bare quote are escaped backslashes.
            byte if byte == quote && escapes == 0 && run % 2 == 0 => return Some(inner..at),
            _ => run = 0,
        }
    }
    Some(inner..bytes.len())
}

/// A JSON number, word, array or object without quotes of its own.
fn json_value(text: &str, start: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if !matches!(bytes.get(start), Some(b'[' | b'{')) {
        let length = bytes[start..]
            .iter()
            .take_while(|byte| !b",}] \t\r\n\"'".contains(byte))
            .count();
        let scalar = start..start + length;
        return is_secret(&text[scalar.clone()]).then_some(scalar);
    }
    if text[start..].starts_with(REDACTED) {
        return None;
    }
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return (at > start + 1).then_some(start..at + 1);
                }
            }
            _ => {}
        }
    }
    Some(start..bytes.len())
}

/// Up to a space, a quote, or the `&` of a query; a closing bracket or a full stop belongs to what is around.
fn plain_value(bytes: &[u8], start: usize) -> Range<usize> {
    if bytes[start..].starts_with(REDACTED.as_bytes()) {
        return start..start + REDACTED.len();
    }
    if bytes[start..].starts_with(b"{{") || bytes[start..].starts_with(b"${{") {
        let near = &bytes[start..bytes.len().min(start + PLACEHOLDER_AT_MOST)];
        let line = near.split(|byte| *byte == b'\n').next().unwrap_or(near);
        if let Some(at) = line.windows(2).position(|two| two == b"}}") {
            return start..start + at + 2;
        }
    }
    let stops = |at: usize| match bytes[at] {
        b' ' | b'\t' | b'\r' | b'\n' | b'&' | b'"' | b'\'' | b'`' => true,
        b'\\' => matches!(bytes.get(at + 1), Some(b'n' | b'r' | b't' | b'"')),
        _ => false,
    };
    let mut end = (start..bytes.len()).find(|at| stops(*at)).unwrap_or(bytes.len());
    while end > start && b",;)]}.".contains(&bytes[end - 1]) && !bytes[start..end].ends_with(b"...") {
        end -= 1;
    }
    start..end
}

/// Headers whose value has spaces in it.
fn is_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("authorization") || name.ends_with("cookie")
}

/// The rest of the line, or up to the quote that opened before the name (`-H 'Authorization: …'`).
fn header_value(text: &str, name: &Range<usize>, start: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let opened = name
        .start
        .checked_sub(1)
        .map(|at| bytes[at])
        .filter(|byte| b"\"'`".contains(byte));
    let stops = |byte: u8| matches!(byte, b'\r' | b'\n') || Some(byte) == opened;
    let end = (start..bytes.len())
        .find(|at| stops(bytes[*at]))
        .unwrap_or(bytes.len());
    is_secret(&text[start..end]).then_some(start..end)
}

/// Whether anything would be lost if this value were known.
fn is_secret(value: &str) -> bool {
    let placeholder = || {
        let variable = value.starts_with(['$', '%']) && value.bytes().any(|byte| byte.is_ascii_lowercase());
        matches!(
            value,
            "avk_..." | "avk_…" | "avk_your_api_key" | "avk_test" | "avk_from_env" | "..." | "…"
        ) || is_template(value) && !(variable && !value.starts_with("${") && !value.starts_with("$("))
            || is_your_key(value)
            || value.bytes().all(|byte| byte == b'*')
    };
    !matches!(value, "" | "null" | "None" | "nil" | "undefined" | REDACTED)
        && (value.len() > PLACEHOLDER_AT_MOST || !placeholder())
}
