//! Pages: cursors that cannot be forged, and links made from the operation itself.

use avala_api::{API_PREFIX, Cursor, Operation, Page, Paged};

use crate::{
    context::Context,
    hex,
    refusal::Refusal,
    store::{Edge, Rows, Window},
};

/// The published page size.
const ROWS: u32 = 100;
const MOST_ROWS: u32 = 1000;
const TAG: usize = 16;

/// Which rows the operation asks for.
pub(crate) fn window<O: Operation>(
    context: &Context,
    operation: &O,
    limit: Option<u32>,
    cursor: Option<&Cursor>,
    oldest_first: bool,
) -> Result<Window, Refusal> {
    let list = list_name(context, operation, oldest_first)?;
    let edge = cursor.map(|cursor| {
        read(context, &list, cursor).ok_or_else(|| Refusal::bad_request("Invalid cursor.", "cursor_invalid"))
    });
    Ok(Window {
        edge: edge.transpose()?,
        limit: rows(limit, ROWS)?,
        oldest_first,
    })
}

/// The page of these rows.
pub(crate) fn page<O: Paged>(
    context: &Context,
    operation: &O,
    rows: Rows<O::Item>,
    oldest_first: bool,
) -> Result<Page<O::Item>, Refusal> {
    let list = list_name(context, operation, oldest_first)?;
    let to = |edge: Option<Edge>| {
        edge.map(|edge| link(context, operation, write(context, &list, edge)))
            .transpose()
    };
    Ok(Page {
        count: None,
        next: to(rows.next)?,
        previous: to(rows.previous)?,
        items: rows.items,
    })
}

/// The number of rows asked for.
pub(crate) fn rows(limit: Option<u32>, default: u32) -> Result<u32, Refusal> {
    match limit {
        None => Ok(default),
        Some(limit @ 1..=MOST_ROWS) => Ok(limit),
        Some(_) => Err(Refusal::field("limit", "Must be between 1 and 1000.")),
    }
}

/// The absolute URL of the same call at another page. Never made from the request's `Host`.
pub(crate) fn link<O: Paged>(context: &Context, operation: &O, cursor: Cursor) -> Result<String, Refusal> {
    let mut there = operation.clone();
    there.start_at(cursor);
    let path = there.path().map_err(|_| Refusal::internal())?;
    Ok(format!(
        "{}{API_PREFIX}{path}?{}",
        context.public_url,
        there.query().as_str()
    ))
}

/// Whether an ordering asks for the oldest rows first.
pub(crate) fn oldest_first(ordering: Option<&str>) -> Result<bool, Refusal> {
    match ordering {
        None | Some("-created_at") => Ok(false),
        Some("created_at") => Ok(true),
        Some(_) => Err(Refusal::field("ordering", "Must be created_at or -created_at.")),
    }
}

/// What a cursor belongs to: this list, in this order, of this organization.
fn list_name<O: Operation>(context: &Context, operation: &O, oldest_first: bool) -> Result<String, Refusal> {
    let path = operation.path().map_err(|_| Refusal::internal())?;
    Ok(format!(
        "{} {path} {oldest_first}",
        context.caller()?.organization()
    ))
}

fn write(context: &Context, list: &str, edge: Edge) -> Cursor {
    let mut bytes = vec![u8::from(edge.backwards)];
    bytes.extend_from_slice(&edge.position.to_be_bytes());
    let tag = tag(context, list, &bytes);
    bytes.extend_from_slice(&tag);
    hex::encode(&bytes).into()
}

fn read(context: &Context, list: &str, cursor: &Cursor) -> Option<Edge> {
    use subtle::ConstantTimeEq;
    let bytes = hex::decode(cursor.as_str())?;
    let (place, given) = bytes.split_last_chunk::<TAG>()?;
    if !bool::from(tag(context, list, place).ct_eq(given)) {
        return None;
    }
    let (backwards, position) = place.split_first()?;
    Some(Edge {
        position: i64::from_be_bytes(position.try_into().ok()?),
        backwards: *backwards == 1,
    })
}

fn tag(context: &Context, list: &str, place: &[u8]) -> [u8; TAG] {
    // The place has a fixed length, so its end cannot be moved into the list's name.
    let whole = context
        .authority
        .secrets()
        .cursor_tag(&[place, list.as_bytes()].concat());
    let mut tag = [0; TAG];
    tag.copy_from_slice(&whole[..TAG]);
    tag
}
