//! Datasets: what there is to annotate.

use serde_json::{Map, Value};

use crate::{
    Access, Job, Progress, Scope, SecretObject, Timestamp, Visibility, organizations::OrganizationUid,
};

id! {
    /// A dataset's identifier.
    DatasetUid;
    /// A dataset's name in paths, unique for its owner.
    DatasetSlug;
    /// A dataset's owner in paths: an organization's slug, a user's handle or name. It changes when the dataset is handed over.
    OwnerName;
}

open_enum! {
    /// What a dataset holds.
    pub enum DataType {
        /// Images.
        Image = "image",
        /// Videos.
        Video = "video",
        /// Point clouds.
        Lidar = "lidar",
        /// Recordings in MCAP files.
        Mcap = "mcap",
        /// Gaussian splats.
        Splat = "splat",
        /// Volumes. Avala's documentation alone names it.
        Image3d = "image_3d",
    }
}

open_enum! {
    /// How far a dataset has come. No status for a failure is published.
    pub enum DatasetStatus {
        /// Its files are still being looked at.
        Creating = "creating",
        /// Ready.
        Created = "created",
    }
}

model! {
    /// A dataset.
    pub struct Dataset {
        /// Identifier.
        pub uid: DatasetUid,
        /// Name, for people.
        pub name: String,
        /// Name in paths.
        pub slug: DatasetSlug,
        /// Number of items.
        pub item_count: i64 = 0,
        /// Its owner's name in paths.
        pub owner_name: Option<OwnerName> = None,
        /// How far it has come.
        pub status: Option<DatasetStatus> = None,
        /// What it holds.
        pub data_type: Option<DataType> = None,
        /// Whether its items form sequences.
        pub is_sequence: Option<bool> = None,
        /// Definitions of labels (`name`, `label_code`, …).
        pub predefined_labels: Option<Vec<Value>> = None,
        /// Who can see it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub visibility: Option<Visibility> = None,
        /// Number of projects that use it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub project_count: Option<i64> = None,
        /// Size, in bytes.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub size_bytes: Option<i64> = None,
        /// Number of annotations.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub annotations_count: Option<i64> = None,
        /// When it was made.
        pub created_at: Option<Timestamp> = None,
        /// When it was last changed.
        pub updated_at: Option<Timestamp> = None,
    }
}

impl Job for Dataset {
    fn progress(&self) -> Progress {
        match self.status {
            Some(DatasetStatus::Created) => Progress::Succeeded,
            _ => Progress::Running,
        }
    }

    fn status(&self) -> Option<&str> {
        self.status.as_ref().map(DatasetStatus::as_str)
    }
}

operation! {
    /// Lists the datasets of the caller's workspace.
    List = "datasets.list" {
        route: Get "/datasets/",
        access: Access::Scope(Scope::DatasetsRead),
        pages: Dataset, by Cursor,
        query {
            /// Only datasets that hold this.
            data_type: DataType,
            /// Only datasets whose name has this in it, in whatever case.
            name: String,
            /// Only datasets that have come this far.
            status: DatasetStatus,
            /// Only datasets that these people can see.
            visibility: Visibility,
        }
    }
}

operation! {
    /// Gets one dataset.
    Get = "datasets.get" {
        route: Get "/datasets/{uid}/",
        access: Access::Scope(Scope::DatasetsRead),
        idempotent: true,
        answer: 200 Dataset,
        path {
            /// Which dataset.
            uid: DatasetUid,
        }
    }
}

operation! {
    /// Gets one dataset by its owner and its name in paths.
    GetBySlug = "datasets.get_by_slug" {
        route: Get "/datasets/{owner}/{slug}/",
        access: Access::Scope(Scope::DatasetsRead),
        idempotent: true,
        answer: 200 Dataset,
        path {
            /// Whose.
            owner: OwnerName,
            /// Which dataset.
            slug: DatasetSlug,
        }
    }
}

operation! {
    /// Creates a dataset, empty or over a bucket that is there already.
    Create = "datasets.create" {
        route: Post "/datasets/",
        access: Access::Scope(Scope::DatasetsWrite),
        idempotent: false,
        answer: 201 Dataset,
        body {
            required {
                /// Name, for people.
                name: String,
                /// Name in paths.
                slug: DatasetSlug,
                /// What it holds.
                data_type: DataType,
            }
            optional {
                /// Who can see it; its members only, unless set.
                visibility: Visibility,
                /// Whether the server gathers the items' metadata; it does, unless set.
                create_metadata: bool,
                /// The bucket that holds the files, and what opens it.
                provider_config: SecretObject,
                /// Whose it is to be.
                owner_name: OwnerName,
                /// The organization it is to belong to, by number.
                organization_id: i64,
                /// The organization it is to belong to.
                organization_uid: OrganizationUid,
                /// How textures are stored, such as `ktx`.
                gpu_texture_format: String,
                /// Whatever the caller wants to note.
                metadata: Map<String, Value>,
                /// Industry, by number.
                industry: i64,
                /// License, by number.
                license: i64,
                /// Whether its items form sequences.
                is_sequence: bool,
            }
        }
    }
}
