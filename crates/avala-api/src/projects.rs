//! Projects: what is annotated, and how.

use crate::{Access, Scope, TaskType, Timestamp, Visibility};

id! {
    /// A project's identifier.
    ProjectUid;
}

open_enum! {
    /// How a project stands.
    pub enum ProjectStatus {
        /// Waits to be approved.
        PendingApproval = "pending-approval",
        /// Is worked on.
        Active = "active",
        /// Rests.
        Paused = "paused",
        /// Given up.
        Canceled = "canceled",
        /// Put away.
        Archived = "archived",
        /// Done.
        Completed = "completed",
    }
}

model! {
    /// A project.
    pub struct Project {
        /// Identifier.
        pub uid: ProjectUid,
        /// Name.
        pub name: String,
        /// How it stands.
        pub status: Option<ProjectStatus> = None,
        /// What is annotated.
        pub task_type: Option<TaskType> = None,
        /// Whether it is in use.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub is_active: Option<bool> = None,
        /// Who can see it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub visibility: Option<Visibility> = None,
        /// Whether its annotations were made elsewhere.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub is_imported: Option<bool> = None,
        /// Who owns it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub owner_name: Option<String> = None,
        /// What it is about.
        pub short_description: Option<String> = None,
        /// Icon of its industry.
        pub industry_icon: Option<String> = None,
        /// When it was made.
        pub created_at: Option<Timestamp> = None,
        /// When it was last changed.
        pub updated_at: Option<Timestamp> = None,
    }
}

operation! {
    /// Lists the caller's projects.
    List = "projects.list" {
        route: Get "/users/me/projects/",
        access: Access::Scope(Scope::ProjectsRead),
        pages: Project, by Cursor,
    }
}

operation! {
    /// Gets one of the caller's projects.
    Get = "projects.get" {
        route: Get "/users/me/projects/{uid}/",
        access: Access::Scope(Scope::ProjectsRead),
        idempotent: true,
        answer: 200 Project,
        path {
            /// Which project.
            uid: ProjectUid,
        }
    }
}
