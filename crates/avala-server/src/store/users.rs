//! Rows of users.

use avala_api::{Timestamp, users::User};

use super::{
    Connection, Executor, Reader, Row, StoreError,
    rows::{instant, instant_or_null},
    sql,
};

/// A user to be written.
pub(crate) struct NewUser<'a> {
    pub(crate) uid: &'a str,
    pub(crate) email: &'a str,
    pub(crate) first_name: Option<&'a str>,
    pub(crate) last_name: Option<&'a str>,
    /// In PHC form; `None` for a user who cannot sign in.
    pub(crate) password_hash: Option<&'a str>,
    pub(crate) created_at: Timestamp,
}

pub(crate) async fn insert(connection: &mut Connection, user: &NewUser<'_>) -> Result<(), StoreError> {
    sql(
        "INSERT INTO users (uid, email, first_name, last_name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(user.uid)
    .bind(user.email)
    .bind(user.first_name)
    .bind(user.last_name)
    .bind(user.password_hash)
    .bind(user.created_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the user is there, and switched off.
pub(crate) async fn is_disabled(connection: &mut Connection, uid: &str) -> Result<bool, StoreError> {
    let row = sql("SELECT uid FROM users WHERE uid = $1 AND disabled_at IS NOT NULL")
        .bind(uid)
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Gives a user the names that are said.
pub(crate) async fn rename(
    connection: &mut Connection,
    uid: &str,
    first_name: Option<&str>,
    last_name: Option<&str>,
) -> Result<(), StoreError> {
    sql("UPDATE users SET first_name = coalesce($1, first_name), last_name = coalesce($2, last_name) WHERE uid = $3")
        .bind(first_name)
        .bind(last_name)
        .bind(uid)
        .execute(connection)
        .await?;
    Ok(())
}

/// Switches a user off since then, or on.
pub(crate) async fn set_disabled(
    connection: &mut Connection,
    uid: &str,
    disabled_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    sql("UPDATE users SET disabled_at = $1 WHERE uid = $2")
        .bind(disabled_at)
        .bind(uid)
        .execute(connection)
        .await?;
    Ok(())
}

/// A user and an organization of theirs, as rows of one list.
pub(crate) struct Listed {
    pub(crate) uid: String,
    pub(crate) email: String,
    pub(crate) created_at: Timestamp,
    pub(crate) disabled_at: Option<Timestamp>,
    /// Slug and role.
    pub(crate) place: Option<(String, String)>,
}

/// All users, oldest first; one line for each organization they belong to.
pub(crate) async fn list(reader: &Reader) -> Result<Vec<Listed>, StoreError> {
    let rows = sql(
        "SELECT u.uid, u.email, u.created_at, u.disabled_at, o.slug, m.role FROM users u
         LEFT JOIN memberships m ON m.\"user\" = u.uid LEFT JOIN organizations o ON o.uid = m.organization
         ORDER BY u.position, m.joined_at, o.position",
    )
    .fetch_all(reader)
    .await?;
    rows.iter()
        .map(|row| {
            let slug: Option<String> = row.get("slug")?;
            let role: Option<String> = row.get("role")?;
            Ok(Listed {
                uid: row.get("uid")?,
                email: row.get("email")?,
                created_at: instant(row, "created_at")?,
                disabled_at: instant_or_null(row, "disabled_at")?,
                place: slug.zip(role),
            })
        })
        .collect()
}

/// A user by their e-mail address or uid.
pub(crate) async fn named(connection: &mut Connection, name: &str) -> Result<Option<User>, StoreError> {
    let row = sql("SELECT * FROM users WHERE lower(email) = lower($1) OR uid = $1")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(user).transpose()
}

/// Whether there is any.
pub(crate) async fn exist<'c>(executor: impl Into<Executor<'c>>) -> Result<bool, StoreError> {
    let row = sql("SELECT uid FROM users LIMIT 1")
        .fetch_optional(executor)
        .await?;
    Ok(row.is_some())
}

pub(crate) async fn by_uid(reader: &Reader, uid: &str) -> Result<Option<User>, StoreError> {
    let row = sql("SELECT * FROM users WHERE uid = $1")
        .bind(uid)
        .fetch_optional(reader)
        .await?;
    row.as_ref().map(user).transpose()
}

pub(crate) async fn by_email(reader: &Reader, email: &str) -> Result<Option<User>, StoreError> {
    let row = sql("SELECT * FROM users WHERE lower(email) = lower($1)")
        .bind(email)
        .fetch_optional(reader)
        .await?;
    row.as_ref().map(user).transpose()
}

fn user(row: &Row) -> Result<User, StoreError> {
    let email: String = row.get("email")?;
    Ok(User {
        uid: row.get::<String>("uid")?.into(),
        username: email.clone(),
        email: Some(email),
        first_name: row.get("first_name")?,
        last_name: row.get("last_name")?,
        in_waitlist: false,
        extra: avala_api::Extra::new(),
    })
}
