//! `avala agent-actions …`

use avala_api::{agent_actions::Action, agents::ExecutionUid};
use clap::{Args, Subcommand};

/// Decisions of agents.
#[derive(Debug, Subcommand)]
pub enum AgentActions {
    /// Submit an agent's decision on an execution
    Create(CreateAgentAction),
}

/// `avala agent-actions create`
#[derive(Debug, Args)]
pub struct CreateAgentAction {
    /// Which execution
    #[arg(long, value_name = "UID")]
    pub execution: ExecutionUid,

    /// The decision: approve, reject, flag or skip
    #[arg(long)]
    pub action: Action,

    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}
