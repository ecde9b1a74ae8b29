//! Rows of organizations and of who belongs to them.

use avala_api::{Timestamp, Visibility, organizations::Organization};

use super::{Connection, Reader, Row, StoreError, memberships::read_role, rows::instant, sql};
use crate::keys::Role;

/// What both queries read: the organization, and the caller's place in it.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT o.uid, o.slug, o.name, o.created_at, o.updated_at, m.role, m.joined_at,
             (SELECT count(*) FROM memberships c WHERE c.organization = o.uid) AS member_count,
             (SELECT count(*) FROM datasets d WHERE d.organization = o.uid) AS dataset_count,
             (SELECT count(*) FROM projects p WHERE p.organization = o.uid) AS project_count
             FROM (SELECT organization, \"user\", role, joined_at FROM memberships
                   UNION ALL SELECT organization, uid, role, created_at FROM service_accounts) m
             JOIN organizations o ON o.uid = m.organization WHERE m.\"user\" = $1 ",
            $rest
        )
    };
}

/// An organization to be written. Nobody belongs to it yet.
pub(crate) struct NewOrganization<'a> {
    pub(crate) uid: &'a str,
    pub(crate) slug: &'a str,
    pub(crate) name: &'a str,
    pub(crate) created_at: Timestamp,
}

pub(crate) async fn insert(connection: &mut Connection, new: &NewOrganization<'_>) -> Result<(), StoreError> {
    let now = new.created_at.unix_millis();
    sql("INSERT INTO organizations (uid, slug, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)")
        .bind(new.uid)
        .bind(new.slug)
        .bind(new.name)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Lets one change at a time look for a name in an organization, and take it if it is free.
pub(crate) async fn lock(connection: &mut Connection, uid: &str) -> Result<(), StoreError> {
    sql("SELECT uid FROM organizations WHERE uid = $1")
        .bind(uid)
        .for_update()
        .fetch_optional(connection)
        .await?;
    Ok(())
}

/// The organization whose objects a user's keys reach, and the user's role there: the first the user joined.
pub(crate) async fn of_user(
    connection: &mut Connection,
    user: &str,
) -> Result<Option<(String, Role)>, StoreError> {
    let row = sql(
        "SELECT m.organization, m.role FROM memberships m JOIN organizations o ON o.uid = m.organization
         WHERE m.\"user\" = $1 ORDER BY m.joined_at, o.position LIMIT 1",
    )
    .bind(user)
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok((row.get("organization")?, read_role(&row)?)))
        .transpose()
}

/// An organization, by the name people call it.
pub(crate) struct Called {
    pub(crate) uid: String,
    pub(crate) name: String,
}

pub(crate) async fn by_slug_within(
    connection: &mut Connection,
    slug: &str,
) -> Result<Option<Called>, StoreError> {
    let row = sql("SELECT uid, name FROM organizations WHERE slug = $1")
        .bind(slug)
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(Called {
            uid: row.get("uid")?,
            name: row.get("name")?,
        })
    })
    .transpose()
}

pub(crate) async fn rename(
    connection: &mut Connection,
    uid: &str,
    name: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql("UPDATE organizations SET name = $1, updated_at = $2 WHERE uid = $3")
        .bind(name)
        .bind(now)
        .bind(uid)
        .execute(connection)
        .await?;
    Ok(())
}

/// An organization, by the names it has.
pub(crate) struct Place {
    pub(crate) uid: String,
    pub(crate) slug: String,
}

/// The names of an organization.
pub(crate) async fn place(reader: &Reader, uid: &str) -> Result<Option<Place>, StoreError> {
    let row = sql("SELECT uid, slug FROM organizations WHERE uid = $1")
        .bind(uid)
        .fetch_optional(reader)
        .await?;
    row.as_ref().map(place_of).transpose()
}

/// The organizations of this slug, or with an owner of this e-mail address; all of them without a name. Two at most:
/// whoever asks wants to know whether there is exactly one.
pub(crate) async fn named(connection: &mut Connection, name: Option<&str>) -> Result<Vec<Place>, StoreError> {
    let mut query = sql("SELECT uid, slug FROM organizations");
    if let Some(name) = name {
        query = query
            .push(
                " WHERE slug = $1 OR uid IN (SELECT m.organization FROM memberships m JOIN users u ON u.uid = m.\"user\"
                 WHERE m.role = 'owner' AND lower(u.email) = lower($1))",
            )
            .bind(name);
    }
    let rows = query
        .push(" ORDER BY position LIMIT 2")
        .fetch_all(connection)
        .await?;
    rows.iter().map(place_of).collect()
}

fn place_of(row: &Row) -> Result<Place, StoreError> {
    Ok(Place {
        uid: row.get("uid")?,
        slug: row.get("slug")?,
    })
}

/// One page of the organizations a user belongs to, oldest first.
pub(crate) async fn list(
    reader: &Reader,
    user: &str,
    limit: u32,
    skip: u64,
) -> Result<Vec<Organization>, StoreError> {
    let rows = sql(select!("ORDER BY o.position LIMIT $2 OFFSET $3"))
        .bind(user)
        .bind(i64::from(limit))
        .bind(i64::try_from(skip).unwrap_or(i64::MAX))
        .fetch_all(reader)
        .await?;
    rows.iter().map(organization).collect()
}

pub(crate) async fn count(reader: &Reader, user: &str) -> Result<u64, StoreError> {
    let row = sql("SELECT (SELECT count(*) FROM memberships WHERE \"user\" = $1)
         + (SELECT count(*) FROM service_accounts WHERE uid = $1) AS n")
    .bind(user)
    .fetch_one(reader)
    .await?;
    Ok(row.get::<i64>("n")?.unsigned_abs())
}

pub(crate) async fn by_slug(
    reader: &Reader,
    user: &str,
    slug: &str,
) -> Result<Option<Organization>, StoreError> {
    let row = sql(select!("AND o.slug = $2"))
        .bind(user)
        .bind(slug)
        .fetch_optional(reader)
        .await?;
    row.as_ref().map(organization).transpose()
}

fn organization(row: &Row) -> Result<Organization, StoreError> {
    Ok(Organization {
        uid: row.get::<String>("uid")?.into(),
        name: row.get("name")?,
        slug: row.get::<String>("slug")?.into(),
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
        member_count: Some(row.get("member_count")?),
        team_count: Some(0),
        dataset_count: Some(row.get("dataset_count")?),
        project_count: Some(row.get("project_count")?),
        slice_count: Some(0),
        role: Some(row.get::<String>("role")?.into()),
        joined_at: Some(instant(row, "joined_at")?),
        slug_edits_remaining: None,
        allowed_domains: None,
        public_slug: None,
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: avala_api::Extra::new(),
    })
}
