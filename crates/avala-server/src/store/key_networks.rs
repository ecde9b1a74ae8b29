//! Rows of the networks that keys were used from.

use avala_api::Timestamp;
use avala_keys::KeyId;
use ipnet::IpNet;

use super::{Row, Statement, Store, StoreError, rows::instant, sql};

/// Rows of one statement.
const ROWS: usize = 500;

/// A network that a key was used from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyNetwork {
    pub(crate) key: KeyId,
    pub(crate) network: IpNet,
    /// When for the first time.
    pub(crate) first_used: Timestamp,
}

impl Store {
    /// The networks that these keys were used from.
    pub(crate) async fn networks_of(&self, keys: &[KeyId]) -> Result<Vec<KeyNetwork>, StoreError> {
        let mut found = Vec::new();
        for keys in keys.chunks(ROWS) {
            let rows = sql("SELECT key_id, network, first_used FROM key_networks WHERE key_id IN ")
                .push_list(keys.iter().map(KeyId::as_str))
                .fetch_all(self.reader())
                .await?;
            for row in &rows {
                found.push(key_network(row)?);
            }
        }
        Ok(found)
    }
}

/// The first to say when a network was used first is right.
pub(super) fn adding(rows: &[KeyNetwork]) -> impl Iterator<Item = Statement> {
    rows.chunks(ROWS).map(|rows| {
        let mut statement = sql("INSERT INTO key_networks (key_id, network, first_used) VALUES ");
        for (index, row) in rows.iter().enumerate() {
            statement = statement
                .push(if index == 0 { "(" } else { ", (" })
                .push_bind(row.key.as_str())
                .push(", ")
                .push_bind(row.network.to_string())
                .push(", ")
                .push_bind(row.first_used)
                .push(")");
        }
        statement.push(" ON CONFLICT (key_id, network) DO NOTHING")
    })
}

fn key_network(row: &Row) -> Result<KeyNetwork, StoreError> {
    let (key, network): (String, String) = (row.get("key_id")?, row.get("network")?);
    let damaged = || StoreError::damaged("a key was used from no network");
    Ok(KeyNetwork {
        key: key.parse().map_err(|_| damaged())?,
        network: network.parse().map_err(|_| damaged())?,
        first_used: instant(row, "first_used")?,
    })
}
