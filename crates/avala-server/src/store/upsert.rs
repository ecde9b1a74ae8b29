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

/// Changes the row of this uid, or else makes it. `None` if the uid belongs to a row that the update may not change.
pub(super) async fn upsert(
    connection: &mut Connection,
    update: Statement,
    insert: Statement,
) -> Result<Option<Written>, StoreError> {
    if update.execute(&mut *connection).await? > 0 {
        return Ok(Some(Written::Updated));
    }
    let insert = insert.push(" ON CONFLICT (uid) DO NOTHING");
    let made = insert.execute(connection).await? > 0;
    Ok(made.then_some(Written::Made))
}
