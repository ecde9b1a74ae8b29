//! Inference providers: models of the caller's own that label automatically.

use crate::{Access, Scope, SecretObject, Timestamp, projects::ProjectUid};

id! {
    /// An inference provider's identifier.
    InferenceProviderUid;
}

open_enum! {
    /// How a model is reached.
    pub enum ProviderType {
        /// By HTTP: `endpoint_url`, and `auth_header`, `auth_type`, `headers`, `timeout`, `response_key` where needed.
        Http = "http",
        /// At Amazon `SageMaker`: `endpoint_name`, `region`.
        Sagemaker = "sagemaker",
    }
}

model! {
    /// An inference provider.
    pub struct InferenceProvider {
        /// Identifier.
        pub uid: InferenceProviderUid,
        /// Name.
        pub name: String,
        /// What it is for.
        pub description: Option<String> = None,
        /// How the model is reached.
        pub provider_type: Option<ProviderType> = None,
        /// Where the model is and what opens it.
        pub config: Option<SecretObject> = None,
        /// Whether it is used.
        pub is_active: bool = true,
        /// The project it is limited to.
        pub project: Option<ProjectUid> = None,
        /// When it was last tried.
        pub last_test_at: Option<Timestamp> = None,
        /// Whether it answered then.
        pub last_test_success: Option<bool> = None,
        /// When it was made.
        pub created_at: Option<Timestamp> = None,
        /// When it was last changed.
        pub updated_at: Option<Timestamp> = None,
    }
}

model! {
    /// What became of a test. Sources disagree about the members, so each may be missing.
    pub struct TestResult {
        /// Whether the model answered.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub success: Option<bool> = None,
        /// What happened, for people.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub message: Option<String> = None,
        /// When it was tried.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub tested_at: Option<Timestamp> = None,
        /// How long the model took, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub latency_ms: Option<f64> = None,
    }
}

operation! {
    /// Lists inference providers.
    List = "inference_providers.list" {
        route: Get "/inference-providers/",
        access: Access::Scope(Scope::InferenceRead),
        pages: InferenceProvider, by Cursor,
    }
}

operation! {
    /// Creates an inference provider.
    Create = "inference_providers.create" {
        route: Post "/inference-providers/",
        access: Access::Scope(Scope::InferenceWrite),
        idempotent: false,
        answer: 201 InferenceProvider,
        body {
            required {
                /// Name.
                name: String,
                /// How the model is reached.
                provider_type: ProviderType,
                /// Where the model is and what opens it.
                config: SecretObject,
            }
            optional {
                /// What it is for.
                description: String,
                /// Whether it is used.
                is_active: bool,
                /// The project it is limited to.
                project: ProjectUid,
            }
        }
    }
}

operation! {
    /// Gets one inference provider.
    Get = "inference_providers.get" {
        route: Get "/inference-providers/{uid}/",
        access: Access::Scope(Scope::InferenceRead),
        idempotent: true,
        answer: 200 InferenceProvider,
        path {
            /// Which inference provider.
            uid: InferenceProviderUid,
        }
    }
}

operation! {
    /// Changes an inference provider. Fields that are not set stay as they are. Clearing (`Patch::Null`) is understood by this
    /// project's server; Avala's published contract knows no `null` here.
    Update = "inference_providers.update" {
        route: Patch "/inference-providers/{uid}/",
        access: Access::Scope(Scope::InferenceWrite),
        idempotent: true,
        answer: 200 InferenceProvider,
        path {
            /// Which inference provider.
            uid: InferenceProviderUid,
        }
        body {
            optional {
                /// Name.
                name: String,
                /// How the model is reached.
                provider_type: ProviderType,
                /// Where the model is and what opens it, whole: members that are left out are gone.
                config: SecretObject,
                /// Whether it is used.
                is_active: bool,
            }
            nullable {
                /// What it is for.
                description: String,
                /// The project it is limited to; cleared, none.
                project: ProjectUid,
            }
        }
    }
}

operation! {
    /// Deletes an inference provider.
    Delete = "inference_providers.delete" {
        route: Delete "/inference-providers/{uid}/",
        access: Access::Scope(Scope::InferenceWrite),
        idempotent: true,
        answer: 204,
        path {
            /// Which inference provider.
            uid: InferenceProviderUid,
        }
    }
}

operation! {
    /// Asks the model something. A model that does not answer is an answer, not an error.
    Test = "inference_providers.test" {
        route: Post "/inference-providers/{uid}/test/",
        access: Access::Scope(Scope::InferenceWrite),
        idempotent: false,
        answer: 200 TestResult,
        path {
            /// Which inference provider.
            uid: InferenceProviderUid,
        }
    }
}
