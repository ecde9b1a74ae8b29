//! Stories about a running server, told over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on ends"
)]

/// Each story is told on both databases.
macro_rules! stories {
    ($($story:ident),+ $(,)?) => {
        $(mod $story {
            #[tokio::test]
            async fn on_sqlite() {
                super::$story(crate::support::On::Sqlite).await;
            }

            // The server goes on while the end of the story waits for its database to be dropped: PostgreSQL drops
            // none as long as somebody stands in its door.
            #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
            async fn on_postgres() {
                if crate::home::has_postgres(module_path!()) {
                    super::$story(crate::support::On::Postgres).await;
                }
            }
        })+
    };
}

mod agents;
mod api_keys;
mod audit;
mod authority;
mod auto_label_jobs;
mod bodies;
mod bucket_keepers;
mod data_dir;
mod datasets;
mod edge;
mod exports;
mod home;
mod inference_provider_configs;
mod inference_providers;
mod key_bounds;
mod key_rotation;
mod key_usage;
mod keys;
mod members;
mod metrics;
mod model;
mod older_schema;
mod organizations;
mod outages;
mod paging;
mod provisioning;
mod rate_limits;
mod rates;
mod refused_postgres;
mod relay;
mod schema;
mod sealed;
mod seeds;
mod service_accounts;
mod setup;
mod signup;
mod storage_config_fields;
mod storage_configs;
mod support;
mod tenancy;
mod users;
mod webhooks;
