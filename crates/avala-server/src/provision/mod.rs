//! Provisioning: what a server is to begin with, declared in a TOML file and reconciled at each start. All of it, or nothing.
//!
//! ```toml
//! [[users]]
//! email = "ada@example.com"
//!
//! [[organizations]]
//! slug = "acme"
//! name = "Acme"
//! members = [{ user = "ada@example.com", role = "owner" }]
//!
//! [[service_accounts]]
//! organization = "acme"
//! name = "nightly"
//!
//! [[keys]]
//! organization = "acme"
//! service_account = "nightly"
//! name = "exports"
//! access = ["datasets.read", "exports.create"]
//! file = "nightly.key"
//! ```
//!
//! A key is what its private file holds: made with it where there is none, adopted where there is one. Without its file, a
//! key gets a successor. What is no longer listed is left alone.

mod key_files;
mod keys;
mod owners;

use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::{
    error::{AuthorityError, StartError},
    keys::{Authority, Restated},
    store::{Actor, Change, Entry, StoreError},
};

/// A list of what a server is to begin with, read and not yet carried out.
#[derive(Debug)]
pub struct Provision {
    list: List,
    text: String,
    /// Where relative paths begin.
    dir: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct List {
    users: Vec<Spanned<owners::User>>,
    organizations: Vec<Spanned<owners::Organization>>,
    service_accounts: Vec<Spanned<owners::ServiceAccount>>,
    keys: Vec<Spanned<keys::Key>>,
}

/// Why a list was not carried out. Nothing of it was, unless a variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// Something in the list is wrong.
    #[error("line {line}: {problem}")]
    Line {
        /// Where, counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    File(#[from] io::Error),
    /// Other users of this machine could write it.
    #[error("other users can write it (mode {0:o}); run: chmod go-w on it")]
    Exposed(u32),
    /// It belongs to another user of this machine, who can write it.
    #[error("it belongs to another user (uid {0})")]
    ForeignOwner(u32),
    /// The key authority refused.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A file of a key cannot be made. Those that were are removed, as far as that was possible.
    #[error(transparent)]
    KeyFile(io::Error),
    /// The database refused everything at the end, and the new files are removed; or it did not say whether it did, and
    /// they are left.
    #[error(transparent)]
    Commit(StoreError),
}

impl From<StoreError> for ProvisionError {
    fn from(error: StoreError) -> Self {
        AuthorityError::from(error).into()
    }
}

/// What was carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Provisioned {
    /// What was changed, a line for each; none, if everything was as declared.
    pub done: Vec<String>,
    /// What somebody should know: no longer listed, or left as it is.
    pub notes: Vec<String>,
}

/// A list that is being carried out.
struct Run<'a> {
    authority: &'a Authority,
    provision: &'a Provision,
    change: Change,
    restated: Restated,
    /// Keys that go to files, once everything else is done.
    new_files: Vec<key_files::NewFile>,
    told: Provisioned,
}

impl Provision {
    /// Reads a list. One that other users could write is refused.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ProvisionError> {
        let path = path.as_ref();
        refuse_writable(path)?;
        let dir = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::parse(fs::read_to_string(path)?, dir)
    }

    fn parse(text: String, dir: PathBuf) -> Result<Self, ProvisionError> {
        let list = toml::from_str(&text).map_err(|error| ProvisionError::Line {
            line: line(&text, error.span().unwrap_or_default().start),
            problem: error.message().to_owned(),
        })?;
        Ok(Self { list, text, dir })
    }

    /// Carries it out: in one change, or not at all.
    pub async fn apply(&self, authority: &Authority) -> Result<Provisioned, ProvisionError> {
        let mut change = authority.store().change().await?;
        // First, so that nobody else changes keys until everything is done.
        change.next_seq().await?;
        let mut run = Run {
            authority,
            provision: self,
            change,
            restated: Restated::default(),
            new_files: Vec::new(),
            told: Provisioned::default(),
        };
        run.users().await?;
        run.organizations().await?;
        run.service_accounts().await?;
        run.keys().await?;
        run.unlisted().await?;
        let Run {
            change,
            restated,
            new_files,
            told,
            ..
        } = run;
        if told.done.is_empty() {
            return Ok(told);
        }
        // Before the commit: a key that is in its file and nowhere else is adopted by the next start, while one whose file
        // cannot be written must not be made.
        let made = key_files::write(new_files).map_err(ProvisionError::KeyFile)?;
        let committed = change
            .commit(Entry {
                at: authority.now(),
                actor: &Actor::Provision,
                action: "provision.apply",
                object: "",
                organization: None,
            })
            .await;
        if let Err(error) = committed {
            // If the keys may be there after all, their files are all that holds them.
            if !error.is_outcome_unknown() {
                key_files::take_back(&made);
            }
            return Err(ProvisionError::Commit(error));
        }
        authority.restated(restated);
        Ok(told)
    }

    fn wrong(&self, span: Range<usize>, problem: impl Into<String>) -> ProvisionError {
        ProvisionError::Line {
            line: line(&self.text, span.start),
            problem: problem.into(),
        }
    }
}

impl Run<'_> {
    /// Notes what was done to an object, in the audit and for people.
    async fn done(
        &mut self,
        organization: Option<&str>,
        action: &'static str,
        object: &str,
        said: String,
    ) -> Result<(), ProvisionError> {
        let at = self.authority.now();
        self.change
            .note(Entry {
                at,
                actor: &Actor::Provision,
                action,
                object,
                organization,
            })
            .await?;
        self.told.done.push(said);
        Ok(())
    }

    fn wrong(&self, span: Range<usize>, problem: impl Into<String>) -> ProvisionError {
        self.provision.wrong(span, problem)
    }

    /// Keys that an owner's change wrote anew are something done, too.
    fn add(&mut self, restated: Restated, said: impl FnOnce(usize) -> String) {
        if restated.len() > 0 {
            self.told.done.push(said(restated.len()));
        }
        self.restated.add(restated);
    }
}

/// The line in which a byte stands, counted from 1.
fn line(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.matches('\n').count() + 1
}

#[cfg(unix)]
fn refuse_writable(path: &Path) -> Result<(), ProvisionError> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(path)?;
    let process = rustix::process::geteuid().as_raw();
    if found.uid() != process && found.uid() != 0 {
        return Err(ProvisionError::ForeignOwner(found.uid()));
    }
    match found.mode() & 0o777 {
        mode if mode & 0o022 != 0 => Err(ProvisionError::Exposed(mode)),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn refuse_writable(_path: &Path) -> Result<(), ProvisionError> {
    Ok(())
}

/// A private file's own words, without repeating which file.
fn problem(error: &StartError) -> String {
    error.to_string()
}
