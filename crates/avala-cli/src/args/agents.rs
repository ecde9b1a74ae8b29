//! `avala agents …`

use avala_api::{
    EventName,
    agents::{AgentUid, ExecutionStatus},
};
use clap::{ArgGroup, Args, Subcommand};

use super::{Deletion, Listing, Object};

/// Agents.
#[derive(Debug, Subcommand)]
pub enum Agents {
    /// List agents, newest first
    List(Listing),
    /// Show one agent
    Get(Object),
    /// Register an agent; its push secret is shown once
    Create(CreateAgent),
    /// Change an agent; what is not named stays as it is
    Update(UpdateAgent),
    /// Delete an agent
    Delete(Deletion),
    /// List what was handed to an agent
    Executions(AgentExecutions),
}

/// `avala agents create`
#[derive(Debug, Args)]
pub struct CreateAgent {
    /// Name; registering the same name again changes the agent instead of making a second one
    #[arg(long)]
    pub name: String,

    /// The events it is told of, such as task.completed,result.submitted
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub events: Option<Vec<EventName>>,

    /// What it does
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,

    /// The HTTPS address events are pushed to; without one the agent polls
    #[arg(long, value_name = "URL")]
    pub callback_url: Option<String>,

    /// Whether it is told of events
    #[arg(long, value_name = "BOOL")]
    pub active: Option<bool>,

    /// The project it is limited to
    #[arg(long, value_name = "UID")]
    pub project: Option<String>,

    /// The task types it is limited to
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub task_types: Option<Vec<String>>,

    /// Read the push secret from stdin instead of having the server make one
    #[arg(long)]
    pub secret_stdin: bool,

    /// Print the new secret even though stdout is a terminal
    #[arg(long, conflicts_with = "secret_stdin")]
    pub show_secret: bool,
}

/// `avala agents update`
#[derive(Debug, Args)]
#[command(
    override_usage = "avala agents update <UID> [OPTIONS]",
    group(ArgGroup::new("change").required(true).multiple(true).args([
        "name", "events", "active", "task_types", "description", "clear_description", "callback_url",
        "clear_callback_url", "project", "clear_project",
    ]))
)]
pub struct UpdateAgent {
    /// Its identifier
    pub uid: AgentUid,

    /// Name
    #[arg(long)]
    pub name: Option<String>,

    /// The events it is told of; they replace those it had
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub events: Option<Vec<EventName>>,

    /// Whether it is told of events
    #[arg(long, value_name = "BOOL")]
    pub active: Option<bool>,

    /// The task types it is limited to; they replace those it had
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub task_types: Option<Vec<String>>,

    /// What it does
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,

    /// Remove the description
    #[arg(long, conflicts_with = "description")]
    pub clear_description: bool,

    /// The HTTPS address events are pushed to
    #[arg(long, value_name = "URL")]
    pub callback_url: Option<String>,

    /// Have it poll instead of being pushed to
    #[arg(long, conflicts_with = "callback_url")]
    pub clear_callback_url: bool,

    /// The project it is limited to
    #[arg(long, value_name = "UID")]
    pub project: Option<String>,

    /// Give it the whole organization
    #[arg(long, conflicts_with = "project")]
    pub clear_project: bool,
}

/// `avala agents executions`
#[derive(Debug, Args)]
pub struct AgentExecutions {
    /// Which agent
    pub uid: AgentUid,

    /// How much of the list.
    #[command(flatten)]
    pub listing: Listing,

    /// Only those that have come this far: pending, running, success or failed
    #[arg(long)]
    pub status: Option<ExecutionStatus>,

    /// Only those of this project
    #[arg(long, value_name = "UID")]
    pub project: Option<String>,

    /// Only those of these task types
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub task_types: Option<Vec<String>>,
}
