//! Connections that read SQLite, each where it is asked: a row in memory is read sooner than another thread wakes up.

use std::{
    borrow::Cow,
    fmt,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rusqlite::{
    Connection, ErrorCode, OpenFlags, Statement, ToSql,
    types::{FromSql, ToSqlOutput, Value as Read, ValueRef},
};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{Row, StoreError, sqlite::BUSY_TIMEOUT, statement::Value};

/// How many steps of SQLite's machine make one of ours.
const STRIDE: i32 = 1_000;

/// How many strides a statement gets where it is asked: well under a millisecond. What takes longer begins anew on a
/// thread that may wait.
const STRIDES: u32 = 10;

/// How many statements may take longer at the same time.
const LONG: usize = 4;

/// How many connections are kept for the next statements.
const KEPT: usize = 16;

/// How many statements are kept prepared on a connection: more than there are.
const PREPARED: usize = 256;

/// The readers of one file.
#[derive(Clone)]
pub(crate) struct SqliteReaders(Arc<Shared>);

struct Shared {
    path: Box<Path>,
    /// `None` once closed.
    idle: Mutex<Option<Vec<Reading>>>,
    long: Arc<Semaphore>,
}

/// One connection.
struct Reading {
    connection: Connection,
    /// What is left to a statement.
    strides: Arc<AtomicU32>,
}

/// A row that was read: the names of its columns, and their values.
pub(crate) struct ReadRow {
    names: Arc<[String]>,
    values: Vec<Read>,
}

impl SqliteReaders {
    /// Opens a first connection to a database file that exists.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let first = Reading::open(path)?;
        Ok(Self(Arc::new(Shared {
            path: path.into(),
            idle: Mutex::new(Some(vec![first])),
            long: Arc::new(Semaphore::new(LONG)),
        })))
    }

    /// Runs a statement: here if it is short, and otherwise on a thread of its own.
    pub(super) async fn run(
        &self,
        text: Cow<'static, str>,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let reading = self.0.take()?;
        let short = reading.shortly(&text, &values);
        self.0.give_back(reading);
        if let Some(rows) = short? {
            return Ok(rows);
        }
        // The turn ends with the statement, even if nobody waits for it any more.
        let turn = self.0.long.clone().acquire_owned().await;
        let shared = self.0.clone();
        spawn_blocking(move || {
            let _turn = turn;
            let reading = shared.take()?;
            let rows = reading.at_length(&text, &values);
            shared.give_back(reading);
            rows
        })
        .await
        .map_err(|_| StoreError::closed())?
    }

    /// Closes what is idle now, and the rest when it comes back.
    pub(super) fn close(&self) {
        *self.0.lock() = None;
    }
}

impl Shared {
    fn take(&self) -> Result<Reading, StoreError> {
        let idle = self.lock().as_mut().ok_or_else(StoreError::closed)?.pop();
        idle.map_or_else(|| Reading::open(&self.path), Ok)
    }

    fn give_back(&self, reading: Reading) {
        if let Some(idle) = &mut *self.lock()
            && idle.len() < KEPT
        {
            idle.push(reading);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<Reading>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.pragma_update(None, "query_only", "ON")?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        let strides = Arc::new(AtomicU32::new(0));
        let left = strides.clone();
        let is_over = move || {
            let step = |left: u32| left.checked_sub(1);
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step)
                .is_err()
        };
        connection.progress_handler(STRIDE, Some(is_over))?;
        Ok(Self { connection, strides })
    }

    /// The rows, unless that would take long.
    fn shortly(&self, text: &str, values: &[Value]) -> Result<Option<Vec<Row>>, StoreError> {
        self.strides.store(STRIDES, Ordering::Relaxed);
        self.connection.busy_timeout(Duration::ZERO)?;
        match self.rows(text, values) {
            Ok(rows) => Ok(Some(rows)),
            Err(error)
                if matches!(
                    error.sqlite_error_code(),
                    Some(ErrorCode::OperationInterrupted | ErrorCode::DatabaseBusy)
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn at_length(&self, text: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.strides.store(u32::MAX, Ordering::Relaxed);
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(self.rows(text, values)?)
    }

    fn rows(&self, text: &str, values: &[Value]) -> Result<Vec<Row>, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(text)?;
        bind(&mut statement, values)?;
        let mut names: Option<Arc<[String]>> = None;
        let mut found = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            // Known for certain only now: the statement may have been prepared anew, for a newer schema.
            let names = names.get_or_insert_with(|| {
                let names = row.as_ref().column_names();
                names.into_iter().map(str::to_owned).collect()
            });
            found.push(Row::SqliteRead(ReadRow {
                values: (0..names.len())
                    .map(|index| row.get(index))
                    .collect::<Result<_, _>>()?,
                names: names.clone(),
            }));
        }
        Ok(found)
    }
}

/// Binds `$1` to the first value, wherever in the text it stands first.
fn bind(statement: &mut Statement<'_>, values: &[Value]) -> Result<(), rusqlite::Error> {
    for index in 1..=statement.parameter_count() {
        let number = statement
            .parameter_name(index)
            .and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let value = number.and_then(|number| values.get(number.checked_sub(1)?));
        let value = value.ok_or(rusqlite::Error::InvalidParameterCount(index, values.len()))?;
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Integer(value) => value.to_sql(),
            Self::Text(value) => value.to_sql(),
            Self::Bytes(value) => value.to_sql(),
            Self::Bool(value) => value.to_sql(),
            Self::Real(value) => value.to_sql(),
        }
    }
}

