//! Rows of organizations and of who belongs to them.

use avala_api::{Timestamp, Visibility, organizations::Organization};
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{StoreError, rows::instant};

/// What both queries read: the organization, and the caller's place in it.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT o.uid, o.slug, o.name, o.created_at, o.updated_at, m.role, m.joined_at,
             (SELECT count(*) FROM memberships c WHERE c.organization = o.uid) AS member_count
             FROM memberships m JOIN organizations o ON o.uid = m.organization WHERE m.user = ? ",
            $rest
        )
    };
}

/// An organization to be written, with its owner.
pub(crate) struct NewOrganization<'a> {
    pub(crate) uid: &'a str,
    pub(crate) slug: &'a str,
    pub(crate) name: &'a str,
    pub(crate) owner: &'a str,
    pub(crate) created_at: Timestamp,
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewOrganization<'_>,
) -> Result<(), StoreError> {
    let now = new.created_at.unix_millis();
    sqlx::query("INSERT INTO organizations (uid, slug, name, created_at, updated_at) VALUES (?, ?, ?, ?, ?)")
        .bind(new.uid)
        .bind(new.slug)
        .bind(new.name)
        .bind(now)
        .bind(now)
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO memberships (organization, user, role, joined_at) VALUES (?, ?, 'owner', ?)")
        .bind(new.uid)
        .bind(new.owner)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// The organization whose objects a user's keys reach: the first the user joined.
pub(crate) async fn of_user(
    connection: &mut SqliteConnection,
    user: &str,
) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT organization FROM memberships m JOIN organizations o ON o.uid = m.organization
         WHERE m.user = ? ORDER BY m.joined_at, o.position LIMIT 1",
    )
    .bind(user)
    .fetch_optional(connection)
    .await?)
}

/// One page of the organizations a user belongs to, oldest first.
pub(crate) async fn list(
    pool: &SqlitePool,
    user: &str,
    limit: u32,
    skip: u64,
) -> Result<Vec<Organization>, StoreError> {
    let rows = sqlx::query(select!("ORDER BY o.position LIMIT ? OFFSET ?"))
        .bind(user)
        .bind(i64::from(limit))
        .bind(i64::try_from(skip).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await?;
    rows.iter().map(organization).collect()
}

pub(crate) async fn count(pool: &SqlitePool, user: &str) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM memberships WHERE user = ?")
        .bind(user)
        .fetch_one(pool)
        .await?;
    Ok(count.unsigned_abs())
}

pub(crate) async fn by_slug(
    pool: &SqlitePool,
    user: &str,
    slug: &str,
) -> Result<Option<Organization>, StoreError> {
    let row = sqlx::query(select!("AND o.slug = ?"))
        .bind(user)
        .bind(slug)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(organization).transpose()
}

fn organization(row: &SqliteRow) -> Result<Organization, StoreError> {
    Ok(Organization {
        uid: row.try_get::<String, _>("uid")?.into(),
        name: row.try_get("name")?,
        slug: row.try_get::<String, _>("slug")?.into(),
        handle: None,
        description: None,
        readme: None,
        logo: None,
        website: None,
        industry: None,
        organization_type: None,
        x_url: None,
        hugging_face_url: None,
        github_url: None,
        linkedin_url: None,
        email: None,
        phone: None,
        visibility: Some(Visibility::Private),
        plan: None,
        billing_status: None,
        is_verified: false,
        is_active: true,
        member_count: Some(row.try_get("member_count")?),
        team_count: Some(0),
        dataset_count: Some(0),
        project_count: Some(0),
        slice_count: Some(0),
        role: Some(row.try_get::<&str, _>("role")?.into()),
        joined_at: Some(instant(row, "joined_at")?),
        slug_edits_remaining: None,
        allowed_domains: None,
        public_slug: None,
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: avala_api::Extra::new(),
    })
}
