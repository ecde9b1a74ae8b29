//! Rows of the audit, chained: each has the hash of itself and of the row before.

use avala_api::Timestamp;
use avala_keys::KeyId;
use sha2::{Digest as _, Sha256};

use super::{Connection, Reader, Row, Rows, Statement, Store, StoreError, Window, sql};

/// The hash of a row.
pub(crate) type Hash = [u8; 32];

/// What stands in for the hash before the first.
pub(crate) const NONE_BEFORE: Hash = [0; 32];

/// Lines of one statement. SQLite binds at most 32,766 values.
const LINES: usize = 500;

/// A line of the audit, without its place in the chain. All of it is hashed.
pub(crate) struct Line {
    /// In milliseconds, as it is stored: also one that is no instant was written by somebody.
    pub(crate) at: i64,
    /// Who may read it; `None` for the console alone, and in every line from before this was written.
    pub(crate) organization: Option<String>,
    pub(crate) actor_kind: String,
    pub(crate) actor_key: Option<String>,
    pub(crate) actor_user: Option<String>,
    pub(crate) action: String,
    pub(crate) object: String,
    pub(crate) seq: Option<i64>,
    /// Why requests were refused, if this is about such.
    pub(crate) code: Option<String>,
    /// How many they were.
    pub(crate) requests: Option<i64>,
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

