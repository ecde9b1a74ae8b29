//! Datasets.

use avala_api::{
    Carrier, Wait,
    datasets::{self, DataType, DatasetSlug, DatasetUid, OwnerName},
};

super::handle! {
    /// Datasets: what there is to annotate.
    pub struct Datasets for "datasets" {
        /// Lists the datasets of the caller's workspace.
        list() -> datasets::List;
        /// Gets one dataset.
        get(uid: DatasetUid) -> datasets::Get;
        /// Gets one dataset by its owner and its name in paths.
        get_by_slug(owner: OwnerName, slug: DatasetSlug) -> datasets::GetBySlug;
        /// Creates a dataset, empty or over a bucket that is there already.
        create(name: String, slug: DatasetSlug, data_type: DataType) -> datasets::Create;
    }
}

impl<C: Carrier + Clone> Datasets<C> {
    /// Waits until a dataset is ready, and answers it. No status for a failure is published, so only the time ends a wait in vain.
    pub fn wait(&self, uid: impl Into<DatasetUid>) -> Wait<datasets::Get, C> {
        self.get(uid).wait()
    }
}
