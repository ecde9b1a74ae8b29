//! Agents and their executions.

use avala_api::agents::{self, AgentUid};

super::handle! {
    /// Agents: programs that are told of events and decide on them.
    pub struct Agents for "agents" {
        /// Lists agents, newest first.
        list() -> agents::List;
        /// Gets one agent.
        get(uid: AgentUid) -> agents::Get;
        /// Registers an agent. The answer holds its secret, once.
        create(name: String) -> agents::Create;
        /// Changes an agent. Fields that are not set stay as they are.
        update(uid: AgentUid) -> agents::Update;
        /// Deletes an agent.
        delete(uid: AgentUid) -> agents::Delete;
        /// Lists an agent's executions.
        list_executions(uid: AgentUid) -> agents::ListExecutions;
    }
}
