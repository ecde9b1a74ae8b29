//! Rows of key usage: requests by key and hour, and each key's last use.

use avala_api::Timestamp;
use avala_keys::KeyId;

use super::{
    Row, Statement, Store, StoreError,
    key_networks::{self, KeyNetwork},
    rows::instant,
    sql,
};
use crate::usage::{By, LastOf};

/// Rows of one statement. SQLite binds at most 32,766 values, PostgreSQL twice that.
const ROWS: usize = 500;

/// Requests of a key within an hour or a day, of one route group and with one outcome.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requests<'a> {
    pub(crate) key: &'a str,
    /// Its first instant.
    pub(crate) start: Timestamp,
    pub(crate) group: &'a str,
    pub(crate) outcome: &'a str,
    pub(crate) count: i64,
}

/// The last use of a key, or the last refusal.
#[derive(Clone, Debug)]
pub(crate) struct LastUse {
    pub(crate) key: KeyId,
    pub(crate) at: Timestamp,
    pub(crate) address: String,
    pub(crate) agent: Option<String>,
}

/// What a column holds that only this server writes.
#[derive(Clone, Debug)]
pub(crate) struct StoredRequests {
    pub(crate) start: Timestamp,
    pub(crate) group: String,
    pub(crate) outcome: String,
    pub(crate) count: i64,
}

/// Requests of a key in some hours, and how many of them were refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusals {
    pub(crate) key: KeyId,
    pub(crate) requests: i64,
    pub(crate) refused: i64,
}

impl LastOf {
    fn table(self) -> &'static str {
        match self {
            Self::Uses => "key_last_uses",
            Self::Refusals => "key_last_refusals",
        }
    }
}

impl Store {
    /// Adds requests and networks to what is written, and moves last uses and refusals forwards: all of it or nothing.
    /// Without a line of the audit: it is nobody's act.
    pub(crate) async fn add_usage(
        &self,
        requests: &[Requests<'_>],
        used: &[LastUse],
        refused: &[LastUse],
        networks: &[KeyNetwork],
    ) -> Result<(), StoreError> {
        let mut connection = self.begin().await?;
        for rows in requests.chunks(ROWS) {
            adding(By::Hour, rows).execute(&mut connection).await?;
        }
        for (kind, lasts) in [(LastOf::Uses, used), (LastOf::Refusals, refused)] {
            for rows in lasts.chunks(ROWS) {
                moving(kind, rows).execute(&mut connection).await?;
            }
        }
        for networks in key_networks::adding(networks) {
            networks.execute(&mut connection).await?;
        }
        connection.commit().await
    }

    /// Requests of a key in the hours from `from` until before `to`; by day, also in the days that were summed up. In one
    /// statement: whoever sums up meanwhile takes from the one and adds to the other.
    pub(crate) async fn usage_of(
        &self,
        key: KeyId,
        from: Timestamp,
        to: Timestamp,
        by: By,
    ) -> Result<Vec<StoredRequests>, StoreError> {
        let hours = "SELECT hour AS start, route_group, outcome, requests FROM key_usage
             WHERE key_id = $1 AND hour >= $2 AND hour < $3";
        let days = " UNION ALL SELECT day, route_group, outcome, requests FROM key_usage_days
             WHERE key_id = $1 AND day >= $2 AND day < $3";
        sql(hours)
            .push(match by {
                By::Hour => "",
                By::Day => days,
            })
            .bind(key.as_str())
            .bind(from)
            .bind(to)
            .fetch_all(self.reader())
            .await?
            .iter()
            .map(|row| {
                Ok(StoredRequests {
                    start: instant(row, "start")?,
                    group: row.get("route_group")?,
                    outcome: row.get("outcome")?,
                    count: row.get("requests")?,
                })
            })
            .collect()
    }

    /// Requests of these keys in the hours from this one on: all, and those that were refused.
    pub(crate) async fn refusals_since(
        &self,
        keys: &[KeyId],
        hour: Timestamp,
    ) -> Result<Vec<Refusals>, StoreError> {
        let mut found = Vec::new();
        for keys in keys.chunks(ROWS) {
            let rows = sql("SELECT key_id, CAST(sum(requests) AS BIGINT) AS requests,
                 CAST(sum(CASE outcome WHEN 'refused' THEN requests ELSE 0 END) AS BIGINT) AS refused
                 FROM key_usage WHERE key_id IN ")
            .push_list(keys.iter().map(KeyId::as_str))
            .push(" AND hour >= ")
            .push_bind(hour)
            .push(" GROUP BY key_id")
            .fetch_all(self.reader())
            .await?;
            for row in &rows {
                found.push(Refusals {
                    key: key(row)?,
                    requests: row.get("requests")?,
                    refused: row.get("refused")?,
                });
            }
        }
        Ok(found)
    }

    /// The last uses or refusals of these keys, of each that has one.
    pub(crate) async fn lasts(&self, kind: LastOf, keys: &[KeyId]) -> Result<Vec<LastUse>, StoreError> {
        let mut found = Vec::new();
        for keys in keys.chunks(ROWS) {
            let rows = sql("SELECT key_id, at, address, agent FROM ")
                .push(kind.table())
                .push(" WHERE key_id IN ")
                .push_list(keys.iter().map(KeyId::as_str))
                .fetch_all(self.reader())
                .await?;
            for row in &rows {
                found.push(last_use(row)?);
            }
        }
        Ok(found)
    }
}

/// One row for each, in the order given: whoever else writes them must take them in the same order.
pub(super) fn adding(by: By, rows: &[Requests<'_>]) -> Statement {
    let (table, start) = match by {
        By::Hour => ("key_usage", "hour"),
        By::Day => ("key_usage_days", "day"),
    };
    let mut statement = sql(format!(
        "INSERT INTO {table} AS written (key_id, {start}, route_group, outcome, requests) VALUES "
    ));
    for (index, row) in rows.iter().enumerate() {
        statement = statement
            .push(if index == 0 { "(" } else { ", (" })
            .push_bind(row.key)
            .push(", ")
            .push_bind(row.start)
            .push(", ")
            .push_bind(row.group)
            .push(", ")
            .push_bind(row.outcome)
            .push(", ")
            .push_bind(row.count)
            .push(")");
    }
    statement
        .push(" ON CONFLICT (key_id, ")
        .push(start)
        .push(", route_group, outcome) DO UPDATE SET requests = written.requests + excluded.requests")
}

fn moving(kind: LastOf, rows: &[LastUse]) -> Statement {
    let table = kind.table();
    let mut statement = sql(format!(
        "INSERT INTO {table} AS written (key_id, at, address, agent) VALUES "
    ));
    for (index, row) in rows.iter().enumerate() {
        statement = statement
            .push(if index == 0 { "(" } else { ", (" })
            .push_bind(row.key.as_str())
            .push(", ")
            .push_bind(row.at)
            .push(", ")
            .push_bind(&row.address)
            .push(", ")
            .push_bind(&row.agent)
            .push(")");
    }
    // Within the same minute, whoever writes later has seen the later use.
    statement.push(
        " ON CONFLICT (key_id) DO UPDATE SET at = excluded.at, address = excluded.address, agent = excluded.agent
          WHERE written.at <= excluded.at",
    )
}

fn key(row: &Row) -> Result<KeyId, StoreError> {
    let key: String = row.get("key_id")?;
    key.parse().map_err(|_| StoreError::damaged("a use is of no key"))
}

fn last_use(row: &Row) -> Result<LastUse, StoreError> {
    Ok(LastUse {
        key: key(row)?,
        at: instant(row, "at")?,
        address: row.get("address")?,
        agent: row.get("agent")?,
    })
}
