//! Secrets that give themselves away by their shape.

use std::ops::Range;

use super::names;
use super::scanner::is_word;
use crate::key::KeyId;
use crate::shape::is_placeholder;

/// Finds the first secret that begins in the word, or just after it where the word announces it (`Bearer`, `https`).
///
/// `name_at` tells the name beside hexadecimal digits at a position.
pub(super) fn find<'t>(
    text: &'t str,
    word: &Range<usize>,
    name_at: impl Fn(usize) -> &'t str,
) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = word.start;
    while start < word.end {
        let end = start
            + bytes[start..word.end]
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric())
                .count();
        #[cfg(test)]
        super::scanner::steps::count(end - start);
        let verdict = avala(text, start, end, word.end);
        let segment = Segment {
            text,
            start,
            // What stands before `avk_` may be a secret of its own.
            end: match verdict {
                Verdict::Secret(at) | Verdict::Harmless(at) => at,
                Verdict::Other => end,
            },
            word_end: word.end,
        };
        if let Some(secret) = segment.secret().or_else(|| segment.hex(&name_at)) {
            return Some(secret);
        }
        match verdict {
            Verdict::Secret(at) => return Some(at..word.end),
            Verdict::Harmless(_) => return None,
            Verdict::Other => {}
        }
        start = end + 1;
    }
    announced(text, word)
}

enum Verdict {
    /// From here to the end of the word.
    Secret(usize),
    /// A placeholder or a public id, from here to the end of the word.
    Harmless(usize),
    Other,
}

/// Keys and tokens of Avala's own. `avk_` counts wherever it stands, even with letters before it.
fn avala(text: &str, start: usize, end: usize, word_end: usize) -> Verdict {
    let (segment, rest) = (&text[start..end], &text[end..word_end]);
    let at = if segment.ends_with("avk") && rest.starts_with('_') {
        end - 3
    } else if segment.ends_with("avala") && (rest.starts_with("_sk_") || rest.starts_with("_key_")) {
        end - 5
    } else if segment == "dvt" && rest.starts_with('_') {
        start
    } else {
        return Verdict::Other;
    };
    let candidate = &text[at..word_end];
    if is_placeholder(candidate) || is_public_prefix(candidate) {
        Verdict::Harmless(at)
    } else {
        Verdict::Secret(at)
    }
}

/// `avk_live_7Hk2mQ9xTbWc` or `avk_live_7Hk2mQ9xTbWc_`: what may be shown of a key.
fn is_public_prefix(text: &str) -> bool {
    ["avk_live_", "avk_test_"]
        .iter()
        .filter_map(|prefix| text.strip_prefix(prefix))
        .any(|id| id.strip_suffix('_').unwrap_or(id).parse::<KeyId>().is_ok())
}

/// Letters and digits between `_`, `-` and other characters.
struct Segment<'t> {
    text: &'t str,
    start: usize,
    end: usize,
    word_end: usize,
}

impl Segment<'_> {
    fn secret(&self) -> Option<Range<usize>> {
        let segment = &self.text[self.start..self.end];
        let rest = &self.text[self.end..self.word_end];
        match segment {
            "sk" | "pk" | "secret" | "key" | "token" if rest.starts_with('_') => {
                is_prefixed_token(segment, &rest[1..]).then_some(self.start..self.word_end)
            }
            // `sk-…`; ordinary words may follow `sk-` too, hence the look at the first characters.
            "sk" if rest.len() > 20 && looks_random(&rest[..64.min(rest.len())]) => {
                Some(self.start..self.word_end)
            }
            _ if is_aws_key_id(segment) => Some(self.start..self.end),
            _ if segment.starts_with("FwoG") || segment.starts_with("IQoJ") => self.aws_session_token(),
            _ if segment.starts_with("eyJ") => self.json_web_token(),
            _ => None,
        }
    }

    fn aws_session_token(&self) -> Option<Range<usize>> {
        let base64 = |byte: &u8| is_word(*byte) || b"+/=%".contains(byte);
        let length = self.text.as_bytes()[self.start..]
            .iter()
            .take_while(|byte| base64(byte))
            .count();
        (length >= 24).then(|| self.start..self.start + length)
    }

    fn json_web_token(&self) -> Option<Range<usize>> {
        if self.word_end - self.start < 10 {
            return None;
        }
        let bytes = self.text.as_bytes();
        let mut end = self.word_end;
        while bytes.get(end) == Some(&b'.') && bytes.get(end + 1).copied().is_some_and(is_word) {
            end += 1 + bytes[end + 1..].iter().take_while(|byte| is_word(**byte)).count();
        }
        (end > self.word_end).then_some(self.start..end)
    }

    fn hex<'n>(&self, name_at: &impl Fn(usize) -> &'n str) -> Option<Range<usize>> {
        let secret_beside: fn(&str) -> bool = match self.end - self.start {
            40 => names::is_key_like,
            64 => |name| !names::is_digest(name),
            _ => return None,
        };
        let hex = self.text[self.start..self.end]
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit());
        (hex && secret_beside(name_at(self.start))).then_some(self.start..self.end)
    }
}

