//! One pass over a text: word by word, cutting out what a shape or a name gives away.

// Whatever a text contains, redacting it must not end the program.
#![deny(clippy::string_slice, clippy::indexing_slicing)]

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
    // Kept when a cut ends inside of a word: its end is looked for only once.
    let mut word_end = 0;
    let mut before = Before::default();
    while let Some(word) = next_word(text, at, word_end) {
        word_end = word.end;
        let secret = shapes::find(text, &word, |hex| {
            before.name_of(text, &word, hex).unwrap_or(name)
        })
        .or_else(|| {
            before
                .secret_name(text, &word)
                .and_then(|name| assignment::value(text, &name))
        });
        let seen = if let Some(secret) = secret {
            clean.push_str(part(text, copied..secret.start));
            clean.push_str(REDACTED);
            copied = secret.end;
            // What was cut out is nobody's name: in its place stands an empty word.
            secret.end..secret.end
        } else {
            word
        };
        at = seen.end;
        before = Before {
            last: Some(seen),
            second_last: before.last,
        };
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(part(text, copied..text.len()));
    Cow::Owned(clean)
}

/// A part of the text; of a range that is none, nothing.
fn part(text: &str, range: Range<usize>) -> &str {
    text.get(range).unwrap_or_default()
}

/// Letters, digits, `_` and `-`: what keys and their names are made of.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The next word from here on, or what is left of the present one, whose end is `word_end`.
fn next_word(text: &str, from: usize, word_end: usize) -> Option<Range<usize>> {
    if from < word_end {
        return Some(from..word_end);
    }
    let rest = text.as_bytes().get(from..)?;
    let start = rest.iter().position(|byte| is_word(*byte))?;
    let length = rest.iter().skip(start).take_while(|byte| is_word(**byte)).count();
    #[cfg(test)]
    steps::count(start + length);
    Some(from + start..from + start + length)
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
            return Some(part(text, word.start.max(at.saturating_sub(32))..at));
        }
        let last = self.last.as_ref()?;
        if !is_beside(part(text, last.end..at)) {
            return Some("");
        }
        match (part(text, last.clone()), self.second_last.as_ref()) {
            ("is" | "was" | "str" | "String" | "string", Some(name))
                if is_beside(part(text, name.end..last.start)) =>
            {
                Some(part(text, name.clone()))
            }
            (name, _) => Some(name),
        }
    }

    /// The present word if it is a secret name, or two words that are one together (`API key`).
    fn secret_name(&self, text: &str, word: &Range<usize>) -> Option<Range<usize>> {
        if names::is_secret_name(part(text, word.clone())) {
            return Some(word.clone());
        }
        let last = self
            .last
            .as_ref()
            .filter(|last| part(text, last.end..word.start) == " ")?;
        let both = last.start..word.end;
        names::is_secret_name(part(text, both.clone())).then_some(both)
    }
}

/// Whether only quotes, spaces and signs of assignment stand between a name and its value.
fn is_beside(gap: &str) -> bool {
    gap.len() <= 16 && gap.bytes().all(|byte| b" \t\r\n\"'`\\=:>([".contains(&byte))
}

/// How much work was done, in bytes that were looked at to find words and their segments.
#[cfg(test)]
pub(super) mod steps {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(in crate::redact) fn count(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    pub(super) fn take() -> usize {
        STEPS.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps_for(text: &str) -> usize {
        steps::take();
        let _ = redact(text, "");
        steps::take()
    }

    #[test]
    fn twice_the_cuts_in_one_word_are_twice_the_work() {
        let hex = "key-0123456789abcdef0123456789abcdef01234567-";
        for unit in ["-AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP_", hex] {
            let steps = steps_for(&unit.repeat(100));
            let twice = steps_for(&unit.repeat(200));
            assert!(steps >= 100 * unit.len(), "{unit}: the work is not counted");
            assert!(twice <= 2 * steps + 100, "{unit}: {steps} steps, then {twice}");
        }
    }
}
