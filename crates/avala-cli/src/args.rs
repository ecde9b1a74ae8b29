//! What can be typed: types only, no logic.

mod agent_actions;
mod agents;
mod api_keys;
mod audit;
mod auth;
mod auto_label_jobs;
mod datasets;
mod exports;
mod global;
mod inference_providers;
mod listing;
mod new_key;
mod object;
mod organizations;
mod projects;
mod scan;
#[cfg(feature = "server")]
mod serve;
#[cfg(feature = "server")]
mod server;
mod service_accounts;
mod setup;
mod signup;
mod storage_configs;
mod tasks;
mod values;
mod waiting;
mod webhook_deliveries;
mod webhooks;

use clap::{Parser, Subcommand};

pub use agent_actions::*;
pub use agents::*;
pub use api_keys::*;
pub use audit::*;
pub use auth::*;
pub use auto_label_jobs::*;
pub use datasets::*;
pub use exports::*;
pub use global::*;
pub use inference_providers::*;
pub use listing::*;
pub use new_key::*;
pub use object::*;
pub use organizations::*;
pub use projects::*;
pub use scan::*;
#[cfg(feature = "server")]
pub use serve::*;
#[cfg(feature = "server")]
pub use server::*;
pub use service_accounts::*;
pub use setup::*;
pub use signup::*;
pub use storage_configs::*;
pub use tasks::*;
pub use waiting::*;
pub use webhook_deliveries::*;
pub use webhooks::*;

/// Work with Avala from the command line.
///
/// Data goes to stdout, messages go to stderr. On a terminal, lists are tables; in a pipe they are tab-separated rows
/// with RFC 3339 times; with `--output json` they are what the API answers. An independent project, not affiliated with Avala.
#[derive(Debug, Parser)]
#[command(name = "avala", version, max_term_width = 100, after_long_help = crate::long_help())]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The first word.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show who the key belongs to, what it may do, and where it was found
    Whoami,
    /// Check server, key and rate limit; fails if they are not in order
    Status,
    /// Store, check, switch and rotate the keys of this machine
    #[command(subcommand)]
    Auth(Auth),
    /// Set up the first key of this machine: the same as `auth login`
    Configure(Login),
    /// Name servers and where their keys come from
    #[command(subcommand)]
    Profile(ProfileVerb),
    /// Make an account and its first API key
    ///
    /// The key is in the server's answer once. In a pipe it goes to stdout; on a terminal say `--out FILE` to keep it in
    /// a private file, or `--show` to see it.
    Signup(Signup),
    /// Make the first administrator of a new self-hosted server, with the token from its data directory
    ///
    /// Say which server with --base-url. The key is in its answer once, and goes where that of `signup` does.
    Setup(Setup),
    /// Make, watch, rotate and end API keys of a self-hosted server
    #[command(name = "keys", alias = "api-keys", subcommand)]
    ApiKeys(ApiKeys),
    /// See who did what in your organization, on a self-hosted server
    #[command(subcommand)]
    Audit(Audit),
    /// Make, list and switch off owners of keys that are no people, on a self-hosted server
    #[command(subcommand)]
    ServiceAccounts(ServiceAccounts),
    /// See the organizations you belong to, and who else does
    #[command(subcommand)]
    Organizations(Organizations),
    /// See the projects you work on
    #[command(subcommand)]
    Projects(Projects),
    /// See and make datasets
    #[command(subcommand)]
    Datasets(Datasets),
    /// See the work there is to do
    #[command(subcommand)]
    Tasks(Tasks),
    /// Make annotations into a file
    #[command(subcommand)]
    Exports(Exports),
    /// Let Avala read buckets of your own
    #[command(subcommand)]
    StorageConfigs(StorageConfigs),
    /// Use models of your own for labelling
    #[command(subcommand)]
    InferenceProviders(InferenceProviders),
    /// Have a model label a project
    #[command(subcommand)]
    AutoLabelJobs(AutoLabelJobs),
    /// Have events reported to a URL
    #[command(subcommand)]
    Webhooks(Webhooks),
    /// See what was sent to webhooks
    #[command(subcommand)]
    WebhookDeliveries(WebhookDeliveries),
    /// Register programs that decide on events
    #[command(subcommand)]
    Agents(Agents),
    /// Submit the decisions of agents
    #[command(subcommand)]
    AgentActions(AgentActions),
    /// Find API keys in files, before others do
    ///
    /// Found are keys of a server of this project, without doubt, and the other shapes that Avala has published, where
    /// they stand beside an Avala name. Searched are files that git would not ignore. A key is named by its public part
    /// and never printed; a line that says `avala:allow` is let through.
    ///
    /// Ends with 0 if nothing was found, with 1 if something was, and with 2 if the search could not be made.
    Scan(Scan),
    /// Run an Avala server on this machine
    ///
    /// The same API, with its own accounts and keys; everything it keeps is in the data directory. `--dev` is for trying
    /// things out: it listens on this machine only, lets anyone sign up, and prints a key.
    #[cfg(feature = "server")]
    Serve(Box<Serve>),
    /// Work with the data of a server on this machine
    #[cfg(feature = "server")]
    #[command(subcommand)]
    Server(ServerVerb),
    /// Watch the whole product work, against a real server of its own
    ///
    /// It needs no account and no network, and leaves nothing behind. Every line is checked before it is printed: the
    /// first that does not hold ends the demo with exit code 1.
    #[cfg(feature = "server")]
    Demo(Demo),
}