/// What follows `sk_`, `secret_` and the like: random characters, after an optional `live_`, `test_` or `prod_`.
fn is_prefixed_token(prefix: &str, rest: &str) -> bool {
    let marked = ["live_", "test_", "prod_"]
        .iter()
        .find_map(|mark| rest.strip_prefix(mark));
    let at_least = if marked.is_some() && matches!(prefix, "sk" | "pk") {
        8
    } else {
        16
    };
    let body = marked.unwrap_or(rest);
    let body = body.split(['_', '-']).next().unwrap_or(body);
    body.len() >= at_least && looks_random(body)
}

/// Not an ordinary identifier: it has a digit, or letters of both cases.
fn looks_random(text: &str) -> bool {
    let has = |what: fn(&u8) -> bool| text.as_bytes().iter().any(what);
    has(u8::is_ascii_digit) || has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
}

fn is_aws_key_id(segment: &str) -> bool {
    segment.len() == 20
        && (segment.starts_with("AKIA") || segment.starts_with("ASIA"))
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Secrets that the word only announces.
fn announced(text: &str, word: &Range<usize>) -> Option<Range<usize>> {
    let rest = &text[word.end..];
    match &text[word.clone()] {
        "1" if rest.starts_with("//") => {
            google_refresh_token(rest).map(|length| word.start..word.end + length)
        }
        "arn" if rest.starts_with(":aws") => {
            let ends = |character: char| character.is_whitespace() || "\"'`\\<>,;)]}".contains(character);
            Some(word.start..word.end + rest.find(ends).unwrap_or(rest.len()))
        }
        begin if begin.ends_with("-----BEGIN") => {
            private_key_block(rest).map(|length| word.end - "-----BEGIN".len()..word.end + length)
        }
        bearer if bearer.eq_ignore_ascii_case("bearer") => {
            let value = rest.trim_start_matches([' ', '\t']);
            let start = word.end + rest.len() - value.len();
            let ends = |character: char| character.is_whitespace() || "\"'`\\,;<>".contains(character);
            let value = &value[..value.find(ends).unwrap_or(value.len())];
            // "bearer token", "Bearer [redacted]": no secret follows. What was cut out before makes a value no longer.
            let own = value.replace(super::REDACTED, "");
            let secret = start > word.end
                && own.bytes().any(|byte| byte.is_ascii_alphanumeric())
                && (own.len() >= 20 || looks_random(&own));
            secret.then(|| start..start + value.len())
        }
        _ => userinfo(rest).map(|user| word.end + user.start..word.end + user.end),
    }
}

fn google_refresh_token(rest: &str) -> Option<usize> {
    let length = rest.bytes().skip(2).take_while(|byte| is_word(*byte)).count();
    (length >= 20).then_some(length + 2)
}

/// From the label to the end of the block; a block that is cut off counts to the end of the text.
fn private_key_block(rest: &str) -> Option<usize> {
    let label = rest
        .bytes()
        .take_while(|byte| byte.is_ascii_uppercase() || matches!(byte, b' ' | b'0'..=b'9'))
        .count();
    if !rest[..label].contains("PRIVATE KEY") || !rest[label..].starts_with("-----") {
        return None;
    }
    let end = rest.find("-----END").map(|at| at + "-----END".len());
    Some(end.map_or(rest.len(), |end| {
        rest[end..]
            .find("-----")
            .map_or(rest.len(), |at| end + at + "-----".len())
    }))
}

/// The `user:password` of `://user:password@host`.
fn userinfo(rest: &str) -> Option<Range<usize>> {
    let authority = rest.strip_prefix("://")?;
    let ends = |character: char| character.is_whitespace() || "/?#\"'`<>\\".contains(character);
    let authority = &authority[..authority.find(ends).unwrap_or(authority.len())];
    let user = &authority[..authority.rfind('@')?];
    (!user.is_empty() && user != super::REDACTED).then(|| 3..3 + user.len())
}
