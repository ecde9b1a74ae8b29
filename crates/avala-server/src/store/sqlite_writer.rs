//! The one connection that writes SQLite: changes that wait for it at the same time share a commit, and its sync.
//!
//! Each change has a savepoint in a transaction that it may share. A change is acknowledged when that transaction is
//! committed, and not before; if that fails, it fails for all of them.

use std::{mem, sync::Arc, time::Duration};

use sqlx::{Connection as _, SqliteConnection};
use tokio::{
    spawn,
    sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard, oneshot},
    time::timeout,
};

use super::{StoreError, sql};

/// How long a change waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The connection. Whoever asks first has it first.
#[derive(Clone, Debug)]
pub(super) struct SqliteWriter(Arc<Mutex<Option<Writing>>>);

#[derive(Debug)]
struct Writing {
    connection: SqliteConnection,
    /// Who waits for the commit of the transaction; `None` if there is no transaction.
    group: Option<Vec<Member>>,
    /// A change has its savepoint, and has not given it up.
    is_changing: bool,
}

type Member = oneshot::Sender<Result<(), StoreError>>;

/// A change that has its turn. It is undone unless it is committed.
#[derive(Debug)]
pub(crate) struct SqliteChange(OwnedMappedMutexGuard<Option<Writing>, Writing>);

impl SqliteWriter {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self(Arc::new(Mutex::new(Some(Writing {
            connection,
            group: None,
            is_changing: false,
        }))))
    }

    /// Waits for a turn, and begins a change.
    pub(super) async fn begin(&self) -> Result<SqliteChange, StoreError> {
        let turn = timeout(PATIENCE, self.0.clone().lock_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        let mut writing =
            OwnedMutexGuard::try_map(turn, Option::as_mut).map_err(|_closed| StoreError::closed())?;
        let writer = self.clone();
        // By itself, so that whoever waits may vanish, and it is still known how far this came.
        spawn(async move {
            writing.begin(writer).await?;
            Ok(SqliteChange(writing))
        })
        .await
        .map_err(|_| StoreError::closed())?
    }

    /// Ends the transaction that is open, after all who wait for their turn now.
    async fn settle(self) {
        if let Some(writing) = &mut *self.0.lock().await {
            writing.end().await;
        }
    }

    /// Commits what is to be committed, and closes.
    pub(super) async fn close(&self) {
        if let Some(mut writing) = self.0.lock().await.take() {
            writing.end().await;
            // The file is as it is, whatever the connection says at last.
            let _ = writing.connection.close().await;
        }
    }
}

impl SqliteChange {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.0.connection
    }

    /// Joins those who wait for the transaction's commit, and waits. Once this has begun, the change is committed also
    /// if nobody waits any more.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        let (member, outcome) = oneshot::channel();
        spawn(async move { self.0.release(member).await });
        outcome
            .await
            .map_err(|_| StoreError::closed().of_unknown_outcome())?
    }
}

impl Writing {
    async fn begin(&mut self, writer: SqliteWriter) -> Result<(), StoreError> {
        self.undo().await;
        if self.group.is_none() {
            self.run("BEGIN IMMEDIATE").await?;
            self.group = Some(Vec::new());
            // Stands behind all who wait already: these are the group.
            spawn(writer.settle());
        }
        self.run("SAVEPOINT change").await?;
        self.is_changing = true;
        Ok(())
    }

    async fn release(&mut self, member: Member) {
        match (self.run("RELEASE change").await, &mut self.group) {
            (Ok(()), Some(group)) => {
                self.is_changing = false;
                group.push(member);
            }
            (released, _) => {
                let refused = released.and_then(|()| Err(StoreError::undone()));
                // Nobody may listen any more.
                let _ = member.send(refused);
            }
        }
    }

    /// Undoes a change that ended without a commit.
    async fn undo(&mut self) {
        if !mem::take(&mut self.is_changing) {
            return;
        }
        let undone = match self.run("ROLLBACK TO change").await {
            Ok(()) => self.run("RELEASE change").await,
            refused => refused,
        };
        if undone.is_err() {
            // Some errors, like that of a full disk, end the whole transaction, and its savepoints with it.
            self.finish("ROLLBACK", Err(StoreError::undone())).await;
        }
    }

    async fn end(&mut self) {
        self.undo().await;
        match &self.group {
            Some(group) if group.is_empty() => self.finish("ROLLBACK", Ok(())).await,
            Some(_) => self.finish("COMMIT", Ok(())).await,
            None => {}
        }
    }

    /// Ends the transaction, and tells everybody how it ended.
    async fn finish(&mut self, statement: &'static str, outcome: Result<(), StoreError>) {
        let done = self.run(statement).await;
        if done.is_err() {
            // Refused if nothing is left to be undone.
            let _ = self.run("ROLLBACK").await;
        }
        let outcome = outcome.and(done.map_err(StoreError::of_commit));
        for member in self.group.take().unwrap_or_default() {
            // Nobody may listen any more.
            let _ = member.send(outcome.clone());
        }
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), StoreError> {
        sql(statement).execute(&mut self.connection).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
