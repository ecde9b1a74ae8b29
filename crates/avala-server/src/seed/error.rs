//! Why a seed was not loaded.

use avala_api::FieldErrors;
use avala_keys::RandomnessFailed;

use crate::store::StoreError;

/// Why a seed was not loaded. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// The text is not that of a seed.
    #[error("{}{problem}", place(path))]
    Unreadable {
        /// Where in the file.
        path: String,
        /// What is wrong, with line and column.
        problem: String,
    },
    /// A row cannot be written.
    #[error("{path}: {errors}")]
    Row {
        /// Where in the file.
        path: String,
        /// What is wrong, by member.
        errors: FieldErrors,
    },
    /// It is not clear whose the rows are to be.
    #[error("organization: {0}")]
    Organization(&'static str),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No random numbers.
    #[error("the operating system gave no random numbers")]
    Randomness,
}

/// A path as people read it: the file as a whole has none, and what could not be read has no name of its own.
fn place(path: &str) -> String {
    match path.trim_end_matches(['.', '?']) {
        "" => String::new(),
        path => format!("{path}: "),
    }
}

impl SeedError {
    pub(super) fn field(path: &str, field: &str, problem: &str) -> Self {
        Self::Row {
            path: path.to_owned(),
            errors: FieldErrors::one(field, problem),
        }
    }

    /// Nothing wrong with the row, or all that is.
    pub(super) fn check(path: &str, errors: FieldErrors) -> Result<(), Self> {
        if errors.is_empty() {
            return Ok(());
        }
        let path = path.to_owned();
        Err(Self::Row { path, errors })
    }
}

impl From<RandomnessFailed> for SeedError {
    fn from(_: RandomnessFailed) -> Self {
        Self::Randomness
    }
}
