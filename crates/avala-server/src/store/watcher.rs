//! A connection of its own that sees when another one has committed something.

use std::fmt;

use sqlx::{
    ConnectOptions, PgConnection, SqliteConnection, postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};

use super::{StoreError, postgres, sql};

/// How a watcher connects.
#[derive(Clone)]
pub(super) enum Watched {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

/// A connection that only watches.
#[derive(Debug)]
pub(crate) enum Watcher {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// The state of the database at one instant.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The number of the newest change to the keys.
    pub(crate) seq: i64,
    /// Another one after a key's row was changed by hand.
    pub(crate) by_hand: i64,
    /// Another one after another connection has committed anything.
    pub(crate) version: String,
}

/// PostgreSQL's sums of such integers are none themselves.
macro_rules! numbers {
    () => {
        "SELECT seq, (SELECT CAST(coalesce(sum(changes), 0) AS BIGINT) FROM key_changes_by_hand) AS by_hand"
    };
}

impl Watched {
    pub(super) async fn watcher(&self) -> Result<Watcher, StoreError> {
        Ok(match self {
            Self::Sqlite(options) => Watcher::Sqlite(options.connect().await?),
            Self::Postgres(options) => Watcher::Postgres(postgres::connect_watcher(options).await?),
        })
    }
}

/// What a database is connected with holds its password, and sqlx shows it.
impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "Sqlite",
            Self::Postgres(_) => "Postgres",
        })
    }
}

impl Watcher {
    /// One or two cheap questions, nearly always answered as before.
    pub(crate) async fn look(&mut self) -> Result<Seen, StoreError> {
        if let Self::Postgres(_) = self {
            // The snapshot names the transactions that it sees as committed.
            let row = sql(concat!(
                numbers!(),
                ", pg_current_snapshot()::text AS version FROM meta"
            ))
            .fetch_one(self)
            .await?;
            return Ok(Seen {
                seq: row.get("seq")?,
                by_hand: row.get("by_hand")?,
                version: row.get("version")?,
            });
        }
        // In this order, so that what is committed in between is seen the next time.
        let version: i64 = sql("PRAGMA data_version")
            .fetch_one(&mut *self)
            .await?
            .get("data_version")?;
        let row = sql(concat!(numbers!(), " FROM meta")).fetch_one(self).await?;
        Ok(Seen {
            seq: row.get("seq")?,
            by_hand: row.get("by_hand")?,
            version: version.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_to_connect_does_not_show_the_password() {
        let options: PgConnectOptions = "postgres://avala:hunter2@localhost/avala".parse().unwrap();
        assert!(
            format!("{options:?}").contains("hunter2"),
            "nothing left to hide here"
        );
        let shown = format!("{:?}", Watched::Postgres(Box::new(options)));
        assert_eq!(shown, "Postgres");
    }
}
