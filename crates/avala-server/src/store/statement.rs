//! A statement, written once for both databases: its text with `$1` placeholders, and what is bound to them.

use std::{borrow::Cow, fmt::Write, time::Duration};

use avala_api::Timestamp;
use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, postgres::PgArguments,
    query::Query, sqlite::SqliteArguments,
};

use super::{Connection, Reader, Row, StoreError, Watcher, postgres, sqlite_readers::SqliteReaders};

/// Begins a statement.
pub(crate) fn sql(text: impl Into<Cow<'static, str>>) -> Statement {
    Statement {
        text: text.into(),
        values: Vec::new(),
        for_update: false,
        limit: postgres::STATEMENT_TIMEOUT,
    }
}

/// A statement; it runs on a connection of a change, or on the readers.
#[must_use]
pub(crate) struct Statement {
    text: Cow<'static, str>,
    values: Vec<Value>,
    for_update: bool,
    limit: Duration,
}

/// What is bound. A null has a type, too: PostgreSQL asks for it.
pub(crate) enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Bool(Option<bool>),
    Real(Option<f64>),
}

/// Where a statement runs.
pub(crate) enum Executor<'c> {
    Sqlite(&'c mut SqliteConnection),
    SqliteReaders(&'c SqliteReaders),
    Postgres(&'c mut PgConnection),
    PostgresPool(&'c PgPool),
}

macro_rules! run {
    ($statement:ident . $method:ident ($on:ident)) => {{
        $statement.check()?;
        let limit = $statement.limit;
        match $on.into() {
            Executor::Sqlite(connection) => {
                let done = $statement.sqlite().$method(connection).await?;
                done.into()
            }
            Executor::SqliteReaders(readers) => {
                let done = readers.run($statement.text, $statement.values).await?;
                done.into()
            }
            Executor::Postgres(connection) => {
                let done = Box::pin(postgres::within(
                    limit,
                    $statement.postgres(true).$method(connection),
                ))
                .await?;
                done.into()
            }
            Executor::PostgresPool(pool) => {
                let done =
                    Box::pin(postgres::within(limit, $statement.postgres(false).$method(pool))).await?;
                done.into()
            }
        }
    }};
}

impl Executor<'_> {
    /// What makes rows with a `value` of a column that holds a list in JSON: `{}` stands for the column.
    pub(crate) fn json_elements(&self) -> &'static str {
        match self {
            Self::Sqlite(_) | Self::SqliteReaders(_) => "json_each({}) AS one",
            Self::Postgres(_) | Self::PostgresPool(_) => "jsonb_array_elements_text({}::jsonb) AS one(value)",
        }
    }
}

/// One of something either database gives.
struct Given<T>(T);

macro_rules! given {
    ($from:ty, $to:ty, |$value:ident| $convert:expr) => {
        impl From<$from> for Given<$to> {
            fn from($value: $from) -> Self {
                Self($convert)
            }
        }
    };
}

given!(sqlx::sqlite::SqliteQueryResult, u64, |done| done.rows_affected());
given!(sqlx::postgres::PgQueryResult, u64, |done| done.rows_affected());
given!(Option<sqlx::sqlite::SqliteRow>, Option<Row>, |row| row
    .map(Row::Sqlite));
given!(Option<sqlx::postgres::PgRow>, Option<Row>, |row| row
    .map(Row::Postgres));
given!(Vec<Row>, Vec<Row>, |rows| rows);
given!(Vec<Row>, Option<Row>, |rows| rows.into_iter().next());
// A reader changes none.
given!(Vec<Row>, u64, |_none| 0);
given!(Vec<sqlx::sqlite::SqliteRow>, Vec<Row>, |rows| rows
    .into_iter()
    .map(Row::Sqlite)
    .collect());
given!(Vec<sqlx::postgres::PgRow>, Vec<Row>, |rows| rows
    .into_iter()
    .map(Row::Postgres)
    .collect());

impl Statement {
    /// Binds the next placeholder.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Adds text.
    pub(crate) fn push(mut self, text: &str) -> Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Adds a placeholder, and binds it.
    pub(crate) fn push_bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        let number = self.values.len();
        // Writing to a text cannot fail.
        let _ = write!(self.text.to_mut(), "${number}");
        self
    }

    /// Adds as many placeholders as there are values, in parentheses.
    pub(crate) fn push_list<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        self = self.push("(");
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self = self.push(", ");
            }
            self = self.push_bind(value);
        }
        self.push(")")
    }

    /// Within a change, nobody else changes the rows found until it ends. SQLite has one writer at a time anyway.
    pub(crate) fn for_update(mut self) -> Self {
        self.for_update = true;
        self
    }

    /// Lets it take as long as a whole table takes; on a watcher, whose database waits as long.
    pub(crate) fn patiently(mut self) -> Self {
        self.limit = postgres::WHOLE_TABLE_TIMEOUT;
        self
    }

    /// Runs it, and tells how many rows it changed.
    pub(crate) async fn execute<'c>(self, on: impl Into<Executor<'c>>) -> Result<u64, StoreError> {
        let Given(rows) = run!(self.execute(on));
        Ok(rows)
    }

    /// The first row, if there is one.
    pub(crate) async fn fetch_optional<'c>(
        self,
        on: impl Into<Executor<'c>>,
    ) -> Result<Option<Row>, StoreError> {
        let Given(row) = run!(self.fetch_optional(on));
        Ok(row)
    }

    /// The first row; there must be one.
    pub(crate) async fn fetch_one<'c>(self, on: impl Into<Executor<'c>>) -> Result<Row, StoreError> {
        self.fetch_optional(on)
            .await?
            .ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// All rows.
    pub(crate) async fn fetch_all<'c>(self, on: impl Into<Executor<'c>>) -> Result<Vec<Row>, StoreError> {
        let Given(rows) = run!(self.fetch_all(on));
        Ok(rows)
    }

    /// Hands over one row after the other: a whole table need not be in memory for it.
    pub(crate) async fn for_each<'c>(
        self,
        on: impl Into<Executor<'c>>,
        mut take: impl FnMut(Row) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        self.check()?;
        let limit = self.limit;
        match on.into() {
            Executor::Sqlite(connection) => {
                let mut rows = self.sqlite().fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    take(Row::Sqlite(row))?;
                }
                Ok(())
            }
            Executor::Postgres(connection) => {
                let mut rows = self.postgres(true).fetch(connection);
                let reading = async {
                    while let Some(row) = rows.try_next().await? {
                        if let Err(error) = take(Row::Postgres(row)) {
                            return Ok(Err(error));
                        }
                    }
                    Ok(Ok(()))
                };
                Box::pin(postgres::within(limit, reading)).await?
            }
            on => self.fetch_all(on).await?.into_iter().try_for_each(take),
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        let has_null = |value: &Value| matches!(value, Value::Text(Some(text)) if text.contains('\0'));
        if self.values.iter().any(has_null) {
            return Err(StoreError::null_character());
        }
        Ok(())
    }

    fn sqlite(self) -> Query<'static, Sqlite, SqliteArguments> {
        let query = sqlx::query(AssertSqlSafe(self.text));
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Integer(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
            Value::Bool(value) => query.bind(value),
            Value::Real(value) => query.bind(value),
        })
    }

    fn postgres(self, in_change: bool) -> Query<'static, Postgres, PgArguments> {
        let text = if self.for_update && in_change {
            self.text + " FOR NO KEY UPDATE"
        } else {
            self.text
        };
        let query = sqlx::query(AssertSqlSafe(text));
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Integer(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
            Value::Bool(value) => query.bind(value),
            Value::Real(value) => query.bind(value),
        })
    }
}

