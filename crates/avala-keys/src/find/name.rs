//! The name beside a value: whether it says that the value is a key of Avala's.

use std::cell::OnceCell;

use memchr::memmem;

/// What may stand between a name and its value: quotes, brackets and signs of assignment, in any language.
const BETWEEN: &[u8] = b" \t\r\n\"'`\\=:>()[]{},&|?-";
/// Most bytes between a name and its value; an indentation may be among them.
const FARTHEST: usize = 48;
const LONGEST_NAME: usize = 64;
/// Words that stand between a name and its value: types, alternatives, the `value` of a list of names.
const FILLERS: &[&str] = &[
    "bearer", "const", "default", "is", "or", "str", "string", "value", "was",
];
/// Ends of names whose values are told to everybody.
const PUBLIC: &[&str] = &[
    "checksum",
    "commit",
    "digest",
    "fingerprint",
    "hash",
    "id",
    "ref",
    "rev",
    "revision",
    "sha",
    "sha1",
];

/// A text around values.
pub(super) struct Surroundings<'t> {
    text: &'t [u8],
    names_avala: OnceCell<bool>,
}

impl<'t> Surroundings<'t> {
    pub(super) fn of(text: &'t [u8]) -> Self {
        Self {
            text,
            names_avala: OnceCell::new(),
        }
    }

    /// Whether the value that begins at `at` is assigned to a name of Avala's key, or to that of any key in a text
    /// that names Avala.
    pub(super) fn name_a_key_of_avala(&self, at: usize) -> bool {
        let mut end = at;
        for _ in 0..3 {
            let Some((name, start, between)) = self.name_before(end) else {
                return false;
            };
            if FILLERS.contains(&name.as_str()) {
                end = start;
                continue;
            }
            let called = between.contains(&b'(');
            return match name.as_str() {
                "avala" | "asyncavala" => called,
                "apikey" | "xapikey" | "devicetoken" => self.names_avala(),
                "client" | "asyncclient" => called && self.names_avala(),
                name => {
                    names_avala(name.as_bytes())
                        && ["key", "token", "secret"].iter().any(|word| name.contains(word))
                        && !PUBLIC.iter().any(|end| name.ends_with(end))
                }
            };
        }
        false
    }

    /// The word before `end` in lower-case letters and digits, where it begins, and what stands in between.
    fn name_before(&self, end: usize) -> Option<(String, usize, &'t [u8])> {
        let near = &self.text[end.saturating_sub(FARTHEST)..end];
        let gap = near
            .iter()
            .rev()
            .take_while(|byte| BETWEEN.contains(byte))
            .count();
        if gap == 0 || gap == near.len() {
            return None;
        }
        let name_end = end - gap;
        let near = &self.text[name_end.saturating_sub(LONGEST_NAME)..name_end];
        let length = near
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            .count();
        let name = near[near.len() - length..]
            .iter()
            .filter(|byte| byte.is_ascii_alphanumeric())
            .map(|byte| char::from(byte.to_ascii_lowercase()))
            .collect::<String>();
        (!name.is_empty()).then_some((name, name_end - length, &self.text[name_end..end]))
    }

    fn names_avala(&self) -> bool {
        *self.names_avala.get_or_init(|| names_avala(self.text))
    }
}

/// Whether Avala is named, in one of its spellings. Avalanche is something else.
fn names_avala(text: &[u8]) -> bool {
    ["avala", "Avala", "AVALA"].iter().any(|spelling| {
        memmem::find_iter(text, spelling)
            .any(|at| !matches!(text.get(at + spelling.len()), Some(b'n' | b'N')))
    })
}
