//! What can go wrong outside of a request: at the start, while serving, and at the key authority.

use std::{io, path::PathBuf};

use avala_keys::{Class, RandomnessFailed};

use crate::store::StoreError;

/// Why a server does not start. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file or directory could not be read or made.
    #[error("cannot {doing} {}: {error}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// Other users of this machine can reach the data.
    #[error("the path {} can be reached by other users (mode {mode:o}); run: chmod go-rwx {}", path.display(), path.display())]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its mode bits.
        mode: u32,
    },
    /// Another user of this machine owns the data, and can read and replace it.
    #[error("the path {} belongs to another user (uid {owner}); run as that user, or: chown {process} {}", path.display(), path.display())]
    ForeignOwner {
        /// The file or directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// The user of this process.
        process: u32,
    },
    /// A file is a symbolic link: it does not lie in the directory.
    #[error("the file {} is a symbolic link; put the file itself there", .0.display())]
    Link(PathBuf),
    /// Another server has the directory open.
    #[error("another server is serving {}", .0.display())]
    AlreadyServing(PathBuf),
    /// There is no server data in the directory.
    #[error("the directory {} holds no server data; start a server there first", .0.display())]
    NoData(PathBuf),
    /// The database is there, the pepper is not.
    #[error(
        "the pepper {} is missing, and without it no key of this database can be checked; restore it from a backup",
        .0.display()
    )]
    PepperLost(PathBuf),
    /// The pepper is not the one this database was made with.
    #[error("the pepper {} does not belong to this database; restore the one that does", .0.display())]
    PepperWrong(PathBuf),
    /// The pepper is there, the database is not.
    #[error(
        "the pepper is there but the database {0} is missing or empty; restore it, or start with an empty directory. If its rows are in PostgreSQL, say so with --database-file FILE or AVALA_DATABASE_URL"
    )]
    DatabaseLost(String),
    /// The connection string of the database cannot be used. It is not repeated, since it holds a password.
    #[error(
        "the database URL cannot be used: {0}; it has the form postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    )]
    DatabaseUrl(&'static str),
    /// The database cannot be reached, or must not be used as it is set up.
    #[error("cannot use the database {database}: {reason}")]
    Unreachable {
        /// Which database, without its password.
        database: String,
        /// What it said.
        reason: String,
    },
    /// The database was made by a newer version.
    #[error("the database has schema {found}, this version knows {known}; use the newer version")]
    NewerSchema {
        /// The schema of the database.
        found: i64,
        /// The newest schema this version knows.
        known: i64,
    },
    /// The directory belongs to a server of the other class.
    #[error("this data directory is for {stored} keys, not for {asked} keys")]
    OtherClass {
        /// The class the directory was made with.
        stored: Class,
        /// The class asked for.
        asked: Class,
    },
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No random numbers.
    #[error("the operating system gave no random numbers")]
    Randomness,
    /// The listener could not be used.
    #[error("cannot serve: {0}")]
    Listener(io::Error),
    /// Two routes of the contract clash.
    #[error("the routes clash: {0}")]
    Routes(String),
    /// A file of the certificate cannot be used.
    #[error("the file {} cannot be used for TLS: {why}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The outgoing HTTP client could not be made.
    #[error("cannot make outgoing connections: {0}")]
    Outgoing(String),
}

impl From<RandomnessFailed> for StartError {
    fn from(_: RandomnessFailed) -> Self {
        Self::Randomness
    }
}

/// Why the key authority, or the seeding of data, refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// There is no such user, key or agent.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The user exists already.
    #[error("a user with this email already exists")]
    UserExists,
    /// The key that asks was changed meanwhile.
    #[error("the key that asks was changed meanwhile")]
    CallerChanged,
    /// Something was made under this name before.
    #[error("a request of this name was carried out before")]
    Repeated,
    /// The policy of the organization does not let a key be like this.
    #[error("the policy of the organization {0}")]
    OutsidePolicy(&'static str),
    /// The organization has as many keys as it may have.
    #[error("the organization has as many keys as its policy lets it have")]
    TooManyKeys,
    /// The key was taken over before.
    #[error("this key was taken over before")]
    KeyExists,
    /// The stored row does not carry its seal: somebody changed it by hand.
    #[error(
        "the stored key was changed outside of the server; it opens nothing any more, and its row can be deleted"
    )]
    Altered,
    /// The pepper is the one for new keys, or soon will be.
    #[error("pepper {0} is the one for new keys; add another one, and wait until that is in use")]
    PepperCurrent(i64),
    /// Keys are checked with the pepper that have not been used since there is a later one.
    #[error(
        "{keys} keys are still checked with pepper {pepper}: each moves on when it is used next; revoke those that never will be, or abandon them"
    )]
    PepperInUse {
        /// The pepper.
        pepper: i64,
        /// How many keys there are.
        keys: u64,
    },
    /// A file of the data directory cannot be used.
    #[error(transparent)]
    Data(Box<StartError>),
    /// No random numbers: nothing was issued.
    #[error("the operating system gave no random numbers")]
    Randomness,
    /// The file of the development key could not be kept.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<RandomnessFailed> for AuthorityError {
    fn from(_: RandomnessFailed) -> Self {
        Self::Randomness
    }
}

impl From<StartError> for AuthorityError {
    fn from(error: StartError) -> Self {
        Self::Data(Box::new(error))
    }
}