impl<'c> From<&'c mut Connection> for Executor<'c> {
    fn from(connection: &'c mut Connection) -> Self {
        match connection {
            Connection::Sqlite(change) => Self::Sqlite(change.connection()),
            Connection::Postgres(transaction) => Self::Postgres(transaction),
        }
    }
}

impl<'c> From<&'c mut SqliteConnection> for Executor<'c> {
    fn from(connection: &'c mut SqliteConnection) -> Self {
        Self::Sqlite(connection)
    }
}

impl<'c> From<&'c Reader> for Executor<'c> {
    fn from(reader: &'c Reader) -> Self {
        match reader {
            Reader::Sqlite(readers) => Self::SqliteReaders(readers),
            Reader::Postgres(pool) => Self::PostgresPool(pool),
        }
    }
}

impl<'c> From<&'c mut Watcher> for Executor<'c> {
    fn from(watcher: &'c mut Watcher) -> Self {
        match watcher {
            Watcher::Sqlite(connection) => Self::Sqlite(connection),
            Watcher::Postgres(connection) => Self::Postgres(connection),
        }
    }
}

macro_rules! value {
    ($from:ty, $kind:ident, |$value:ident| $convert:expr) => {
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                Self::$kind($convert)
            }
        }
    };
}

value!(i64, Integer, |value| Some(value));
value!(Option<i64>, Integer, |value| value);
value!(u32, Integer, |value| Some(value.into()));
value!(Option<u16>, Integer, |value| value.map(i64::from));
value!(Timestamp, Integer, |at| Some(at.unix_millis()));
value!(Option<Timestamp>, Integer, |at| at.map(Timestamp::unix_millis));
value!(bool, Bool, |value| Some(value));
value!(Option<bool>, Bool, |value| value);
value!(Option<f64>, Real, |value| value);
value!(&str, Text, |text| Some(text.to_owned()));
value!(&String, Text, |text| Some(text.clone()));
value!(String, Text, |text| Some(text));
value!(Option<&str>, Text, |text| text.map(str::to_owned));
value!(Option<String>, Text, |text| text);
value!(&Option<String>, Text, |text| text.clone());
value!(&[u8], Bytes, |bytes| Some(bytes.to_vec()));
value!(&[u8; 32], Bytes, |bytes| Some(bytes.to_vec()));
value!(Option<&[u8]>, Bytes, |bytes| bytes.map(<[u8]>::to_vec));
