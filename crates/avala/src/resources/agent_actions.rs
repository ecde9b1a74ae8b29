//! Agents' decisions.

use avala_api::{
    agent_actions::{self, Action},
    agents::ExecutionUid,
};

super::handle! {
    /// What agents decide.
    pub struct AgentActions for "agent_actions" {
        /// Submits a decision on an execution.
        create(execution: ExecutionUid, action: Action) -> agent_actions::Create;
    }
}
