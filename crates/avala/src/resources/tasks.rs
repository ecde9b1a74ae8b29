//! Tasks.

use avala_api::tasks::{self, TaskUid};

super::handle! {
    /// Tasks: single pieces of annotation work.
    pub struct Tasks for "tasks" {
        /// Lists tasks.
        list() -> tasks::List;
        /// Gets one task.
        get(uid: TaskUid) -> tasks::Get;
    }
}
