//! Rows of jobs: work that is to be done, and who is at it until when.

use avala_api::Timestamp;

use super::{Connection, Reader, Statement, Store, StoreError, sql};

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Makes an export's file.
    Export,
    /// Labels a project's items.
    AutoLabel,
}

/// A job that is its holder's until the lease ends.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) kind: Kind,
    /// The uid of what the work is for.
    pub(crate) object: String,
    /// Whose that is; `None` if it is gone.
    pub(crate) organization: Option<String>,
    /// Which attempt this is. The first is 1.
    pub(crate) attempt: i64,
    holder: String,
}

pub(crate) async fn insert(
    connection: &mut Connection,
    kind: Kind,
    object: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql("INSERT INTO jobs (kind, object, attempts, due_at) VALUES ($1, $2, 0, $3)")
        .bind(kind.as_str())
        .bind(object)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether there is something to claim. Asked first, since whoever claims takes the writing connection.
pub(crate) async fn is_due(reader: &Reader, now: Timestamp) -> Result<bool, StoreError> {
    let row = sql("SELECT position FROM jobs WHERE due_at <= $1 LIMIT 1")
        .bind(now)
        .fetch_optional(reader)
        .await?;
    Ok(row.is_some())
}

/// Takes the job that has been due for longest. The second condition is for two who chose the same one: the later of
/// them sees what the earlier wrote.
pub(crate) async fn claim(
    store: &Store,
    holder: String,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Claim>, StoreError> {
    let statement = sql("UPDATE jobs SET holder = $1, due_at = $2, attempts = attempts + 1
         WHERE position = (SELECT position FROM jobs WHERE due_at <= $3 ORDER BY due_at, position LIMIT 1) AND due_at <= $3
         RETURNING kind, object, attempts, CASE kind
             WHEN 'export' THEN (SELECT organization FROM exports WHERE uid = jobs.object)
             WHEN 'auto_label' THEN (SELECT organization FROM auto_label_jobs WHERE uid = jobs.object)
         END AS organization")
    .bind(&holder)
    .bind(until)
    .bind(now);
    let Some(row) = store.record(statement).await? else {
        return Ok(None);
    };
    Ok(Some(Claim {
        kind: Kind::read(&row.get::<String>("kind")?)?,
        object: row.get("object")?,
        organization: row.get("organization")?,
        attempt: row.get("attempts")?,
        holder,
    }))
}

/// Holds a job for longer. False if it is somebody else's, or nobody's any more.
pub(crate) async fn renew(store: &Store, claim: &Claim, until: Timestamp) -> Result<bool, StoreError> {
    let statement = sql("UPDATE jobs SET due_at = ").push_bind(until);
    let row = store
        .record(held(statement, claim).push(" RETURNING position"))
        .await?;
    Ok(row.is_some())
}

/// Gives a job back, for another attempt later.
pub(crate) async fn put_off(store: &Store, claim: &Claim, until: Timestamp) -> Result<(), StoreError> {
    let statement = sql("UPDATE jobs SET holder = NULL, due_at = ").push_bind(until);
    store.record(held(statement, claim)).await?;
    Ok(())
}

/// Ends a job, together with what it came to. False if it was somebody else's: then nothing else may be written.
pub(crate) async fn end(connection: &mut Connection, claim: &Claim) -> Result<bool, StoreError> {
    let done = held(sql("DELETE FROM jobs"), claim).execute(connection).await?;
    Ok(done > 0)
}

/// Ends the job for an object, whoever holds it.
pub(crate) async fn cancel(connection: &mut Connection, kind: Kind, object: &str) -> Result<(), StoreError> {
    sql("DELETE FROM jobs WHERE kind = $1 AND object = $2")
        .bind(kind.as_str())
        .bind(object)
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends a job whose object is gone.
pub(crate) async fn forget(store: &Store, claim: &Claim) -> Result<(), StoreError> {
    store.record(held(sql("DELETE FROM jobs"), claim)).await?;
    Ok(())
}

fn held(statement: Statement, claim: &Claim) -> Statement {
    statement
        .push(" WHERE kind = ")
        .push_bind(claim.kind.as_str())
        .push(" AND object = ")
        .push_bind(&claim.object)
        .push(" AND holder = ")
        .push_bind(&claim.holder)
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::AutoLabel => "auto_label",
        }
    }

    fn read(text: &str) -> Result<Self, StoreError> {
        [Self::Export, Self::AutoLabel]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| StoreError::damaged("the kind of a job is unknown"))
    }
}
