//! Storage configs: buckets of the caller's own that Avala may read.

use avala_keys::Secret;

use crate::{Access, FieldErrors, Scope, Timestamp, organizations::OrganizationSlug};

id! {
    /// A storage config's identifier.
    StorageConfigUid;
}

open_enum! {
    /// Who keeps a bucket.
    pub enum StorageProvider {
        /// Amazon S3.
        AwsS3 = "aws_s3",
        /// Google Cloud Storage.
        GcStorage = "gc_storage",
    }
}

open_enum! {
    /// What opens an S3 bucket.
    pub enum S3AuthMethod {
        /// An access key.
        AccessKey = "access_key",
        /// A role that Avala assumes.
        IamRole = "iam_role",
    }
}

model! {
    /// A storage config. Credentials are never answered. A text that does not apply is null or empty.
    pub struct StorageConfig {
        /// Identifier.
        pub uid: StorageConfigUid,
        /// Name.
        pub name: String,
        /// Who keeps the bucket.
        pub provider: StorageProvider,
        /// The S3 bucket.
        pub s3_bucket_name: Option<String> = None,
        /// The S3 bucket's region.
        pub s3_bucket_region: Option<String> = None,
        /// Where in the S3 bucket the files are.
        pub s3_bucket_prefix: Option<String> = None,
        /// What opens the S3 bucket.
        pub s3_auth_method: Option<S3AuthMethod> = None,
        /// Whether S3's transfer acceleration is used.
        pub s3_is_accelerated: bool = false,
        /// The Google Cloud Storage bucket.
        pub gc_storage_bucket_name: Option<String> = None,
        /// Where in the Google Cloud Storage bucket the files are.
        pub gc_storage_prefix: Option<String> = None,
        /// The Cloudflare R2 account. Newer servers only.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub r2_account_id: Option<String> = None,
        /// The public address of the Cloudflare R2 bucket. Newer servers only.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub r2_public_base_url: Option<String> = None,
        /// Whether the bucket could be opened when it was last tried.
        pub is_verified: bool = false,
        /// When it was last tried.
        pub last_verified_at: Option<Timestamp> = None,
        /// When it was made.
        pub created_at: Option<Timestamp> = None,
        /// When it was last changed.
        pub updated_at: Option<Timestamp> = None,
    }
}

model! {
    /// What a role's trust policy needs.
    pub struct SetupValues {
        /// Avala's AWS account, which assumes the role.
        pub avala_aws_account_id: String,
        /// The external id that the policy asks for: the organization's own.
        pub external_id: String,
    }
}

model! {
    /// What became of a test.
    pub struct TestResult {
        /// Whether the bucket could be opened.
        pub verified: bool,
        /// What is wrong, by field.
        #[serde(skip_serializing_if = "FieldErrors::is_empty")]
        pub errors: FieldErrors = FieldErrors::default(),
    }
}

operation! {
    /// Lists storage configs, newest first.
    List = "storage_configs.list" {
        route: Get "/storage-configs/",
        access: Access::Scope(Scope::StorageRead),
        pages: StorageConfig, by Cursor,
        query {
            /// Whose; needed by a caller of several organizations.
            organization: OrganizationSlug,
        }
    }
}

operation! {
    /// Creates a storage config. The server tries the credentials.
    Create = "storage_configs.create" {
        route: Post "/storage-configs/",
        access: Access::Scope(Scope::StorageWrite),
        idempotent: false,
        answer: 201 StorageConfig,
        query {
            /// Whose; needed by a caller of several organizations.
            organization: OrganizationSlug,
        }
        body {
            required {
                /// Name.
                name: String,
                /// Who keeps the bucket.
                provider: StorageProvider,
            }
            optional {
                /// The S3 bucket.
                s3_bucket_name: String,
                /// The S3 bucket's region.
                s3_bucket_region: String,
                /// Where in the S3 bucket the files are.
                s3_bucket_prefix: String,
                /// What opens the S3 bucket.
                s3_auth_method: S3AuthMethod,
                /// The role to assume.
                s3_role_arn: String,
                /// The access key's identifier.
                s3_access_key_id: Secret,
                /// The access key's secret.
                s3_secret_access_key: Secret,
                /// Whether to use S3's transfer acceleration.
                s3_is_accelerated: bool,
                /// The Google Cloud Storage bucket.
                gc_storage_bucket_name: String,
                /// Where in the Google Cloud Storage bucket the files are.
                gc_storage_prefix: String,
                /// The service account's key file, whole.
                gc_storage_auth_json_content: Secret,
            }
        }
    }
}

operation! {
    /// What a role's trust policy needs.
    SetupInfo = "storage_configs.setup_info" {
        route: Get "/storage-configs/setup-info/",
        access: Access::Scope(Scope::StorageRead),
        idempotent: true,
        answer: 200 SetupValues,
        query {
            /// Whose; needed by a caller of several organizations.
            organization: OrganizationSlug,
        }
    }
}

operation! {
    /// Gets one storage config.
    Get = "storage_configs.get" {
        route: Get "/storage-configs/{uid}/",
        access: Access::Scope(Scope::StorageRead),
        idempotent: true,
        answer: 200 StorageConfig,
        path {
            /// Which storage config.
            uid: StorageConfigUid,
        }
        query {
            /// Whose; a storage config of another organization is not found.
            organization: OrganizationSlug,
        }
    }
}

operation! {
    /// Deletes a storage config.
    Delete = "storage_configs.delete" {
        route: Delete "/storage-configs/{uid}/",
        access: Access::Scope(Scope::StorageWrite),
        idempotent: true,
        answer: 204,
        path {
            /// Which storage config.
            uid: StorageConfigUid,
        }
    }
}

operation! {
    /// Tries to open the bucket. One that cannot be opened is an answer, not an error.
    Test = "storage_configs.test" {
        route: Post "/storage-configs/{uid}/test/",
        access: Access::Scope(Scope::StorageWrite),
        idempotent: false,
        answer: 200 TestResult,
        path {
            /// Which storage config.
            uid: StorageConfigUid,
        }
    }
}
