//! Rows of the audit, chained: each has the hash of itself and of the row before.

use avala_api::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{Connection, Reader, Row, StoreError, sql};

/// The hash of a row.
pub(crate) type Hash = [u8; 32];

/// What stands in for the hash before the first.
pub(crate) const NONE_BEFORE: Hash = [0; 32];

/// A line of the audit, without its place in the chain. All of it is hashed.
pub(crate) struct Line {
    /// In milliseconds, as it is stored: also one that is no instant was written by somebody.
    pub(crate) at: i64,
    pub(crate) actor_kind: String,
    pub(crate) actor_key: Option<String>,
    pub(crate) actor_user: Option<String>,
    pub(crate) action: String,
    pub(crate) object: String,
    pub(crate) seq: Option<i64>,
}

/// A line in its place.
pub(crate) struct Chained {
    pub(crate) position: i64,
    pub(crate) line: Line,
    /// `None` if it was written before there was a chain.
    pub(crate) hash: Option<Vec<u8>>,
}

/// What `meta` says about the chain.
pub(crate) struct Chain {
    /// The position before the first.
    pub(crate) start: i64,
    pub(crate) count: i64,
    pub(crate) head: Vec<u8>,
}

impl Line {
    pub(crate) fn at(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.at)
    }

    /// Every field, so that no two lines have the same bytes: each says whether it is there, and how long it is.
    fn canonical(&self) -> Vec<u8> {
        let (at, seq) = (self.at.to_be_bytes(), self.seq.map(i64::to_be_bytes));
        let fields: [Option<&[u8]>; 7] = [
            Some(&at),
            Some(self.actor_kind.as_bytes()),
            self.actor_key.as_deref().map(str::as_bytes),
            self.actor_user.as_deref().map(str::as_bytes),
            Some(self.action.as_bytes()),
            Some(self.object.as_bytes()),
            seq.as_ref().map(<[u8; 8]>::as_slice),
        ];
        let mut bytes = Vec::new();
        for field in fields {
            bytes.push(field.is_some().into());
            let field = field.unwrap_or_default();
            bytes.extend((field.len() as u64).to_be_bytes());
            bytes.extend(field);
        }
        bytes
    }
}

impl Chained {
    /// The hash that the line must have after this one.
    pub(crate) fn expected(&self, previous: &Hash) -> Hash {
        link(previous, self.position, &self.line.canonical())
    }
}

fn link(previous: &[u8], position: i64, canonical: &[u8]) -> Hash {
    let hash = Sha256::new()
        .chain_update(previous)
        .chain_update(position.to_be_bytes())
        .chain_update(canonical);
    hash.finalize().into()
}

/// Adds a line to the end of the chain. On PostgreSQL, nobody else adds one until the change ends.
pub(crate) async fn append(connection: &mut Connection, line: Line) -> Result<(), StoreError> {
    let canonical = line.canonical();
    if let Connection::Postgres(_) = connection {
        // The database makes the hash itself, so that this is one round trip, like any other statement.
        let done = sql("WITH chain AS (
                UPDATE meta SET audit_count = audit_count + 1,
                    audit_head = sha256(audit_head || int8send(audit_start + audit_count + 1) || $8)
                RETURNING audit_start + audit_count AS position, audit_head)
             INSERT INTO audit (at, actor_kind, actor_key, actor_user, action, object, seq, position, hash)
             OVERRIDING SYSTEM VALUE SELECT $1, $2, $3, $4, $5, $6, $7, position, audit_head FROM chain");
        let done = bound(done, line).bind(&canonical[..]).execute(connection).await?;
        return if done == 1 { Ok(()) } else { Err(no_meta()) };
    }
    let row = sql("SELECT audit_start + audit_count + 1 AS position, audit_head FROM meta")
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(no_meta)?;
    let position: i64 = row.get("position")?;
    let hash = link(&row.get::<Vec<u8>>("audit_head")?, position, &canonical);
    let insert = sql(
        "INSERT INTO audit (at, actor_kind, actor_key, actor_user, action, object, seq, position, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    );
    bound(insert, line)
        .bind(position)
        .bind(&hash)
        .execute(&mut *connection)
        .await?;
    sql("UPDATE meta SET audit_count = audit_count + 1, audit_head = $1")
        .bind(&hash)
        .execute(connection)
        .await?;
    Ok(())
}

fn bound(statement: super::Statement, line: Line) -> super::Statement {
    statement
        .bind(line.at)
        .bind(line.actor_kind)
        .bind(line.actor_key)
        .bind(line.actor_user)
        .bind(line.action)
        .bind(line.object)
        .bind(line.seq)
}

fn no_meta() -> StoreError {
    StoreError::damaged("the meta row is missing")
}

pub(crate) async fn chain(reader: &Reader) -> Result<Chain, StoreError> {
    let row = sql("SELECT audit_start, audit_count, audit_head FROM meta")
        .fetch_optional(reader)
        .await?
        .ok_or_else(no_meta)?;
    Ok(Chain {
        start: row.get("audit_start")?,
        count: row.get("audit_count")?,
        head: row.get("audit_head")?,
    })
}

/// The next lines after a position, in their order; none at the end.
pub(crate) async fn after(reader: &Reader, position: i64) -> Result<Vec<Chained>, StoreError> {
    let rows = sql("SELECT * FROM audit WHERE position > $1 ORDER BY position LIMIT 500")
        .bind(position)
        .fetch_all(reader)
        .await?;
    rows.iter().map(chained).collect()
}

fn chained(row: &Row) -> Result<Chained, StoreError> {
    Ok(Chained {
        position: row.get("position")?,
        line: Line {
            at: row.get("at")?,
            actor_kind: row.get("actor_kind")?,
            actor_key: row.get("actor_key")?,
            actor_user: row.get("actor_user")?,
            action: row.get("action")?,
            object: row.get("object")?,
            seq: row.get("seq")?,
        },
        hash: row.get("hash")?,
    })
}
