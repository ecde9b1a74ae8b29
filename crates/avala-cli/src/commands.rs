//! The commands, one file for each resource, under the names of the contract.

mod agent_actions;
mod agents;
mod api_keys;
mod audit;
mod auth;
mod auto_label_jobs;
mod datasets;
#[cfg(feature = "server")]
mod demo;
mod exports;
mod inference_providers;
mod organizations;
mod profiles;
mod projects;
mod scan;
#[cfg(feature = "server")]
mod serve;
#[cfg(feature = "server")]
mod server;
mod service_accounts;
mod setup;
mod signup;
mod status;
mod storage_configs;
mod tasks;
mod users;
mod waiting;
mod webhook_deliveries;
mod webhooks;

use std::future::Future;

use avala_api::Patch;
use tokio::runtime;

use crate::{
    args::{Cli, Command},
    exit::Exit,
    failure::Failure,
    logging,
    output::{Cell, Output},
    session::Session,
    signals::Signals,
};

/// Which command calls which operation: `("webhooks.list", "avala webhooks list")`.
pub fn calls() -> impl Iterator<Item = (&'static str, &'static str)> {
    [
        signup::CALLS,
        setup::CALLS,
        users::CALLS,
        api_keys::CALLS,
        audit::CALLS,
        organizations::CALLS,
        service_accounts::CALLS,
        projects::CALLS,
        datasets::CALLS,
        tasks::CALLS,
        exports::CALLS,
        storage_configs::CALLS,
        inference_providers::CALLS,
        auto_label_jobs::CALLS,
        webhooks::CALLS,
        webhook_deliveries::CALLS,
        agents::CALLS,
        agent_actions::CALLS,
    ]
    .concat()
    .into_iter()
}

/// Runs one command to its end.
pub(crate) fn run(cli: Cli, out: Output) -> Result<Exit, Failure> {
    match cli.command {
        Command::Scan(args) => scan::run(&cli.global, &args, out),
        #[cfg(feature = "server")]
        Command::Serve(args) => serve::run(&cli.global, *args, out),
        #[cfg(feature = "server")]
        Command::Server(verb) => server::run(&cli.global, verb, out),
        #[cfg(feature = "server")]
        Command::Demo(args) => demo::run(&cli.global, args, out),
        command => {
            logging::start(&cli.global, None)?;
            let session = Session::new(cli.global, out);
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            let outcome = runtime.block_on(interruptible(call(&session, command)));
            // Whoever is asked may never answer.
            runtime.shutdown_background();
            outcome
        }
    }
}

async fn call(session: &Session, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Whoami => users::whoami(session).await?,
        Command::Status => return status::run(session).await,
        Command::Auth(verb) => auth::run(session, verb).await?,
        Command::Configure(args) => auth::login(session, args).await?,
        Command::Profile(verb) => profiles::run(session, verb)?,
        Command::Signup(args) => signup::run(session, args).await?,
        Command::Setup(args) => setup::run(session, args).await?,
        Command::ApiKeys(verb) => api_keys::run(session, verb).await?,
        Command::Audit(verb) => audit::run(session, verb).await?,
        Command::ServiceAccounts(verb) => service_accounts::run(session, verb).await?,
        Command::Organizations(verb) => organizations::run(session, verb).await?,
        Command::Projects(verb) => projects::run(session, verb).await?,
        Command::Datasets(verb) => datasets::run(session, verb).await?,
        Command::Tasks(verb) => tasks::run(session, verb).await?,
        Command::Exports(verb) => exports::run(session, verb).await?,
        Command::StorageConfigs(verb) => storage_configs::run(session, verb).await?,
        Command::InferenceProviders(verb) => inference_providers::run(session, verb).await?,
        Command::AutoLabelJobs(verb) => auto_label_jobs::run(session, verb).await?,
        Command::Webhooks(verb) => webhooks::run(session, verb).await?,
        Command::WebhookDeliveries(verb) => webhook_deliveries::run(session, verb).await?,
        Command::Agents(verb) => agents::run(session, verb).await?,
        Command::AgentActions(verb) => agent_actions::run(session, verb).await?,
        Command::Scan(_) => return Err(Failure::local("This command runs on its own.")),
        #[cfg(feature = "server")]
        Command::Serve(_) | Command::Server(_) | Command::Demo(_) => {
            return Err(Failure::local("This command runs on its own."));
        }
    }
    Ok(Exit::OK)
}

