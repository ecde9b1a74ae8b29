//! Opening PostgreSQL: what the connection string may say, and that an acknowledged commit is on the disk.

use std::{fmt, str::FromStr, time::Duration};

use avala_keys::Secret;
use sqlx::{
    ConnectOptions, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;
use url::Url;

use super::{Reader, Store, Writer, watcher::Watched};
use crate::error::StartError;

const WRITERS: u32 = 4;
const READERS: u32 = 8;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a call waits for a connection, be it for a free one or for a database that is gone.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a statement may take, with the wait for its connection. A database that is silent is given up then, and
/// the connection with it; one that is alive gives up by itself.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a statement may take that reads a whole table.
pub(super) const WHOLE_TABLE_TIMEOUT: Duration = Duration::from_mins(1);

/// What a session may not outstay: a change whose server vanished would keep the others waiting for its rows. And no
/// machine code is made for statements that are over before it is.
const SESSION: &str =
    "SET statement_timeout = '5s'; SET idle_in_transaction_session_timeout = '10s'; SET jit = off";

/// A connection that nobody used for longer is probed before it is used again.
const PROBED_AFTER: Duration = Duration::from_secs(1);

/// The parameters a connection string may have.
const PARAMETERS: [&str; 10] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "application_name",
    "host",
];

impl Store {
    /// Opens a database that exists, possibly empty; and tells where it is, without the password.
    pub(crate) async fn postgres(url: &Secret) -> Result<(Self, String), StartError> {
        let options = options(url)?;
        let location = location(&options);
        let unreachable = |reason: &dyn fmt::Display| StartError::Unreachable {
            database: location.clone(),
            reason: reason.to_string(),
        };
        // Pools try again for a while; whoever starts a server wants to know at once.
        let mut first = connect(&options).await.map_err(|error| unreachable(&error))?;
        answered(require_durable(&mut first))
            .await
            .map_err(|error| unreachable(&error))?;
        // A connection that cannot say goodbye is closed all the same.
        let _ = first.close().await;

        let writer = pool(WRITERS)
            .after_connect(|connection, _| Box::pin(require_durable(connection)))
            .connect_lazy_with(options.clone());
        let reader = pool(READERS)
            .after_connect(|connection, _| Box::pin(read_only(connection)))
            .connect_lazy_with(options.clone());
        let store = Self {
            writer: Writer::Postgres(writer),
            reader: Reader::Postgres(reader),
            watched: Watched::Postgres(Box::new(options)),
        };
        Ok((store, location))
    }
}

fn options(url: &Secret) -> Result<PgConnectOptions, StartError> {
    // No error text repeats what was given: it holds a password.
    let parsed = Url::parse(url.expose()).map_err(|_| StartError::DatabaseUrl("it is not a URL"))?;
    if !matches!(parsed.scheme(), "postgres" | "postgresql") {
        return Err(StartError::DatabaseUrl("it does not begin with postgres://"));
    }
    if parsed
        .query_pairs()
        .any(|(name, _)| !PARAMETERS.contains(&name.as_ref()))
    {
        return Err(StartError::DatabaseUrl(
            "it has a parameter that is not known here",
        ));
    }
    PgConnectOptions::from_str(url.expose())
        .map(ConnectOptions::disable_statement_logging)
        .map_err(|_| StartError::DatabaseUrl("a part of it cannot be read"))
}

fn location(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    match options.get_socket() {
        Some(socket) => format!("{database} at {}", socket.display()),
        None => format!("{database} at {}:{}", options.get_host(), options.get_port()),
    }
}

/// Connects once, within a time.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    within(CONNECT_TIMEOUT, async {
        let mut connection = options.connect().await?;
        sqlx::raw_sql(SESSION).execute(&mut connection).await?;
        Ok(connection)
    })
    .await
}

/// Connects once for a watcher, which may read a whole table.
pub(super) async fn connect_watcher(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = connect(options).await?;
    let patience = sqlx::raw_sql("SET statement_timeout = '60s'").execute(&mut connection);
    answered(patience).await?;
    Ok(connection)
}

/// What the database answers, unless it takes too long.
pub(super) async fn answered<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    within(STATEMENT_TIMEOUT, answer).await
}

pub(super) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(limit, answer)
        .await
        .map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))?
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, usage| {
            Box::pin(async move { Ok(usage.idle_for < PROBED_AFTER || connection.ping().await.is_ok()) })
        })
        // The pool would wait without end for the answer that nobody waits for any more, and count the connection as
        // used.
        .after_release(|connection, _| {
            Box::pin(async move { answered(connection.ping()).await.map(|()| true) })
        })
}

/// A commit on this connection must be on the disk before it is acknowledged.
async fn require_durable(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(SESSION).execute(&mut *connection).await?;
    sqlx::query("SET synchronous_commit = on")
        .execute(&mut *connection)
        .await?;
    let (fsync, whole_pages, synchronous): (String, String, String) = sqlx::query_as(
        "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')",
    )
    .fetch_one(connection)
    .await?;
    are_on([
        ("fsync", fsync),
        ("full_page_writes", whole_pages),
        ("synchronous_commit", synchronous),
    ])
}

fn are_on(settings: [(&str, String); 3]) -> Result<(), sqlx::Error> {
    match settings.into_iter().find(|(_, value)| value != "on") {
        None => Ok(()),
        Some((setting, value)) => Err(sqlx::Error::Configuration(
            format!("its setting {setting} is {value}, and must be on: a power cut would lose what was acknowledged")
                .into(),
        )),
    }
}

async fn read_only(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(SESSION).execute(&mut *connection).await?;
    sqlx::query("SET default_transaction_read_only = on")
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_may_lose_commits_is_refused_by_name_of_the_setting() {
        let settings = ["fsync", "full_page_writes", "synchronous_commit"];
        assert!(are_on(settings.map(|setting| (setting, "on".to_owned()))).is_ok());
        for off in settings {
            let value = |setting| if setting == off { "off" } else { "on" };
            let error = are_on(settings.map(|setting| (setting, value(setting).to_owned()))).unwrap_err();
            assert!(error.to_string().contains(&format!("{off} is off")), "{error}");
        }
    }
}
