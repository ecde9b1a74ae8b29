//! The resources: one file each, with the same name as in the contract.

mod agent_actions;
mod agents;
mod auto_label_jobs;
mod event_targets;
mod exports;
mod organizations;
mod signup;
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
    served.serve::<api::organizations::List, _, _>(organizations::list);
    served.serve::<api::organizations::Get, _, _>(organizations::get);
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
    served.serve::<api::exports::List, _, _>(exports::list);
    served.serve::<api::exports::Get, _, _>(exports::get);
    served.serve::<api::exports::Create, _, _>(exports::create);
    served.serve::<api::auto_label_jobs::List, _, _>(auto_label_jobs::list);
    served.serve::<api::auto_label_jobs::Get, _, _>(auto_label_jobs::get);
    served.serve::<api::auto_label_jobs::Cancel, _, _>(auto_label_jobs::cancel);
    served.serve::<api::auto_label_jobs::Create, _, _>(auto_label_jobs::create);
    served
}
