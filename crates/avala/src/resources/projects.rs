//! Projects.

use avala_api::projects::{self, ProjectUid};

super::handle! {
    /// Projects: what is annotated, and how.
    pub struct Projects for "projects" {
        /// Lists the caller's projects.
        list() -> projects::List;
        /// Gets one of the caller's projects.
        get(uid: ProjectUid) -> projects::Get;
    }
}
