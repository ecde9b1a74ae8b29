//! Whose rows a statement is about, and which of them.

use super::Statement;
use crate::keys::Resources;

/// The organization whose rows they are, and what the key that asks is restricted to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach<'a> {
    pub(crate) organization: &'a str,
    pub(crate) resources: Option<&'a Resources>,
}

impl<'a> From<&'a str> for Reach<'a> {
    /// All rows of an organization.
    fn from(organization: &'a str) -> Self {
        Self {
            organization,
            resources: None,
        }
    }
}

impl Reach<'_> {
    /// Leaves those rows out that belong to nothing within reach. A column tells which project or dataset a row belongs
    /// to, or is.
    pub(super) fn narrow(
        self,
        mut statement: Statement,
        project: Option<&str>,
        dataset: Option<&str>,
    ) -> Statement {
        let Some(resources) = self.resources else {
            return statement;
        };
        statement = statement.push(" AND (FALSE");
        for (column, uids) in [(project, &resources.projects), (dataset, &resources.datasets)] {
            if let Some(column) = column
                && !uids.is_empty()
            {
                statement = statement.push(" OR ").push(column).push(" IN ").push_list(uids);
            }
        }
        statement.push(")")
    }
}
