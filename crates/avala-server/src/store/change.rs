//! A change: one transaction that cannot be committed without saying who did what.

use avala_api::Timestamp;
use avala_keys::KeyId;

use super::{
    Connection, StoreError,
    audit::{self, Line},
    sql,
};

/// A change that has begun.
pub(crate) struct Change {
    connection: Connection,
    /// Its number, if it changes keys.
    seq: Option<i64>,
}

/// Who changes something.
#[derive(Clone, Debug)]
pub(crate) enum Actor {
    /// A request with this key, on behalf of its owner.
    Key { id: KeyId, user: String },
    /// A new user at sign-up.
    SignUp { user: String },
    /// Whoever runs a program of the server's on its own machine.
    Console,
    /// The list of what the server is to begin with.
    Provision,
    /// The server itself, at a job.
    Server,
}

impl Actor {
    /// A name for it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Key { id, .. } => format!("key:{id}"),
            Self::SignUp { .. } => "sign_up".to_owned(),
            Self::Console => "console".to_owned(),
            Self::Provision => "provision".to_owned(),
            Self::Server => "server".to_owned(),
        }
    }
}

/// One line of the audit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) at: Timestamp,
    pub(crate) actor: &'a Actor,
    pub(crate) action: &'static str,
    pub(crate) object: &'a str,
    /// Whose the object is: only they read the line. `None` for what is nobody's.
    pub(crate) organization: Option<&'a str>,
}

impl Change {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            seq: None,
        }
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Lets each statement of the change take as long as a whole table takes.
    pub(crate) async fn patiently(&mut self) -> Result<(), StoreError> {
        if let Connection::Postgres(_) = self.connection() {
            sql("SET LOCAL statement_timeout = '60s'")
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }

    /// The number of this change to the keys. Commit order is number order, since the row stays locked until then.
    pub(crate) async fn next_seq(&mut self) -> Result<i64, StoreError> {
        let row = sql("UPDATE meta SET seq = seq + 1 RETURNING seq")
            .fetch_one(self.connection())
            .await?;
        let seq = row.get("seq")?;
        self.seq = Some(seq);
        Ok(seq)
    }

    /// Writes a line of the audit, for a change that does several things.
    pub(crate) async fn note(&mut self, entry: Entry<'_>) -> Result<(), StoreError> {
        let (kind, key, user) = match entry.actor {
            Actor::Key { id, user } => ("key", Some(id.to_string()), Some(user.as_str())),
            Actor::SignUp { user } => ("sign_up", None, Some(user.as_str())),
            Actor::Console => ("console", None, None),
            Actor::Provision => ("provision", None, None),
            Actor::Server => ("server", None, None),
        };
        let line = Line {
            at: entry.at.unix_millis(),
            organization: entry.organization.map(str::to_owned),
            actor_kind: kind.to_owned(),
            actor_key: key,
            actor_user: user.map(str::to_owned),
            action: entry.action.to_owned(),
            object: entry.object.to_owned(),
            seq: self.seq,
            code: None,
            requests: None,
        };
        audit::append(self.connection(), line).await
    }

    /// Writes the audit and makes the change durable.
    pub(crate) async fn commit(mut self, entry: Entry<'_>) -> Result<(), StoreError> {
        self.note(entry).await?;
        self.connection.commit().await
    }
}
