//! Seeding: rows declared in a JSON file, written in one transaction, all or none.
//!
//! ```json
//! {
//!   "organization": "ada@example.com",
//!   "projects": [{ "uid": "p-1", "name": "Streets" }],
//!   "tasks": [{ "uid": "t-1", "project": "p-1", "results": [{ "uid": "r-1", "data": [] }] }]
//! }
//! ```
//!
//! Each row has its `uid`: a row that is there already becomes what the file says, so that loading a file twice is
//! loading it once. A section is a file of this folder, and a line in [`Seed`] and [`load`].

mod agents;
mod auto_label_jobs;
mod datasets;
mod error;
mod exports;
mod projects;
mod tasks;

use std::collections::HashSet;

use avala_api::{FieldErrors, Timestamp, organizations::OrganizationSlug};
use serde::{Deserialize, Serialize};

pub use self::error::SeedError;
use crate::{
    keys::Authority,
    store::{Actor, Change, Connection, Entry, Written, organizations},
};

/// Declared rows, read and not yet written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seed {
    organization: Option<String>,
    projects: Vec<projects::Project>,
    datasets: Vec<datasets::Dataset>,
    tasks: Vec<tasks::Task>,
    agents: Vec<agents::Agent>,
    executions: Vec<agents::Execution>,
    exports: Vec<exports::Export>,
    auto_label_jobs: Vec<auto_label_jobs::AutoLabelJob>,
}

impl Seed {
    /// Reads a file's content. A member that is not known is an error: a typing error must not be lost.
    pub fn parse(json: &[u8]) -> Result<Self, SeedError> {
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let seed =
            serde_path_to_error::deserialize(&mut deserializer).map_err(|error| SeedError::Unreadable {
                path: error.path().to_string(),
                problem: error.into_inner().to_string(),
            })?;
        deserializer.end().map_err(|error| SeedError::Unreadable {
            path: ".".to_owned(),
            problem: error.to_string(),
        })?;
        Ok(seed)
    }
}

/// What a seed changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loaded {
    /// Whose rows they are.
    pub organization: OrganizationSlug,
    /// How many rows, by the sections that the seed has.
    pub sections: Vec<Section>,
}

/// How many rows of a section were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Its name in the file.
    pub section: &'static str,
    /// Rows that were not there.
    pub made: u64,
    /// Rows that were there.
    pub updated: u64,
}

/// Writes all rows of a seed, or none. A server that is running on the same data need not be stopped.
pub async fn load(authority: &Authority, seed: &Seed) -> Result<Loaded, SeedError> {
    let mut change = authority.store().change().await?;
    let places = organizations::named(change.connection(), seed.organization.as_deref()).await?;
    let place = match (&places[..], &seed.organization) {
        ([place], _) => place,
        ([], None) => {
            return Err(SeedError::Organization(
                "the server has none yet: start it with `--bootstrap-key-file FILE` for a first user, or with `--sign-up`",
            ));
        }
        ([], Some(_)) => return Err(SeedError::Organization("the server has none of this name")),
        (_, None) => {
            return Err(SeedError::Organization(
                "the server has several: name one, by its slug or its owner's e-mail address",
            ));
        }
        (_, Some(_)) => {
            return Err(SeedError::Organization(
                "the owner has several: name one by its slug",
            ));
        }
    };
    let mut loading = Loading {
        authority,
        change,
        organization: &place.uid,
        now: authority.now(),
        seen: HashSet::new(),
        sections: Vec::new(),
    };
    // Parents come before their children.
    loading.rows("projects", &seed.projects).await?;
    loading.rows("datasets", &seed.datasets).await?;
    loading.rows("tasks", &seed.tasks).await?;
    loading.rows("agents", &seed.agents).await?;
    loading.rows("executions", &seed.executions).await?;
    loading.rows("exports", &seed.exports).await?;
    loading.rows("auto_label_jobs", &seed.auto_label_jobs).await?;

    let Loading {
        change,
        sections,
        now,
        ..
    } = loading;
    let entry = Entry {
        at: now,
        actor: &Actor::Console,
        action: "seed.load",
        object: &place.uid,
        organization: Some(&place.uid),
    };
    change.commit(entry).await?;
    Ok(Loaded {
        organization: place.slug.as_str().into(),
        sections,
    })
}

/// A row of a section.
trait Row {
    /// The section's name.
    const SECTION: &'static str;

    fn uid(&self) -> &str;

    /// Checks the row and writes it. `None` if its uid belongs to a row that is not this one.
    async fn write(&self, loading: &mut Loading<'_>, path: &str) -> Result<Option<Written>, SeedError>;
}

/// A seed on its way into the database.
struct Loading<'a> {
    authority: &'a Authority,
    change: Change,
    organization: &'a str,
    now: Timestamp,
    /// What the file has written or referred to: section and uid.
    seen: HashSet<(&'static str, String)>,
    sections: Vec<Section>,
}

impl Loading<'_> {
    fn connection(&mut self) -> &mut Connection {
        self.change.connection()
    }

    /// Writes the rows that stand at this path.
    async fn rows<R: Row>(&mut self, path: &str, rows: &[R]) -> Result<(), SeedError> {
        for (index, row) in rows.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let uid = row.uid();
            if !is_uid(uid) {
                return Err(SeedError::field(
                    &path,
                    "uid",
                    "Use 1 to 100 letters, digits, hyphens and underscores.",
                ));
            }
            if !self.seen.insert((R::SECTION, uid.to_owned())) {
                return Err(SeedError::field(&path, "uid", "A row before has the same uid."));
            }
            match row.write(self, &path).await? {
                Some(written) => self.count(R::SECTION, written),
                None => {
                    return Err(SeedError::field(
                        &path,
                        "uid",
                        "It belongs to somebody else's row.",
                    ));
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, section: &'static str, written: Written) {
        let known = self.sections.iter().position(|known| known.section == section);
        let index = known.unwrap_or_else(|| {
            self.sections.push(Section {
                section,
                made: 0,
                updated: 0,
            });
            self.sections.len() - 1
        });
        match written {
            Written::Made => self.sections[index].made += 1,
            Written::Updated => self.sections[index].updated += 1,
        }
    }

    /// Whether such a row is known to be the organization's: the file wrote it, or a row before referred to it.
    fn knows<R: Row>(&self, uid: &str) -> bool {
        self.seen.contains(&(R::SECTION, uid.to_owned()))
    }

    /// Spares the rows that follow the same question. Only for parents: their section is complete.
    fn remember<R: Row>(&mut self, uid: &str) {
        self.seen.insert((R::SECTION, uid.to_owned()));
    }
}

/// What official clients can put into a path as it is.
fn is_uid(uid: &str) -> bool {
    (1..=100).contains(&uid.len())
        && uid
            .bytes()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_')
}

/// A name that the contract does not know is a typing error here.
fn check_known(field: &str, value: Option<&str>, known: &[&str], errors: &mut FieldErrors) {
    if value.is_some_and(|value| !known.contains(&value)) {
        errors.add(field, &format!("One of: {}.", known.join(", ")));
    }
}