    /// Every field, so that no two lines have the same bytes: each says whether it is there, and how long it is. The
    /// last three came later; where none is there, the bytes are those of a line from before.
    fn canonical(&self) -> Vec<u8> {
        let (at, seq) = (self.at.to_be_bytes(), self.seq.map(i64::to_be_bytes));
        let requests = self.requests.map(i64::to_be_bytes);
        let fields: [Option<&[u8]>; 10] = [
            Some(&at),
            Some(self.actor_kind.as_bytes()),
            self.actor_key.as_deref().map(str::as_bytes),
            self.actor_user.as_deref().map(str::as_bytes),
            Some(self.action.as_bytes()),
            Some(self.object.as_bytes()),
            seq.as_ref().map(<[u8; 8]>::as_slice),
            self.organization.as_deref().map(str::as_bytes),
            self.code.as_deref().map(str::as_bytes),
            requests.as_ref().map(<[u8; 8]>::as_slice),
        ];
        let (before, later) = fields.split_at(7);
        let later = if later.iter().any(Option::is_some) {
            later
        } else {
            &[]
        };
        let mut bytes = Vec::new();
        for field in before.iter().chain(later) {
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
    if let Connection::Sqlite(_) = connection {
        return append_all(connection, &[line]).await;
    }
    // The database makes the hash itself, so that this is one round trip, like any other statement.
    let statement = sql("WITH chain AS (
            UPDATE meta SET audit_count = audit_count + 1,
                audit_head = sha256(audit_head || int8send(audit_start + audit_count + 1) || ")
    .push_bind(&line.canonical()[..])
    .push(
        ")
            RETURNING audit_start + audit_count AS position, audit_head)
         INSERT INTO audit (position, hash, at, organization, actor_kind, actor_key, actor_user, action, object, seq, code, requests)
         OVERRIDING SYSTEM VALUE SELECT position, audit_head, ",
    );
    match bound(statement, &line)
        .push(" FROM chain")
        .execute(connection)
        .await?
    {
        1 => Ok(()),
        _ => Err(no_meta()),
    }
}

/// Adds lines to the end of the chain, which is nobody else's for so long.
async fn append_all(connection: &mut Connection, lines: &[Line]) -> Result<(), StoreError> {
    let row = sql("SELECT audit_start + audit_count AS position, audit_head FROM meta")
        .for_update()
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(no_meta)?;
    let (mut position, mut head): (i64, Vec<u8>) = (row.get("position")?, row.get("audit_head")?);
    for lines in lines.chunks(LINES) {
        let overriding = match connection {
            Connection::Sqlite(_) => "",
            Connection::Postgres(_) => "OVERRIDING SYSTEM VALUE ",
        };
        let mut insert = sql(
            "INSERT INTO audit (position, hash, at, organization, actor_kind, actor_key, actor_user, action, object, seq, code, requests) ",
        )
        .push(overriding)
        .push("VALUES ");
        for (index, line) in lines.iter().enumerate() {
            position += 1;
            head = link(&head, position, &line.canonical()).to_vec();
            insert = insert
                .push(if index == 0 { "(" } else { ", (" })
                .push_bind(position)
                .push(", ")
                .push_bind(&head[..])
                .push(", ");
            insert = bound(insert, line).push(")");
        }
        insert.execute(&mut *connection).await?;
    }
    sql("UPDATE meta SET audit_count = $1 - audit_start, audit_head = $2")
        .bind(position)
        .bind(&head[..])
        .execute(connection)
        .await?;
    Ok(())
}

/// Adds the fields of a line as placeholders, in the order of the columns.
fn bound(statement: Statement, line: &Line) -> Statement {
    statement
        .push_bind(line.at)
        .push(", ")
        .push_bind(&line.organization)
        .push(", ")
        .push_bind(&line.actor_kind)
        .push(", ")
        .push_bind(&line.actor_key)
        .push(", ")
        .push_bind(&line.actor_user)
        .push(", ")
        .push_bind(&line.action)
        .push(", ")
        .push_bind(&line.object)
        .push(", ")
        .push_bind(line.seq)
        .push(", ")
        .push_bind(&line.code)
        .push(", ")
        .push_bind(line.requests)
}

impl Store {
    /// Adds lines that tell of no change: all of them or none.
    pub(crate) async fn add_lines(&self, lines: &[Line]) -> Result<(), StoreError> {
        let mut connection = self.begin().await?;
        append_all(&mut connection, lines).await?;
        connection.commit().await
    }
}

/// Which lines of an organization are asked for.
#[derive(Default)]
pub(crate) struct Filter<'a> {
    /// The key that acted, or that it was done to.
    pub(crate) key: Option<&'a str>,
    /// The user who acted, or a kind of actor.
    pub(crate) actor: Option<&'a str>,
    pub(crate) action: Option<&'a str>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
}

/// Lines of an organization.
pub(crate) async fn list(
    reader: &Reader,
    organization: &str,
    filter: &Filter<'_>,
    window: Window,
) -> Result<Rows<Chained>, StoreError> {
    let mut query = sql("SELECT * FROM audit WHERE organization = $1").bind(organization);
    if let Some(key) = filter.key {
        // No uid of another object passes for the id of a key.
        query = query
            .push(" AND (actor_key = ")
            .push_bind(key)
            .push(" OR (substr(action, 1, 8) = 'api_key.' AND object = ")
            .push_bind(key)
            .push("))");
    }
    if let Some(actor) = filter.actor {
        query = query
            .push(" AND (actor_user = ")
            .push_bind(actor)
            .push(" OR actor_kind = ")
            .push_bind(actor)
            .push(")");
    }
    if let Some(action) = filter.action {
        query = query.push(" AND action = ").push_bind(action);
    }
    if let Some(from) = filter.from {
        query = query.push(" AND at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        query = query.push(" AND at < ").push_bind(to);
    }
    window.fetch(query, reader, chained).await
}

/// The organization that a key was issued to or taken over for, whatever its row says by now.
pub(crate) async fn organization_of_key(
    connection: &mut Connection,
    key: KeyId,
) -> Result<Option<String>, StoreError> {
    let row = sql(
        "SELECT organization FROM audit WHERE object = $1 AND seq IS NOT NULL
         AND action IN ('api_key.issue', 'api_key.import') ORDER BY position LIMIT 1",
    )
    .bind(key.as_str())
    .fetch_optional(connection)
    .await?;
    row.map_or(Ok(None), |row| row.get("organization"))
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
            organization: row.get("organization")?,
            actor_kind: row.get("actor_kind")?,
            actor_key: row.get("actor_key")?,
            actor_user: row.get("actor_user")?,
            action: row.get("action")?,
            object: row.get("object")?,
            seq: row.get("seq")?,
            code: row.get("code")?,
            requests: row.get("requests")?,
        },
        hash: row.get("hash")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    fn line(action: &str, object: &str) -> Line {
        Line {
            at: 1_767_225_600_000,
            organization: None,
            actor_kind: "key".into(),
            actor_key: Some("0123456789AB".into()),
            actor_user: Some("anna".into()),
            action: action.into(),
            object: object.into(),
            seq: None,
            code: None,
            requests: None,
        }
    }

    #[test]
    fn the_chain_is_the_one_that_others_compute() {
        let first = link(&NONE_BEFORE, 1, &line("webhook.create", "wé").canonical());
        assert_eq!(
            hex::encode(&first),
            "78181d92a03ca333092bcca0ee8c87a7944ca2f7a76a29c3989bb75298af2aeb"
        );
        let second = Line {
            at: -1,
            actor_kind: "console".into(),
            actor_key: None,
            actor_user: None,
            seq: Some(7),
            ..line("api_key.revoke", "k")
        };
        assert_eq!(
            hex::encode(&link(&first, 2, &second.canonical())),
            "efee0a1ddcd73dd860b73b73e6be41349b08e73f8642ed009b8891d8285bfb9d"
        );
    }

    #[test]
    fn what_came_later_is_hashed_where_any_of_it_is_there() {
        let of_anna = Line {
            organization: Some("o".into()),
            ..line("webhook.create", "wé")
        };
        assert_eq!(
            hex::encode(&link(&NONE_BEFORE, 1, &of_anna.canonical())),
            "71e42c9dfb21da619f14740966dedde8d8fd5292ef19d5a88afd5a73619125f8"
        );
        let refused = Line {
            code: Some("key_invalid".into()),
            requests: Some(7),
            ..line("request.refuse", "192.0.2.1/32")
        };
        assert_eq!(
            hex::encode(&link(&NONE_BEFORE, 1, &refused.canonical())),
            "d06d3750e2c09aaeb702fd66e6f431361007253e3e7e2977ab22c4dfb3813763"
        );
    }

    #[test]
    fn no_text_passes_for_the_end_of_a_field() {
        for (one, other) in [
            (line("x", "y\u{1}z"), line("x\u{1}y", "z")),
            (line("xy", ""), line("x", "y")),
        ] {
            assert_ne!(one.canonical(), other.canonical());
        }
    }
}
