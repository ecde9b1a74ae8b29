//! One pass over a text: word by word, cutting out what a shape or a name gives away.

use std::borrow::Cow;
use std::ops::Range;

use super::{REDACTED, assignment, names, shapes};

/// Redacts a text. `name` is the name of the JSON member the text stands under, or empty.
///
/// Linear: a word is looked at a fixed number of times, and whatever is cut out is not looked at again.
pub(super) fn redact<'t>(text: &'t str, name: &str) -> Cow<'t, str> {
    let mut clean = String::new();
    let mut copied = 0;
    let mut at = 0;
    let mut before = Before::default();
    while let Some(word) = next_word(text, at) {
        let secret = shapes::find(text, &word, |hex| {
            before.name_of(text, &word, hex).unwrap_or(name)
        })
        .or_else(|| {
            before
                .secret_name(text, &word)
                .and_then(|name| assignment::value(text, &name))
        });
        if let Some(secret) = secret {
            clean.push_str(&text[copied..secret.start]);
            clean.push_str(REDACTED);
            copied = secret.end;
            at = secret.end;
        } else {
            at = word.end;
        }
        before = Before {
            last: Some(word),
            second_last: before.last,
        };
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[copied..]);
    Cow::Owned(clean)
}

/// Letters, digits, `_` and `-`: what keys and their names are made of.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn next_word(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let start = from + bytes[from..].iter().position(|byte| is_word(*byte))?;
    let end = bytes[start..]
        .iter()
        .position(|byte| !is_word(*byte))
        .map_or(bytes.len(), |length| start + length);
    Some(start..end)
}

/// The two words before the present one; a name may be among them.
#[derive(Default)]
struct Before {
    last: Option<Range<usize>>,
    second_last: Option<Range<usize>>,
}

impl Before {
    /// The name that belongs to hexadecimal digits at `at`: in the same word (`key-012…`), or just before it
    /// (`key: 012…`, `key is 012…`). `None` if no word stands before.
    fn name_of<'t>(&self, text: &'t str, word: &Range<usize>, at: usize) -> Option<&'t str> {
        if at > word.start {
            // The nearest part is enough, and keeps a word of many such digits linear.
            return Some(&text[word.start.max(at.saturating_sub(32))..at]);
        }
        let last = self.last.as_ref()?;
        if !is_beside(&text[last.end..at]) {
            return Some("");
        }
        match (&text[last.clone()], self.second_last.as_ref()) {
            ("is" | "was" | "str" | "String" | "string", Some(name))
                if is_beside(&text[name.end..last.start]) =>
            {
                Some(&text[name.clone()])
            }
            (name, _) => Some(name),
        }
    }

    /// The present word if it is a secret name, or two words that are one together (`API key`).
    fn secret_name(&self, text: &str, word: &Range<usize>) -> Option<Range<usize>> {
        if names::is_secret_name(&text[word.clone()]) {
            return Some(word.clone());
        }
        let last = self
            .last
            .as_ref()
            .filter(|last| &text[last.end..word.start] == " ")?;
        let both = last.start..word.end;
        names::is_secret_name(&text[both.clone()]).then_some(both)
    }
}

/// Whether only quotes, spaces and signs of assignment stand between a name and its value.
fn is_beside(gap: &str) -> bool {
    gap.len() <= 16 && gap.bytes().all(|byte| b" \t\r\n\"'`\\=:>([".contains(&byte))
}