/// Does the work until the process is told to stop. What the work holds is cleared away by its destructors.
async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    // Heard only once the work waits for something: until then, Ctrl-C ends the process as it always does.
    let stop = async {
        Signals::listen()?.asked_to_stop().await;
        Ok::<_, std::io::Error>(())
    };
    tokio::select! {
        biased;
        outcome = work => outcome,
        stopped = stop => Err(stopped.map_or_else(Failure::from, |()| Failure::interrupted())),
    }
}

/// Set, cleared, or left as it is.
fn change<T>(value: Option<T>, clear: bool) -> Patch<T> {
    match value {
        Some(value) => Patch::Value(value),
        None if clear => Patch::Null,
        None => Patch::Unset,
    }
}

/// An object as one line of JSON.
fn json_cell(object: Option<&serde_json::Map<String, serde_json::Value>>) -> Cell {
    object
        .and_then(|object| serde_json::to_string(object).ok())
        .into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::output::Row;

    #[test]
    fn every_operation_of_the_contract_has_its_command() {
        let declared: BTreeSet<_> = avala_api::catalogue::DECLARED
            .iter()
            .map(|route| route.operation)
            .collect();
        let called: BTreeSet<_> = calls().map(|(operation, _)| operation).collect();
        assert_eq!(called, declared);
    }

    #[test]
    fn every_column_of_a_table_is_a_member_of_its_rows() {
        fn check<R: Row + serde::de::DeserializeOwned>() {
            let row = serde_json::json!({
                "uid": "", "name": "", "slug": "", "target_url": "", "provider": "", "registration": "", "event_type": "",
                "subscription": "", "member_count": 1, "id": "", "prefix": "", "class": "", "owner": "", "access": {"kind": "full"},
                "state": "", "created_at": "2026-01-31T12:00:00Z", "position": 1, "at": "2026-01-31T12:00:00Z",
                "actor": {"kind": ""}, "action": "", "object": "", "user_uid": "", "role": "",
            });
            let row: R = serde_json::from_value(row).unwrap();
            let fields: BTreeSet<&str> = row.fields().iter().map(|(name, _)| *name).collect();
            for column in R::COLUMNS {
                assert!(fields.contains(column), "{column} is not among {fields:?}");
            }
        }
        check::<avala_api::api_keys::ApiKey>();
        check::<avala_api::audit::AuditEntry>();
        check::<avala_api::organizations::Organization>();
        check::<avala_api::organizations::Member>();
        check::<avala_api::service_accounts::ServiceAccount>();
        check::<avala_api::projects::Project>();
        check::<avala_api::datasets::Dataset>();
        check::<avala_api::tasks::Task>();
        check::<avala_api::exports::Export>();
        check::<avala_api::storage_configs::StorageConfig>();
        check::<avala_api::inference_providers::InferenceProvider>();
        check::<avala_api::auto_label_jobs::AutoLabelJob>();
        check::<avala_api::webhooks::Webhook>();
        check::<avala_api::webhook_deliveries::WebhookDelivery>();
        check::<avala_api::agents::Agent>();
        check::<avala_api::agents::AgentExecution>();
    }

    #[test]
    fn every_command_of_the_table_can_be_typed() {
        for (_, line) in calls() {
            let mut command = &crate::command_line();
            for word in line.split(' ').skip(1) {
                command = command
                    .find_subcommand(word)
                    .unwrap_or_else(|| panic!("no `{word}` in `{line}`"));
            }
        }
    }
}
