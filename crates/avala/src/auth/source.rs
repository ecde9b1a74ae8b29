//! Where keys come from, by name, and what became of each place that was looked at.

use std::{fmt, path::PathBuf};

use avala_api::Timestamp;

/// Where a key came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// Handed to the builder.
    Explicit,
    /// A variable of the environment.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A `.env` file.
    Dotenv {
        /// The file.
        path: PathBuf,
    },
    /// A file that holds a key and nothing else.
    File {
        /// The file.
        path: PathBuf,
    },
    /// A profile.
    Profile {
        /// Its name.
        name: String,
        /// Where the profile's key comes from, such as `keychain:staging`. None if there is no such profile.
        key_from: Option<String>,
    },
    /// The operating system's keychain.
    Keychain {
        /// The entry.
        account: String,
    },
    /// Another program.
    Exec {
        /// Its name and its arguments, without what looks like a secret.
        program: String,
    },
    /// A secret in AWS Secrets Manager.
    AwsSecretsManager {
        /// Its name or ARN.
        id: String,
    },
    /// A version of a secret in Google Cloud Secret Manager.
    GoogleSecretManager {
        /// Its resource name.
        name: String,
    },
    /// A source with a name of its own.
    Named {
        /// The name.
        name: String,
    },
    /// None: the client was asked to stay anonymous.
    Anonymous,
}

impl Source {
    /// A source of your own, by what people call it.
    pub fn named(name: impl Into<String>) -> Self {
        Self::Named { name: name.into() }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit => f.write_str("an explicit key"),
            Self::Environment { variable } => write!(f, "the environment variable {variable}"),
            Self::Dotenv { path } | Self::File { path } => write!(f, "the file {}", path.display()),
            Self::Profile { name, key_from: None } => write!(f, "the profile {name}"),
            Self::Profile {
                name,
                key_from: Some(from),
            } => write!(f, "the profile {name} ({from})"),
            Self::Keychain { account } => write!(f, "the keychain entry {account}"),
            Self::Exec { program } => write!(f, "the program `{program}`"),
            Self::AwsSecretsManager { id } => write!(f, "the secret {id} of AWS Secrets Manager"),
            Self::GoogleSecretManager { name } => write!(f, "{name} of Google Cloud Secret Manager"),
            Self::Named { name } => f.write_str(name),
            Self::Anonymous => f.write_str("no key"),
        }
    }
}

/// What became of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tried {
    /// It gave the key.
    Used,
    /// It is the one; its key is read when it is needed.
    Chosen,
    /// It has no key.
    Absent,
    /// It is there, and an earlier source won.
    Shadowed,
    /// It is there and broken, which does not matter, since an earlier source won.
    Failed,
}

/// How the key was found: every source that was looked at, in order, and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialReport {
    /// The source that gave the key.
    pub source: Source,
    /// The key, masked: its first eight and last four characters. None until it is read.
    pub masked_key: Option<String>,
    /// When the key ends, if its source says so.
    pub expires_at: Option<Timestamp>,
    /// The origin the key is sent to, and no other.
    pub origin: String,
    /// Every source that was looked at, in order.
    pub tried: Vec<(Source, Tried)>,
    /// What people should know about the key or where it is kept: that it is a test key at a live server, or in a file that
    /// git tracks.
    pub notes: Vec<String>,
}
