//! The one place that reads environment variables.

use std::{collections::BTreeMap, ffi::OsString, fmt, path::PathBuf};

use avala_api::Secret;

/// Where environment variables are read from. The process's own by default; a map in tests and in programs that host others.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Environment {
    /// The process's environment.
    #[default]
    Process,
    /// These variables and no others: one of them may be a key.
    Map(BTreeMap<String, Secret>),
}

/// What a variable holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    Absent,
    /// Set, and not UTF-8.
    Unreadable,
    Text(String),
}

impl Environment {
    /// No variables at all.
    pub fn empty() -> Self {
        Self::Map(BTreeMap::new())
    }

    pub(crate) fn get(&self, name: &str) -> Variable {
        let value = match self {
            Self::Process => std::env::var_os(name),
            Self::Map(variables) => variables.get(name).map(|value| value.expose().into()),
        };
        match value.map(OsString::into_string) {
            None => Variable::Absent,
            Some(Ok(text)) => Variable::Text(text),
            Some(Err(_)) => Variable::Unreadable,
        }
    }

    /// A variable's text, if it is set and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Variable::Text(text) if !text.trim().is_empty() => Some(text),
            _ => None,
        }
    }

    /// The home directory.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.text(name)
            .map(PathBuf::from)
            .filter(|home| home.is_absolute())
    }

    /// Whether a switch is on: `1`, `true`, `yes` or `on`, in any case.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        matches!(self.get(name), Variable::Text(text) if is_on(&text))
    }
}

/// The four words that switch something on.
pub(crate) fn is_on(text: &str) -> bool {
    let text = text.trim();
    ["1", "true", "yes", "on"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}

impl<K: Into<String>, V: Into<Secret>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self::Map(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl fmt::Debug for Environment {
    /// Names only: a value may be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => f.write_str("Process"),
            Self::Map(variables) => f.debug_set().entries(variables.keys()).finish(),
        }
    }
}
