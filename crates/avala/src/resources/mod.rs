//! The handles: `client.<resource>().<operation>(required…)`, the same for async and blocking.

mod agent_actions;
mod agents;
mod api_keys;
mod audit;
mod auto_label_jobs;
mod datasets;
mod exports;
mod inference_providers;
mod organizations;
mod projects;
mod signup;
mod storage_configs;
mod tasks;
mod users;
mod webhook_deliveries;
mod webhooks;

pub use agent_actions::AgentActions;
pub use agents::Agents;
pub use api_keys::ApiKeys;
pub use audit::Audit;
pub use auto_label_jobs::AutoLabelJobs;
pub use datasets::Datasets;
pub use exports::Exports;
pub use inference_providers::InferenceProviders;
pub use organizations::Organizations;
pub use projects::Projects;
pub use signup::Signup;
pub use storage_configs::StorageConfigs;
pub use tasks::Tasks;
pub use users::Users;
pub use webhook_deliveries::WebhookDeliveries;
pub use webhooks::Webhooks;

/// A handle: for each operation, a method that takes what the operation requires.
///
/// It also notes which method calls which operation, for the parity table.
macro_rules! handle {
    (
        $(#[$doc:meta])*
        pub struct $Handle:ident for $resource:literal {
            $($(#[$mdoc:meta])* $method:ident($($parameter:ident : $Type:ty),*) -> $Operation:ty;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        #[must_use]
        pub struct $Handle<C>(pub(crate) C);

        impl<C: avala_api::Carrier + Clone> $Handle<C> {
            $(
                $(#[$mdoc])*
                pub fn $method(&self, $($parameter: impl Into<$Type>),*) -> avala_api::Request<$Operation, C> {
                    avala_api::Request::new(<$Operation>::new($($parameter),*), self.0.clone())
                }
            )*
        }

        /// Operation and method, for the parity table.
        pub(super) const METHODS: &[(&str, &str)] = &[$((
            <$Operation as avala_api::Operation>::ROUTE.operation,
            concat!("client.", $resource, "().", stringify!($method), "(", $(stringify!($parameter), ", ",)* ")"),
        )),*];
    };
}
pub(crate) use handle;

/// The handles' accessors, written once for both clients.
macro_rules! handles_of {
    ($Client:ident, $Carrier:ident) => {
        impl $Client {
            /// Sign-up: an account and its first key.
            pub fn signup(&self) -> crate::resources::Signup<$Carrier> {
                crate::resources::Signup(self.carrier())
            }

            /// The caller, and what the key may do.
            pub fn users(&self) -> crate::resources::Users<$Carrier> {
                crate::resources::Users(self.carrier())
            }

            /// API keys.
            pub fn api_keys(&self) -> crate::resources::ApiKeys<$Carrier> {
                crate::resources::ApiKeys(self.carrier())
            }

            /// The audit.
            pub fn audit(&self) -> crate::resources::Audit<$Carrier> {
                crate::resources::Audit(self.carrier())
            }

            /// Organizations.
            pub fn organizations(&self) -> crate::resources::Organizations<$Carrier> {
                crate::resources::Organizations(self.carrier())
            }

            /// Projects.
            pub fn projects(&self) -> crate::resources::Projects<$Carrier> {
                crate::resources::Projects(self.carrier())
            }

            /// Datasets.
            pub fn datasets(&self) -> crate::resources::Datasets<$Carrier> {
                crate::resources::Datasets(self.carrier())
            }

            /// Tasks.
            pub fn tasks(&self) -> crate::resources::Tasks<$Carrier> {
                crate::resources::Tasks(self.carrier())
            }

            /// Exports.
            pub fn exports(&self) -> crate::resources::Exports<$Carrier> {
                crate::resources::Exports(self.carrier())
            }

            /// Storage configs.
            pub fn storage_configs(&self) -> crate::resources::StorageConfigs<$Carrier> {
                crate::resources::StorageConfigs(self.carrier())
            }

            /// Inference providers.
            pub fn inference_providers(&self) -> crate::resources::InferenceProviders<$Carrier> {
                crate::resources::InferenceProviders(self.carrier())
            }

            /// Auto-label jobs.
            pub fn auto_label_jobs(&self) -> crate::resources::AutoLabelJobs<$Carrier> {
                crate::resources::AutoLabelJobs(self.carrier())
            }

            /// Webhooks.
            pub fn webhooks(&self) -> crate::resources::Webhooks<$Carrier> {
                crate::resources::Webhooks(self.carrier())
            }

            /// The log of webhook deliveries.
            pub fn webhook_deliveries(&self) -> crate::resources::WebhookDeliveries<$Carrier> {
                crate::resources::WebhookDeliveries(self.carrier())
            }

            /// Agents and their executions.
            pub fn agents(&self) -> crate::resources::Agents<$Carrier> {
                crate::resources::Agents(self.carrier())
            }

            /// Agents' decisions.
            pub fn agent_actions(&self) -> crate::resources::AgentActions<$Carrier> {
                crate::resources::AgentActions(self.carrier())
            }
        }
    };
}
pub(crate) use handles_of;

/// Which method calls which operation: `("webhooks.get", "client.webhooks().get(uid)")`.
pub fn methods() -> impl Iterator<Item = (&'static str, String)> {
    [
        signup::METHODS,
        users::METHODS,
        api_keys::METHODS,
        audit::METHODS,
        organizations::METHODS,
        projects::METHODS,
        datasets::METHODS,
        tasks::METHODS,
        exports::METHODS,
        storage_configs::METHODS,
        inference_providers::METHODS,
        auto_label_jobs::METHODS,
        webhooks::METHODS,
        webhook_deliveries::METHODS,
        agents::METHODS,
        agent_actions::METHODS,
    ]
    .concat()
    .into_iter()
    .map(|(operation, method)| (operation, method.replace(", )", ")")))
}
