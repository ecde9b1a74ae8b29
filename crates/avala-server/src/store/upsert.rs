//! Writing a row that may be there already.

use super::{Connection, Statement, StoreError};

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It was not there.
    Made,
    /// It was there, and is now as it was given.
    Updated,
}

/// Makes the row, or else changes the one of this uid. `None` if the uid belongs to a row that the update may not change.
/// In this order, since PostgreSQL keeps a plan it made for an empty table, and would read a growing one from end to end.
pub(super) async fn upsert(
    connection: &mut Connection,
    insert: Statement,
    update: Statement,
) -> Result<Option<Written>, StoreError> {
    let insert = insert.push(" ON CONFLICT (uid) DO NOTHING");
    if insert.execute(&mut *connection).await? > 0 {
        return Ok(Some(Written::Made));
    }
    let updated = update.execute(connection).await? > 0;
    Ok(updated.then_some(Written::Updated))
}
