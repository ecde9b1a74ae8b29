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
mod altered_rows;
mod api_keys;
mod audit;
mod audit_list;
mod authority;
mod auto_label_jobs;
mod bodies;
mod bucket_keepers;
mod chance;
mod damaged_files;
mod data_dir;
mod database_restarts;
mod datasets;
mod edge;
mod ended_keys;
mod exports;
mod foreign_objects;
mod home;
mod hostile_queries;
mod inference_provider_configs;
mod inference_providers;
mod key_bounds;
mod key_bulk_revocation;
mod key_deadlines;
mod key_hints;
mod key_imports;
mod key_policies;
mod key_races;
mod key_resources;
mod key_rotation;
mod key_thief;
mod key_usage;
mod key_usage_days;
mod keys;
mod malformed_keys;
mod members;
mod metrics;
mod model;
mod never_wider;
mod newcomers;
mod older_schema;
mod organizations;
mod outages;
mod paging;
mod peppers;
mod provisioning;
mod put_back_rows;
mod rate_limits;
mod rates;
mod refusals;
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
mod strangers;
mod support;
mod tenancy;
mod undeclared;
mod users;
mod webhooks;
