//! The resources: one file each, with the same name as in the contract.

mod agent_actions;
pub(crate) mod agents;
mod api_keys;
mod audit;
pub(crate) mod auto_label_jobs;
mod bucket_fields;
pub(crate) mod datasets;
mod event_targets;
mod exports;
mod inference_providers;
mod key_fields;
mod new_key;
mod organizations;
mod projects;
mod provider_config;
mod signup;
mod storage_configs;
mod tasks;
mod users;
mod webhook_deliveries;
mod webhooks;

use avala_api as api;

use crate::{edge::Budget, routes::Served};

/// Every operation that is served.
pub(crate) fn served() -> Served {
    let mut served = Served::default();
    served.serve_within::<api::signup::Create, _, _>(Budget::SignUp, signup::create);
    served.serve::<api::users::Me, _, _>(users::me);
    served.serve::<api::users::GetPermissions, _, _>(users::permissions);
    served.serve::<api::api_keys::Create, _, _>(api_keys::create);
    served.serve::<api::api_keys::Import, _, _>(api_keys::import);
    served.serve::<api::api_keys::List, _, _>(api_keys::list);
    served.serve::<api::api_keys::Get, _, _>(api_keys::get);
    served.serve::<api::api_keys::Update, _, _>(api_keys::update);
    served.serve::<api::api_keys::Rotate, _, _>(api_keys::rotate);
    served.serve::<api::api_keys::EndGrace, _, _>(api_keys::end_grace);
    served.serve::<api::api_keys::Revoke, _, _>(api_keys::revoke);
    served.serve::<api::api_keys::RevokeMany, _, _>(api_keys::revoke_many);
    served.serve::<api::api_keys::Disable, _, _>(api_keys::disable);
    served.serve::<api::api_keys::Enable, _, _>(api_keys::enable);
    served.serve::<api::api_keys::GetUsage, _, _>(api_keys::usage);
    served.serve::<api::api_keys::GetPolicy, _, _>(api_keys::get_policy);
    served.serve::<api::api_keys::UpdatePolicy, _, _>(api_keys::update_policy);
    served.serve::<api::audit::List, _, _>(audit::list);
    served.serve::<api::organizations::List, _, _>(organizations::list);
    served.serve::<api::organizations::Get, _, _>(organizations::get);
    served.serve::<api::projects::List, _, _>(projects::list);
    served.serve::<api::projects::Get, _, _>(projects::get);
    served.serve::<api::datasets::List, _, _>(datasets::list);
    served.serve::<api::datasets::Get, _, _>(datasets::get);
    served.serve::<api::datasets::Create, _, _>(datasets::create);
    served.serve::<api::datasets::GetBySlug, _, _>(datasets::get_by_slug);
    served.serve::<api::tasks::List, _, _>(tasks::list);
    served.serve::<api::tasks::Get, _, _>(tasks::get);
    served.serve::<api::exports::List, _, _>(exports::list);
    served.serve::<api::exports::Get, _, _>(exports::get);
    served.serve::<api::exports::Create, _, _>(exports::create);
    served.serve::<api::storage_configs::List, _, _>(storage_configs::list);
    served.serve::<api::storage_configs::Create, _, _>(storage_configs::create);
    served.serve::<api::storage_configs::SetupInfo, _, _>(storage_configs::setup_info);
    served.serve::<api::storage_configs::Get, _, _>(storage_configs::get);
    served.serve::<api::storage_configs::Delete, _, _>(storage_configs::delete);
    served.serve::<api::storage_configs::Test, _, _>(storage_configs::test);
    served.serve::<api::inference_providers::List, _, _>(inference_providers::list);
    served.serve::<api::inference_providers::Create, _, _>(inference_providers::create);
    served.serve::<api::inference_providers::Get, _, _>(inference_providers::get);
    served.serve::<api::inference_providers::Update, _, _>(inference_providers::update);
    served.serve::<api::inference_providers::Delete, _, _>(inference_providers::delete);
    served.serve::<api::inference_providers::Test, _, _>(inference_providers::test);
    served.serve::<api::auto_label_jobs::List, _, _>(auto_label_jobs::list);
    served.serve::<api::auto_label_jobs::Get, _, _>(auto_label_jobs::get);
    served.serve::<api::auto_label_jobs::Cancel, _, _>(auto_label_jobs::cancel);
    served.serve::<api::auto_label_jobs::Create, _, _>(auto_label_jobs::create);
    served.serve::<api::webhooks::List, _, _>(webhooks::list);
    served.serve::<api::webhooks::Get, _, _>(webhooks::get);
    served.serve::<api::webhooks::Create, _, _>(webhooks::create);
    served.serve::<api::webhooks::Update, _, _>(webhooks::update);
    served.serve::<api::webhooks::Delete, _, _>(webhooks::delete);
    served.serve::<api::webhooks::Test, _, _>(webhooks::test);
    served.serve::<api::webhook_deliveries::List, _, _>(webhook_deliveries::list);
    served.serve::<api::webhook_deliveries::Get, _, _>(webhook_deliveries::get);
    served.serve::<api::agents::List, _, _>(agents::list);
    served.serve::<api::agents::Get, _, _>(agents::get);
    served.serve::<api::agents::Create, _, _>(agents::create);
    served.serve::<api::agents::Update, _, _>(agents::update);
    served.serve::<api::agents::Delete, _, _>(agents::delete);
    served.serve::<api::agents::ListExecutions, _, _>(agents::list_executions);
    served.serve::<api::agent_actions::Create, _, _>(agent_actions::create);
    served
}
