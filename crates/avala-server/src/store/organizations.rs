//! Rows of organizations and of who belongs to them.

use avala_api::{Timestamp, Visibility, organizations::Organization};

use super::{Connection, Reader, Row, StoreError, rows::instant, sql};

/// What both queries read: the organization, and the caller's place in it.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT o.uid, o.slug, o.name, o.created_at, o.updated_at, m.role, m.joined_at,
             (SELECT count(*) FROM memberships c WHERE c.organization = o.uid) AS member_count
             FROM memberships m JOIN organizations o ON o.uid = m.organization WHERE m.\"user\" = $1 ",
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

pub(crate) async fn insert(connection: &mut Connection, new: &NewOrganization<'_>) -> Result<(), StoreError> {
    let now = new.created_at.unix_millis();
    sql("INSERT INTO organizations (uid, slug, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)")
        .bind(new.uid)
        .bind(new.slug)
        .bind(new.name)
        .bind(now)
        .execute(&mut *connection)
        .await?;
    sql("INSERT INTO memberships (organization, \"user\", role, joined_at) VALUES ($1, $2, 'owner', $3)")
        .bind(new.uid)
        .bind(new.owner)
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

/// The organization whose objects a user's keys reach: the first the user joined.
pub(crate) async fn of_user(connection: &mut Connection, user: &str) -> Result<Option<String>, StoreError> {
    let row = sql(
        "SELECT organization FROM memberships m JOIN organizations o ON o.uid = m.organization
         WHERE m.\"user\" = $1 ORDER BY m.joined_at, o.position LIMIT 1",
    )
    .bind(user)
    .fetch_optional(connection)
    .await?;
    row.map(|row| row.get("organization")).transpose()
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
    let row = sql("SELECT count(*) AS n FROM memberships WHERE \"user\" = $1")
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
        dataset_count: Some(0),
        project_count: Some(0),
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
