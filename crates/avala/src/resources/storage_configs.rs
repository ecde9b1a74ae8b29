//! Storage configs.

use avala_api::storage_configs::{self, StorageConfigUid, StorageProvider};

super::handle! {
    /// Storage configs: buckets of the caller's own that Avala may read.
    pub struct StorageConfigs for "storage_configs" {
        /// Lists storage configs, newest first.
        list() -> storage_configs::List;
        /// Creates a storage config. The server tries the credentials.
        create(name: String, provider: StorageProvider) -> storage_configs::Create;
        /// What a role's trust policy needs.
        setup_info() -> storage_configs::SetupInfo;
        /// Gets one storage config.
        get(uid: StorageConfigUid) -> storage_configs::Get;
        /// Deletes a storage config.
        delete(uid: StorageConfigUid) -> storage_configs::Delete;
        /// Tries to open the bucket. One that cannot be opened is an answer, not an error.
        test(uid: StorageConfigUid) -> storage_configs::Test;
    }
}