impl ReadRow {
    pub(super) fn get<T: FromSql>(&self, column: &str) -> Result<T, StoreError> {
        let index = self.names.iter().position(|name| name == column);
        let (index, value) = index
            .and_then(|index| Some((index, self.values.get(index)?)))
            .ok_or_else(|| rusqlite::Error::InvalidColumnName(column.to_owned()))?;
        T::column_result(ValueRef::from(value)).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(index, value.data_type(), Box::new(error)).into()
        })
    }
}

impl fmt::Debug for SqliteReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteReaders").field(&self.0.path).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql;

    /// Counts to a number, step by step.
    const COUNT: &str = "WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < $1)
        SELECT max(n) AS n FROM count";

    fn readers() -> (tempfile::TempDir, SqliteReaders) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("avala.sqlite3");
        std::fs::File::create(&file).unwrap();
        let readers = SqliteReaders::open(&file).unwrap();
        (dir, readers)
    }

    async fn count_to(readers: &SqliteReaders, number: i64) -> Result<i64, StoreError> {
        let rows = readers.run(COUNT.into(), vec![number.into()]).await?;
        rows[0].get("n")
    }

    #[tokio::test]
    async fn a_short_statement_is_answered_here_and_a_long_one_elsewhere() {
        let (_dir, readers) = readers();
        let shortly = |number: i64| {
            readers
                .0
                .take()
                .unwrap()
                .shortly(COUNT, &[number.into()])
                .unwrap()
        };
        assert!(shortly(10).is_some());
        assert!(shortly(1_000_000).is_none());

        assert_eq!(count_to(&readers, 10).await.unwrap(), 10);
        assert_eq!(count_to(&readers, 1_000_000).await.unwrap(), 1_000_000);
        // And one that was cut off leaves nothing behind.
        assert_eq!(count_to(&readers, 11).await.unwrap(), 11);
    }

    #[tokio::test]
    async fn values_are_bound_by_their_number() {
        let (_dir, readers) = readers();
        let values = vec!["one".into(), "two".into()];
        let rows = readers
            .run("SELECT $2 || $1 || $2 AS text".into(), values)
            .await
            .unwrap();
        assert_eq!(rows[0].get::<String>("text").unwrap(), "twoonetwo");
        assert!(readers.run("SELECT $2".into(), vec!["one".into()]).await.is_err());
    }

    #[tokio::test]
    async fn every_kind_of_value_comes_back_as_it_was() {
        let (_dir, readers) = readers();
        let values = vec![
            7_i64.into(),
            "text".into(),
            Value::Bytes(Some(vec![0, 255])),
            true.into(),
            Some(0.5).into(),
            None::<i64>.into(),
        ];
        let text = "SELECT $1 AS a, $2 AS b, $3 AS c, $4 AS d, $5 AS e, $6 AS f";
        let rows = readers.run(text.into(), values).await.unwrap();
        let row = &rows[0];
        assert_eq!(row.get::<i64>("a").unwrap(), 7);
        assert_eq!(row.get::<String>("b").unwrap(), "text");
        assert_eq!(row.get::<Vec<u8>>("c").unwrap(), [0, 255]);
        assert!(row.get::<bool>("d").unwrap());
        assert_eq!(row.get::<Option<f64>>("e").unwrap(), Some(0.5));
        assert_eq!(row.get::<Option<i64>>("f").unwrap(), None);
        assert!(row.get::<i64>("g").is_err());
        assert!(row.get::<i64>("b").is_err());
    }

    #[tokio::test]
    async fn nothing_is_written_and_a_closed_one_reads_nothing() {
        let (_dir, readers) = readers();
        let reader = crate::store::Reader::Sqlite(readers.clone());
        assert!(sql("CREATE TABLE t (a INTEGER)").execute(&reader).await.is_err());
        readers.close();
        assert!(count_to(&readers, 1).await.unwrap_err().is_passing());
    }
}
