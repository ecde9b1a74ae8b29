//! Rows of users.

use avala_api::users::User;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::StoreError;

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

pub(crate) async fn insert(connection: &mut SqliteConnection, user: &NewUser<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users (uid, email, first_name, last_name, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(user.uid)
    .bind(user.email)
    .bind(user.first_name)
    .bind(user.last_name)
    .bind(user.password_hash)
    .bind(user.created_at.unix_millis())
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn by_uid(pool: &sqlx::SqlitePool, uid: &str) -> Result<Option<User>, StoreError> {
    let row = sqlx::query("SELECT * FROM users WHERE uid = ?")
        .bind(uid)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(user).transpose()
}

pub(crate) async fn by_email(pool: &sqlx::SqlitePool, email: &str) -> Result<Option<User>, StoreError> {
    let row = sqlx::query("SELECT * FROM users WHERE email = ?")
        .bind(email)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(user).transpose()
}

fn user(row: &SqliteRow) -> Result<User, StoreError> {
    let email: String = row.try_get("email")?;
    Ok(User {
        uid: row.try_get::<String, _>("uid")?.into(),
        username: email.clone(),
        email: Some(email),
        first_name: row.try_get("first_name")?,
        last_name: row.try_get("last_name")?,
        in_waitlist: false,
        extra: avala_api::Extra::new(),
    })
}
