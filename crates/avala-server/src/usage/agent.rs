//! The family of a client: the first word of its `User-Agent`, in a fixed alphabet.

use std::fmt;

use http::HeaderValue;

/// Characters that are kept.
const LONGEST: usize = 64;

/// Letters and digits in a row that no name has, but every key: a key that was put there is not written down.
const SECRET: usize = 32;

/// The family of a client, as in `avala-python/0.10.0`. It takes no memory of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agent {
    length: u8,
    text: [u8; LONGEST],
}

impl Agent {
    /// `None` where there is no name.
    pub(crate) fn of(value: &HeaderValue) -> Option<Self> {
        let mut text = [0; LONGEST];
        let mut length = 0;
        let mut in_a_row = 0;
        for byte in value.as_bytes().iter().copied() {
            if byte == b' ' || byte == b'\t' {
                break;
            }
            if byte.is_ascii_alphanumeric() {
                in_a_row += 1;
                if in_a_row >= SECRET {
                    return None;
                }
            } else if matches!(byte, b'.' | b'/' | b'-' | b'+') {
                in_a_row = 0;
            } else {
                continue;
            }
            // The rest is read all the same: a key may begin before the end and go on after it.
            if length < LONGEST {
                text[length] = byte;
                length += 1;
            }
        }
        let kept = u8::try_from(length).ok().filter(|length| *length > 0)?;
        Some(Self { length: kept, text })
    }

    pub(crate) fn as_str(&self) -> &str {
        let text = &self.text[..usize::from(self.length)];
        // Only ASCII gets in, so this never falls back.
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(value: &[u8]) -> Option<String> {
        let value = HeaderValue::from_bytes(value).unwrap();
        Agent::of(&value).map(|agent| agent.as_str().to_owned())
    }

    #[test]
    fn the_first_word_is_kept_in_a_fixed_alphabet() {
        for (value, expected) in [
            (&b"avala-python/0.10.0"[..], Some("avala-python/0.10.0")),
            (b"avala-python/0.10.0 (linux; x86)", Some("avala-python/0.10.0")),
            (b"Mozilla/5.0 (X11)", Some("Mozilla/5.0")),
            (b"<script>alert(1)</script>", Some("scriptalert1/script")),
            (b"a\tb", Some("a")),
            (b"caf\xc3\xa9/1\x80", Some("caf/1")),
            (b"=cmd|x", Some("cmdx")),
            (b"", None),
            (b" avala", None),
            (b"\"';--", Some("--")),
            (b"\xff\xfe", None),
        ] {
            assert_eq!(family(value).as_deref(), expected, "{value:?}");
        }
        assert_eq!(family(&b"ab/".repeat(100)).unwrap().len(), LONGEST);
    }

    #[test]
    fn a_key_that_was_sent_as_the_name_is_not_kept() {
        // A key, one behind a name, one half beyond the end, and one of the older form.
        let secret = "Zx81".repeat(10);
        for value in [
            format!("avk_live_7Hk2mQ9xTbWc_{secret}"),
            format!("app/avk_live_7Hk2mQ9xTbWc_{secret}"),
            format!("{}avk_live_7Hk2mQ9xTbWc_{secret}", "a.".repeat(20)),
            "0123456789abcdef0123456789abcdef01234567".to_owned(),
        ] {
            assert_eq!(family(value.as_bytes()), None, "{value}");
        }
    }
}
