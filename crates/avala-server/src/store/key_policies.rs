//! Rows of what organizations let their keys be.

use std::time::Duration;

use super::{
    Connection, Executor, StoreError,
    rows::{json_or_null, to_json},
    sql,
};
use crate::keys::KeyPolicy;

/// The policy of an organization; the usual one where nobody has said anything.
pub(crate) async fn of<'c>(on: impl Into<Executor<'c>>, organization: &str) -> Result<KeyPolicy, StoreError> {
    let row = sql(
        "SELECT longest_life, requires_expiry, allowed_scopes, most_keys FROM key_policies WHERE organization = $1",
    )
    .bind(organization)
    .fetch_optional(on)
    .await?;
    let Some(row) = row else {
        return Ok(KeyPolicy::default());
    };
    let damaged = || StoreError::damaged("a policy counts less than nothing");
    let seconds = |seconds: i64| {
        u64::try_from(seconds)
            .map(Duration::from_secs)
            .map_err(|_| damaged())
    };
    Ok(KeyPolicy {
        longest_life: row.get::<Option<i64>>("longest_life")?.map(seconds).transpose()?,
        requires_expiry: row.get("requires_expiry")?,
        allowed_scopes: json_or_null(&row, "allowed_scopes")?,
        most_keys: row.get::<i64>("most_keys")?.try_into().map_err(|_| damaged())?,
    })
}

pub(crate) async fn write(
    connection: &mut Connection,
    organization: &str,
    policy: &KeyPolicy,
) -> Result<(), StoreError> {
    let integer = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let scopes = policy.allowed_scopes.as_ref();
    sql(
        "INSERT INTO key_policies (organization, longest_life, requires_expiry, allowed_scopes, most_keys)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (organization) DO UPDATE SET longest_life = excluded.longest_life,
         requires_expiry = excluded.requires_expiry, allowed_scopes = excluded.allowed_scopes,
         most_keys = excluded.most_keys",
    )
    .bind(organization)
    .bind(policy.longest_life.map(|life| integer(life.as_secs())))
    .bind(policy.requires_expiry)
    .bind(scopes.map(to_json).transpose()?)
    .bind(integer(policy.most_keys))
    .execute(connection)
    .await?;
    Ok(())
}
