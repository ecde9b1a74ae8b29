//! The datasets and projects that a key is restricted to.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longer is no uid of anything.
const LONGEST_UID: usize = 100;

/// One of them, as in `dataset:3f1c…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resource {
    Dataset(String),
    Project(String),
}

/// All of them, at least one. A key without any reaches everything its organization has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub(crate) struct Resources {
    pub(crate) datasets: Vec<String>,
    pub(crate) projects: Vec<String>,
}

impl Resources {
    /// In an order of their own, each once; none, if there are none.
    pub(crate) fn new(mut resources: Vec<Resource>) -> Option<Self> {
        resources.sort_unstable();
        resources.dedup();
        let (mut datasets, mut projects) = (Vec::new(), Vec::new());
        for resource in resources {
            match resource {
                Resource::Dataset(uid) => datasets.push(uid),
                Resource::Project(uid) => projects.push(uid),
            }
        }
        let is_any = !(datasets.is_empty() && projects.is_empty());
        is_any.then_some(Self { datasets, projects })
    }

    /// Whether nothing is reached within the others and not within these.
    pub(crate) fn cover(ours: Option<&Self>, theirs: Option<&Self>) -> bool {
        let all = |theirs: &[String], ours: &[String]| theirs.iter().all(|uid| ours.contains(uid));
        match (ours, theirs) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(ours), Some(theirs)) => {
                all(&theirs.datasets, &ours.datasets) && all(&theirs.projects, &ours.projects)
            }
        }
    }

    /// Each as it is written.
    pub(crate) fn names(&self) -> Vec<String> {
        let datasets = self.datasets.iter().cloned().map(Resource::Dataset);
        let projects = self.projects.iter().cloned().map(Resource::Project);
        datasets
            .chain(projects)
            .map(|resource| resource.to_string())
            .collect()
    }
}

/// What is neither a dataset nor a project.
#[derive(Debug)]
pub(crate) struct NotAResource;

impl FromStr for Resource {
    type Err = NotAResource;

    fn from_str(text: &str) -> Result<Self, NotAResource> {
        let (kind, uid) = text.split_once(':').ok_or(NotAResource)?;
        let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || b"._-".contains(&letter);
        if !(1..=LONGEST_UID).contains(&uid.len()) || !uid.bytes().all(is_plain) {
            return Err(NotAResource);
        }
        match kind {
            "dataset" => Ok(Self::Dataset(uid.to_owned())),
            "project" => Ok(Self::Project(uid.to_owned())),
            _ => Err(NotAResource),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dataset(uid) => write!(f, "dataset:{uid}"),
            Self::Project(uid) => write!(f, "project:{uid}"),
        }
    }
}

impl fmt::Display for NotAResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("neither a dataset nor a project")
    }
}

impl TryFrom<Vec<String>> for Resources {
    type Error = NotAResource;

    fn try_from(names: Vec<String>) -> Result<Self, NotAResource> {
        let resources: Vec<Resource> = names.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
        Self::new(resources).ok_or(NotAResource)
    }
}

impl From<Resources> for Vec<String> {
    fn from(resources: Resources) -> Self {
        resources.names()
    }
}
