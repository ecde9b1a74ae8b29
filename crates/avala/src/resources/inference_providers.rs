//! Inference providers.

use avala_api::{
    SecretObject,
    inference_providers::{self, InferenceProviderUid, ProviderType},
};

super::handle! {
    /// Inference providers: models of the caller's own that label automatically.
    pub struct InferenceProviders for "inference_providers" {
        /// Lists inference providers.
        list() -> inference_providers::List;
        /// Gets one inference provider.
        get(uid: InferenceProviderUid) -> inference_providers::Get;
        /// Creates an inference provider.
        create(name: String, provider_type: ProviderType, config: SecretObject) -> inference_providers::Create;
        /// Changes an inference provider. Fields that are not set stay as they are.
        update(uid: InferenceProviderUid) -> inference_providers::Update;
        /// Deletes an inference provider.
        delete(uid: InferenceProviderUid) -> inference_providers::Delete;
        /// Asks the model something. A model that does not answer is an answer, not an error.
        test(uid: InferenceProviderUid) -> inference_providers::Test;
    }
}
