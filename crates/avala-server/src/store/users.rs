//! Rows of users.

use avala_api::users::User;

use super::{Connection, Reader, Row, StoreError, sql};

/// A user to be written.
pub(crate) struct NewUser<'a> {
    pub(crate) uid: &'a str,
    pub(crate) email: &'a str,
    pub(crate) first_name: Option<&'a str>,
    pub(crate) last_name: Option<&'a str>,
    /// In PHC form; `None` for a user who cannot sign in.
    pub(crate) password_hash: Option<&'a str>,
    pub(crate) created_at: avala_api::Timestamp,
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

/// Whether there is any.
pub(crate) async fn exist(reader: &Reader) -> Result<bool, StoreError> {
    let row = sql("SELECT uid FROM users LIMIT 1")
        .fetch_optional(reader)
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
