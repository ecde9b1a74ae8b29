//! Rows of key usage by day: hours of long ago, summed up. In steps, each so short that nobody waits long for it.

use std::collections::BTreeMap;

use avala_api::Timestamp;

use super::{Store, StoreError, key_usage, sql};
use crate::usage::By;

/// Rows of one step.
const ROWS: i64 = 500;

impl Store {
    /// Puts requests of hours before this one into the days they belong to, and tells whether there were any.
    /// What is taken from an hour is added to its day in the same transaction, whoever else does this as well.
    pub(crate) async fn sum_up_usage(&self, before: Timestamp) -> Result<bool, StoreError> {
        let mut connection = self.begin().await?;
        let taken = sql(
            "DELETE FROM key_usage WHERE (key_id, hour, route_group, outcome) IN
             (SELECT key_id, hour, route_group, outcome FROM key_usage WHERE hour < $1
              ORDER BY hour, key_id, route_group, outcome LIMIT $2)
             RETURNING key_id, hour, route_group, outcome, requests",
        )
        .bind(before)
        .bind(ROWS)
        .fetch_all(&mut connection)
        .await?;
        if taken.is_empty() {
            return Ok(false);
        }
        let mut sums = BTreeMap::<(String, Timestamp, String, String), i64>::new();
        for row in &taken {
            let day = By::Day.start(row.get("hour")?);
            let day = Timestamp::from_unix_millis(day);
            let of = (
                row.get("key_id")?,
                day,
                row.get("route_group")?,
                row.get("outcome")?,
            );
            *sums.entry(of).or_default() += row.get::<i64>("requests")?;
        }
        let days = sums
            .iter()
            .map(|((key, day, group, outcome), count)| key_usage::Requests {
                key,
                start: *day,
                group,
                outcome,
                count: *count,
            });
        let days: Vec<_> = days.collect();
        key_usage::adding(By::Day, &days).execute(&mut connection).await?;
        connection.commit().await?;
        Ok(true)
    }

    /// Forgets requests of days before this instant, and tells whether there were any.
    pub(crate) async fn forget_days(&self, before: Timestamp) -> Result<bool, StoreError> {
        let mut connection = self.begin().await?;
        let forgotten = sql(
            "DELETE FROM key_usage_days WHERE (key_id, day, route_group, outcome) IN
             (SELECT key_id, day, route_group, outcome FROM key_usage_days WHERE day < $1 LIMIT $2)",
        )
        .bind(before)
        .bind(ROWS)
        .execute(&mut connection)
        .await?;
        if forgotten == 0 {
            return Ok(false);
        }
        connection.commit().await?;
        Ok(true)
    }
}
