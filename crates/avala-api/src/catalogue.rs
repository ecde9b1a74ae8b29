//! Every operation that is declared, in one list.

use crate::{Operation as _, Route};

/// Hands the types of all declared operations to a macro, so that tests, routers and tables cannot leave one out.
///
/// ```
/// macro_rules! count {
///     ($($Operation:ty),* $(,)?) => { [$(<$Operation as avala_api::Operation>::ROUTE),*].len() };
/// }
/// assert_eq!(avala_api::for_each_operation!(count), avala_api::catalogue::DECLARED.len());
/// ```
#[macro_export]
macro_rules! for_each_operation {
    ($callback:ident) => {
        $callback! {
            $crate::signup::Create,
            $crate::users::Me,
            $crate::users::GetPermissions,
            $crate::api_keys::Create,
            $crate::api_keys::Import,
            $crate::api_keys::List,
            $crate::api_keys::Get,
            $crate::api_keys::Update,
            $crate::api_keys::Rotate,
            $crate::api_keys::EndGrace,
            $crate::api_keys::Revoke,
            $crate::api_keys::RevokeMany,
            $crate::api_keys::Disable,
            $crate::api_keys::Enable,
            $crate::api_keys::GetUsage,
            $crate::api_keys::GetPolicy,
            $crate::api_keys::UpdatePolicy,
            $crate::audit::List,
            $crate::organizations::List,
            $crate::organizations::Get,
            $crate::projects::List,
            $crate::projects::Get,
            $crate::datasets::List,
            $crate::datasets::Get,
            $crate::datasets::Create,
            $crate::datasets::GetBySlug,
            $crate::tasks::List,
            $crate::tasks::Get,
            $crate::exports::List,
            $crate::exports::Get,
            $crate::exports::Create,
            $crate::storage_configs::List,
            $crate::storage_configs::Create,
            $crate::storage_configs::SetupInfo,
            $crate::storage_configs::Get,
            $crate::storage_configs::Delete,
            $crate::storage_configs::Test,
            $crate::inference_providers::List,
            $crate::inference_providers::Create,
            $crate::inference_providers::Get,
            $crate::inference_providers::Update,
            $crate::inference_providers::Delete,
            $crate::inference_providers::Test,
            $crate::auto_label_jobs::List,
            $crate::auto_label_jobs::Get,
            $crate::auto_label_jobs::Cancel,
            $crate::auto_label_jobs::Create,
            $crate::webhooks::List,
            $crate::webhooks::Get,
            $crate::webhooks::Create,
            $crate::webhooks::Update,
            $crate::webhooks::Delete,
            $crate::webhooks::Test,
            $crate::webhook_deliveries::List,
            $crate::webhook_deliveries::Get,
            $crate::agents::List,
            $crate::agents::Get,
            $crate::agents::Create,
            $crate::agents::Update,
            $crate::agents::Delete,
            $crate::agents::ListExecutions,
            $crate::agent_actions::Create,
        }
    };
}

macro_rules! routes {
    ($($Operation:ty),* $(,)?) => { &[$(<$Operation>::ROUTE),*] };
}

/// The routes of all declared operations.
pub const DECLARED: &[Route] = for_each_operation!(routes);
