//! What the database refused, in words that both databases share.

use std::{fmt, sync::Arc};

use sqlx::{postgres::PgDatabaseError, sqlite::SqliteError};

const SQLITE_BUSY: i32 = 5;
const SQLITE_FULL: i32 = 13;

/// PostgreSQL's codes for what passes: connection exceptions, too many connections, shutdowns and restarts,
/// transactions that another one made impossible, and what took too long.
const PASSING: [&str; 11] = [
    "08000", "08003", "08006", "25P03", "40001", "40P01", "53300", "57014", "57P01", "57P02", "57P03",
];

/// The database refused.
#[derive(Clone, Debug)]
pub struct StoreError {
    /// Shared, since a commit fails for all changes that it was for.
    error: Arc<Cause>,
    is_outcome_unknown: bool,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Sqlx(sqlx::Error),
    /// Of a connection that only reads SQLite.
    #[error(transparent)]
    Reading(rusqlite::Error),
    #[error("the database is closed")]
    Closed,
    /// The transaction that the change shared.
    #[error("the change was undone together with another one")]
    Undone,
}

impl StoreError {
    pub(crate) fn damaged(what: &'static str) -> Self {
        sqlx::Error::Decode(what.into()).into()
    }

    /// Whether a row with this unique value exists already.
    pub(crate) fn is_duplicate(&self) -> bool {
        matches!(&*self.error, Cause::Sqlx(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// Whether the row names another row that does not exist.
    pub(crate) fn is_missing_parent(&self) -> bool {
        matches!(&*self.error, Cause::Sqlx(sqlx::Error::Database(error)) if error.is_foreign_key_violation())
    }

    /// Whether it may work a moment later: the database is busy, or not reachable.
    pub(crate) fn is_passing(&self) -> bool {
        match &*self.error {
            _ if self.is_outcome_unknown => false,
            Cause::Closed
            | Cause::Undone
            | Cause::Sqlx(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => true,
            Cause::Sqlx(error) if is_silence(error) => true,
            _ => {
                self.sqlite_code() == Some(SQLITE_BUSY)
                    || self.postgres_code().is_some_and(|code| PASSING.contains(&code))
            }
        }
    }

    /// Whether a change may have been made, or not: the database was asked to commit it, and did not say.
    pub(crate) fn is_outcome_unknown(&self) -> bool {
        self.is_outcome_unknown
    }

    /// The same, as the answer to a commit.
    pub(crate) fn of_commit(self) -> Self {
        match &*self.error {
            Cause::Sqlx(error) if is_silence(error) => self.of_unknown_outcome(),
            _ => self,
        }
    }

    pub(super) fn of_unknown_outcome(self) -> Self {
        Self {
            is_outcome_unknown: true,
            ..self
        }
    }

    /// Whether the disk is full.
    pub(crate) fn is_disk_full(&self) -> bool {
        self.sqlite_code() == Some(SQLITE_FULL) || self.postgres_code() == Some("53100")
    }

    /// Whether a text holds the null character, which PostgreSQL cannot store and SQLite therefore does not, either.
    pub(crate) fn is_null_character(&self) -> bool {
        matches!(&*self.error, Cause::Sqlx(sqlx::Error::Encode(error)) if error.is::<NullCharacter>())
    }

    pub(super) fn null_character() -> Self {
        sqlx::Error::Encode(Box::new(NullCharacter)).into()
    }

    pub(super) fn closed() -> Self {
        Cause::Closed.into()
    }

    pub(super) fn undone() -> Self {
        Cause::Undone.into()
    }

    /// SQLite's result code: the low byte. The rest says more about it.
    fn sqlite_code(&self) -> Option<i32> {
        let code = match &*self.error {
            Cause::Sqlx(error) => {
                let error = error.as_database_error()?;
                error.try_downcast_ref::<SqliteError>()?;
                error.code()?.parse().ok()?
            }
            Cause::Reading(error) => error.sqlite_error()?.extended_code,
            Cause::Closed | Cause::Undone => return None,
        };
        Some(code & 0xff)
    }

    fn postgres_code(&self) -> Option<&str> {
        let Cause::Sqlx(error) = &*self.error else {
            return None;
        };
        let error = error.as_database_error()?;
        Some(error.try_downcast_ref::<PgDatabaseError>()?.code())
    }
}

/// Whether this is no answer of the database, but the lack of one.
fn is_silence(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed
    )
}

#[derive(Debug, thiserror::Error)]
#[error("a text holds the null character")]
struct NullCharacter;

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_outcome_unknown {
            f.write_str("it may have been done, or not; look before you repeat it: ")?;
        }
        write!(f, "the database refused: {}", self.error)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.error)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Cause::Sqlx(error).into()
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Cause::Reading(error).into()
    }
}

impl From<Cause> for StoreError {
    fn from(error: Cause) -> Self {
        Self {
            error: Arc::new(error),
            is_outcome_unknown: false,
        }
    }
}
