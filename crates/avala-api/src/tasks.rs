//! Tasks: single pieces of annotation work.

use crate::{Access, Scope, TaskType, Timestamp, projects::ProjectUid};

id! {
    /// A task's identifier.
    TaskUid;
}

open_enum! {
    /// How far a task has come.
    pub enum TaskStatus {
        /// To be done.
        Pending = "pending",
        /// Done.
        Completed = "completed",
    }
}

model! {
    /// A task.
    pub struct Task {
        /// Identifier.
        pub uid: TaskUid,
        /// What is annotated.
        #[serde(rename = "type")]
        pub task_type as "type": Option<TaskType> = None,
        /// What it is annotated with, such as `box` or `polygon`.
        pub name: Option<String> = None,
        /// How far it has come.
        pub status: Option<TaskStatus> = None,
        /// The project it belongs to.
        pub project: Option<ProjectUid> = None,
        /// When it was made.
        pub created_at: Option<Timestamp> = None,
        /// When it was last changed.
        pub updated_at: Option<Timestamp> = None,
    }
}

operation! {
    /// Lists tasks.
    List = "tasks.list" {
        route: Get "/tasks/",
        access: Access::Scope(Scope::TasksRead),
        pages: Task, by Cursor,
        query {
            /// Only tasks of this project.
            project: ProjectUid,
            /// Only tasks that have come this far.
            status: TaskStatus,
        }
    }
}

operation! {
    /// Gets one task.
    Get = "tasks.get" {
        route: Get "/tasks/{uid}/",
        access: Access::Scope(Scope::TasksRead),
        idempotent: true,
        answer: 200 Task,
        path {
            /// Which task.
            uid: TaskUid,
        }
    }
}
