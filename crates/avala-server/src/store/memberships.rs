//! Rows of who belongs to which organization, as what. Keys do not look here: they have their owner's role in their own rows.

use avala_api::{Extra, Timestamp, organizations::Member};

use super::{Connection, Reader, Row, Statement, StoreError, rows::instant, sql};
use crate::keys::Role;

pub(crate) async fn insert(
    connection: &mut Connection,
    organization: &str,
    user: &str,
    role: Role,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql("INSERT INTO memberships (organization, \"user\", role, joined_at) VALUES ($1, $2, $3, $4)")
        .bind(organization)
        .bind(user)
        .bind(role.as_str())
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// The user's role in the organization, if they belong to it.
pub(crate) async fn role(
    connection: &mut Connection,
    organization: &str,
    user: &str,
) -> Result<Option<Role>, StoreError> {
    let row = sql("SELECT role FROM memberships WHERE organization = $1 AND \"user\" = $2")
        .bind(organization)
        .bind(user)
        .fetch_optional(connection)
        .await?;
    row.map(|row| read_role(&row)).transpose()
}

pub(crate) async fn set_role(
    connection: &mut Connection,
    organization: &str,
    user: &str,
    role: Role,
) -> Result<(), StoreError> {
    sql("UPDATE memberships SET role = $1 WHERE organization = $2 AND \"user\" = $3")
        .bind(role.as_str())
        .bind(organization)
        .bind(user)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut Connection,
    organization: &str,
    user: &str,
) -> Result<(), StoreError> {
    sql("DELETE FROM memberships WHERE organization = $1 AND \"user\" = $2")
        .bind(organization)
        .bind(user)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether the organization has another owner than this one who is not switched off.
pub(crate) async fn has_another_owner(
    connection: &mut Connection,
    organization: &str,
    user: &str,
) -> Result<bool, StoreError> {
    let row = sql(
        "SELECT u.uid FROM memberships m JOIN users u ON u.uid = m.\"user\"
         WHERE m.organization = $1 AND m.role = 'owner' AND m.\"user\" <> $2 AND u.disabled_at IS NULL LIMIT 1",
    )
    .bind(organization)
    .bind(user)
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// The organizations that a user belongs to.
pub(crate) async fn of_user(connection: &mut Connection, user: &str) -> Result<Vec<String>, StoreError> {
    let rows = sql("SELECT organization FROM memberships WHERE \"user\" = $1")
        .bind(user)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| row.get("organization")).collect()
}

/// The addresses of an organization's members.
pub(crate) async fn emails(
    connection: &mut Connection,
    organization: &str,
) -> Result<Vec<String>, StoreError> {
    let rows = sql(
        "SELECT u.email FROM memberships m JOIN users u ON u.uid = m.\"user\" WHERE m.organization = $1
         ORDER BY u.position",
    )
    .bind(organization)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| row.get("email")).collect()
}

/// Which members are listed.
pub(crate) struct Filter<'a> {
    pub(crate) organization: &'a str,
    /// A part of the address or of a name.
    pub(crate) search: Option<&'a str>,
    pub(crate) role: Option<&'a str>,
}

/// So many members, in the order of joining, or the other way round.
pub(crate) async fn list(
    reader: &Reader,
    filter: &Filter<'_>,
    newest_first: bool,
    limit: u32,
    skip: u64,
) -> Result<Vec<Member>, StoreError> {
    let query = "SELECT u.uid, u.email, u.first_name, u.last_name, m.role, m.joined_at";
    let rows = matching(query, filter)
        .push(if newest_first {
            " ORDER BY m.joined_at DESC, u.position DESC LIMIT "
        } else {
            " ORDER BY m.joined_at, u.position LIMIT "
        })
        .push_bind(i64::from(limit))
        .push(" OFFSET ")
        .push_bind(i64::try_from(skip).unwrap_or(i64::MAX))
        .fetch_all(reader)
        .await?;
    rows.iter().map(member).collect()
}

pub(crate) async fn count(reader: &Reader, filter: &Filter<'_>) -> Result<u64, StoreError> {
    let row = matching("SELECT count(*) AS n", filter).fetch_one(reader).await?;
    Ok(row.get::<i64>("n")?.unsigned_abs())
}

fn matching(select: &'static str, filter: &Filter<'_>) -> Statement {
    let mut query = sql(select)
        .push(" FROM memberships m JOIN users u ON u.uid = m.\"user\" WHERE m.organization = $1")
        .bind(filter.organization);
    if let Some(role) = filter.role {
        query = query.push(" AND m.role = ").push_bind(role);
    }
    if let Some(text) = filter.search {
        // What stands for any text in a pattern stands for itself here.
        let literal = text
            .to_lowercase()
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        query = query
            .push(" AND lower(u.email || ' ' || coalesce(u.first_name, '') || ' ' || coalesce(u.last_name, '')) LIKE ")
            .push_bind(format!("%{literal}%"))
            .push(" ESCAPE '\\'");
    }
    query
}

fn member(row: &Row) -> Result<Member, StoreError> {
    let email: String = row.get("email")?;
    let names: [Option<String>; 2] = [row.get("first_name")?, row.get("last_name")?];
    let full_name = names
        .into_iter()
        .flatten()
        .filter(|name| !name.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    Ok(Member {
        user_uid: row.get::<String>("uid")?.into(),
        username: Some(email.clone()),
        email: Some(email),
        full_name: (!full_name.is_empty()).then_some(full_name),
        picture: None,
        role: Some(row.get::<String>("role")?.into()),
        created_at: Some(instant(row, "joined_at")?),
        last_active_at: None,
        extra: Extra::new(),
    })
}

pub(super) fn read_role(row: &Row) -> Result<Role, StoreError> {
    row.get::<String>("role")?
        .parse()
        .map_err(|_| StoreError::damaged("a member's role is unknown"))
}
