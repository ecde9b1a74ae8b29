//! Exports: annotations, made into a file.

use serde_json::{Map, Value};

use crate::{Access, Job, Progress, Scope, Timestamp, datasets::DatasetUid, projects::ProjectUid};

id! {
    /// An export's identifier.
    ExportUid;
    /// A slice's identifier.
    SliceUid;
}

open_enum! {
    /// How far an export has come.
    pub enum ExportStatus {
        /// Asked for.
        Requested = "requested",
        /// Waits for its turn.
        Pending = "pending",
        /// Is being made.
        Processing = "processing",
        /// The file is there.
        Exported = "exported",
        /// The file is there, in the words of some of Avala's papers.
        Completed = "completed",
        /// There will be no file.
        Failed = "failed",
    }
}

open_enum! {
    /// What the file looks like inside.
    pub enum ExportFormat {
        /// Avala's own JSON.
        AvalaJsonExternal = "avala-json-external",
        /// YOLO's text files.
        Yolo = "YOLO",
    }
}

model! {
    /// An export.
    pub struct Export {
        /// Identifier.
        pub uid: ExportUid,
        /// How far it has come.
        pub status: Option<ExportStatus> = None,
        /// Where the file is, once there is one.
        pub download_url: Option<String> = None,
        /// Name.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub name: Option<String> = None,
        /// What the file looks like inside.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub format: Option<ExportFormat> = None,
        /// Which of the annotations are in it.
        pub filter_query_string: Option<String> = None,
        /// How many tasks are to be exported.
        pub total_task_count: Option<i64> = None,
        /// How many tasks are exported.
        pub exported_task_count: Option<i64> = None,
        /// The datasets it is made of.
        pub datasets: Vec<DatasetUid> = Vec::new(),
        /// The slices it is made of.
        pub slices: Vec<SliceUid> = Vec::new(),
        /// The projects it is made of.
        pub projects: Vec<ProjectUid> = Vec::new(),
        /// The organization it belongs to.
        pub organization: Option<Map<String, Value>> = None,
        /// When it was asked for.
        pub created_at: Option<Timestamp> = None,
        /// When it last came further.
        pub updated_at: Option<Timestamp> = None,
    }
}

impl Job for Export {
    fn progress(&self) -> Progress {
        match self.status {
            Some(ExportStatus::Exported | ExportStatus::Completed) => Progress::Succeeded,
            Some(ExportStatus::Failed) => Progress::Failed,
            _ => Progress::Running,
        }
    }

    fn status(&self) -> Option<&str> {
        self.status.as_ref().map(ExportStatus::as_str)
    }
}

operation! {
    /// Lists exports, newest first.
    List = "exports.list" {
        route: Get "/exports/",
        access: Access::Scope(Scope::ExportsRead),
        pages: Export, by Cursor,
        query {
            /// The field to sort by; a leading `-` reverses.
            ordering: String,
        }
    }
}

operation! {
    /// Gets one export.
    Get = "exports.get" {
        route: Get "/exports/{uid}/",
        access: Access::Scope(Scope::ExportsRead),
        idempotent: true,
        answer: 200 Export,
        path {
            /// Which export.
            uid: ExportUid,
        }
    }
}

operation! {
    /// Starts an export: of one project or one dataset, as Avala's clients ask, or of several with a name and a format, as its
    /// documentation says. Which of the two a server takes is the server's.
    Create = "exports.create" {
        route: Post "/exports/",
        access: Access::Scope(Scope::ExportsCreate),
        idempotent: false,
        answer: 201 Export,
        body {
            optional {
                /// The project to export.
                project: ProjectUid,
                /// The dataset to export.
                dataset: DatasetUid,
                /// Name.
                name: String,
                /// What the file is to look like inside.
                format: ExportFormat,
                /// The datasets to export.
                datasets: Vec<DatasetUid>,
                /// The projects to export.
                projects: Vec<ProjectUid>,
                /// The slices to export.
                slices: Vec<SliceUid>,
                /// Which of the annotations to export.
                filter_query_string: String,
            }
        }
    }
}
