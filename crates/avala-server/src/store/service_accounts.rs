//! Rows of service accounts.

use avala_api::{Extra, Timestamp, organizations, service_accounts::ServiceAccount};

use super::{
    Connection, Executor, Reader, Row, Rows, StoreError, Window,
    rows::{instant, instant_or_null},
    sql,
};
use crate::keys::Role;

/// A service account to be written.
pub(crate) struct NewServiceAccount<'a> {
    pub(crate) uid: &'a str,
    pub(crate) organization: &'a str,
    pub(crate) name: &'a str,
    pub(crate) role: Role,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: &'a str,
}

pub(crate) async fn insert(
    connection: &mut Connection,
    new: &NewServiceAccount<'_>,
) -> Result<(), StoreError> {
    sql(
        "INSERT INTO service_accounts (uid, organization, name, role, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(new.uid)
    .bind(new.organization)
    .bind(new.name)
    .bind(new.role.as_str())
    .bind(new.created_at)
    .bind(new.created_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes back what may change.
pub(crate) async fn update(connection: &mut Connection, account: &ServiceAccount) -> Result<(), StoreError> {
    sql("UPDATE service_accounts SET role = $1, disabled_at = $2 WHERE uid = $3")
        .bind(account.role.as_str())
        .bind(account.disabled_at)
        .bind(account.uid.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn find<'c>(
    executor: impl Into<Executor<'c>>,
    organization: &str,
    uid: &str,
) -> Result<Option<ServiceAccount>, StoreError> {
    let row = sql("SELECT * FROM service_accounts WHERE organization = $1 AND uid = $2")
        .bind(organization)
        .bind(uid)
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(account).transpose()
}

pub(crate) async fn by_name(
    connection: &mut Connection,
    organization: &str,
    name: &str,
) -> Result<Option<ServiceAccount>, StoreError> {
    let row = sql("SELECT * FROM service_accounts WHERE organization = $1 AND name = $2")
        .bind(organization)
        .bind(name)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(account).transpose()
}

/// The names of all of an organization.
pub(crate) async fn names(
    connection: &mut Connection,
    organization: &str,
) -> Result<Vec<String>, StoreError> {
    let rows = sql("SELECT name FROM service_accounts WHERE organization = $1 ORDER BY position")
        .bind(organization)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| row.get("name")).collect()
}

pub(crate) async fn count(connection: &mut Connection, organization: &str) -> Result<i64, StoreError> {
    sql("SELECT count(*) AS n FROM service_accounts WHERE organization = $1")
        .bind(organization)
        .fetch_one(connection)
        .await?
        .get("n")
}

pub(crate) async fn list(
    reader: &Reader,
    organization: &str,
    window: Window,
) -> Result<Rows<ServiceAccount>, StoreError> {
    let query = sql("SELECT * FROM service_accounts WHERE organization = $1").bind(organization);
    window.fetch(query, reader, account).await
}

fn account(row: &Row) -> Result<ServiceAccount, StoreError> {
    Ok(ServiceAccount {
        uid: row.get::<String>("uid")?.into(),
        name: row.get("name")?,
        role: organizations::Role::from(row.get::<String>("role")?),
        created_at: instant(row, "created_at")?,
        created_by: row.get("created_by")?,
        disabled_at: instant_or_null(row, "disabled_at")?,
        extra: Extra::new(),
    })
}
