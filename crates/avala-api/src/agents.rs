//! Agents: programs that are told of events and decide on them.

use std::collections::BTreeMap;

use avala_keys::Secret;
use serde_json::{Map, Value};

use crate::{Access, CommaList, EventName, Scope, Timestamp, agent_actions::Action};

id! {
    /// An agent's identifier.
    AgentUid;
    /// An execution's identifier.
    ExecutionUid;
}

model! {
    /// A registered agent.
    pub struct Agent {
        /// Identifier.
        pub uid: AgentUid,
        /// Name. Registering the same name again changes the agent instead of making a second one.
        pub name: String,
        /// What it does.
        pub description: Option<String> = None,
        /// The events it is told of.
        pub events: Vec<EventName> = Vec::new(),
        /// The HTTPS address events are pushed to; `None` for an agent that polls.
        pub callback_url: Option<String> = None,
        /// Whether it is told of events.
        pub is_active: bool = true,
        /// The project it is limited to; `None` for the whole organization.
        pub project: Option<String> = None,
        /// The task types it is limited to; empty for every type.
        pub task_types: Vec<String> = Vec::new(),
        /// The key of the push signature. Told once, in the answer that made it.
        pub secret: Option<Secret> = None,
        /// Executions by status; `get` only.
        pub execution_stats: Option<BTreeMap<String, i64>> = None,
        /// When it was made.
        pub created_at: Option<Timestamp> = None,
        /// When it was last changed.
        pub updated_at: Option<Timestamp> = None,
    }
}

open_enum! {
    /// How far an execution has come.
    pub enum ExecutionStatus {
        /// Waits for the agent.
        Pending = "pending",
        /// The agent is at work.
        Running = "running",
        /// The agent has decided.
        Success = "success",
        /// The agent did not decide.
        Failed = "failed",
    }
}

model! {
    /// One event handed to one agent.
    pub struct AgentExecution {
        /// Identifier.
        pub uid: ExecutionUid,
        /// The agent.
        pub registration: AgentUid,
        /// The event.
        pub event_type: EventName,
        /// The task concerned.
        pub task: Option<String> = None,
        /// The result concerned.
        pub result: Option<String> = None,
        /// How far it has come.
        pub status: Option<ExecutionStatus> = None,
        /// What the agent decided.
        pub action: Option<Action> = None,
        /// The event's data.
        pub event_payload: Option<Map<String, Value>> = None,
        /// The agent's answer.
        pub response_payload: Option<Map<String, Value>> = None,
        /// Why it failed.
        pub error_message: Option<String> = None,
        /// When the agent began.
        pub started_at: Option<Timestamp> = None,
        /// When the agent decided.
        pub completed_at: Option<Timestamp> = None,
        /// When it was made.
        pub created_at: Option<Timestamp> = None,
        /// When it was last changed.
        pub updated_at: Option<Timestamp> = None,
    }
}

operation! {
    /// Lists agents, newest first.
    List = "agents.list" {
        route: Get "/agents/",
        access: Access::Scope(Scope::AgentsRead),
        pages: Agent, by Cursor,
    }
}

operation! {
    /// Gets one agent.
    Get = "agents.get" {
        route: Get "/agents/{uid}/",
        access: Access::Scope(Scope::AgentsRead),
        idempotent: true,
        answer: 200 Agent,
        path {
            /// Which agent.
            uid: AgentUid,
        }
    }
}

operation! {
    /// Registers an agent. The answer holds its secret, once.
    Create = "agents.create" {
        route: Post "/agents/",
        access: Access::Scope(Scope::AgentsWrite),
        idempotent: false,
        answer: 201 Agent,
        body {
            required {
                /// Name.
                name: String,
            }
            optional {
                /// The events it is told of.
                events: Vec<EventName>,
                /// What it does.
                description: String,
                /// The HTTPS address events are pushed to.
                callback_url: String,
                /// Whether it is told of events.
                is_active: bool,
                /// The project it is limited to.
                project: String,
                /// The task types it is limited to.
                task_types: Vec<String>,
                /// The push secret; the server makes one when it is left out.
                secret: Secret,
            }
        }
    }
}

operation! {
    /// Changes an agent. Fields that are not set stay as they are. Clearing (`Patch::Null`) is understood by this project's
    /// server; Avala's published contract knows no `null` here.
    Update = "agents.update" {
        route: Patch "/agents/{uid}/",
        access: Access::Scope(Scope::AgentsWrite),
        idempotent: true,
        answer: 200 Agent,
        path {
            /// Which agent.
            uid: AgentUid,
        }
        body {
            optional {
                /// Name.
                name: String,
                /// The events it is told of.
                events: Vec<EventName>,
                /// Whether it is told of events.
                is_active: bool,
                /// The task types it is limited to.
                task_types: Vec<String>,
            }
            nullable {
                /// What it does.
                description: String,
                /// The HTTPS address events are pushed to; cleared, the agent polls.
                callback_url: String,
                /// The project it is limited to; cleared, the whole organization.
                project: String,
            }
        }
    }
}

operation! {
    /// Deletes an agent.
    Delete = "agents.delete" {
        route: Delete "/agents/{uid}/",
        access: Access::Scope(Scope::AgentsWrite),
        idempotent: true,
        answer: 204,
        path {
            /// Which agent.
            uid: AgentUid,
        }
    }
}

operation! {
    /// Lists an agent's executions.
    ListExecutions = "agents.list_executions" {
        route: Get "/agents/{uid}/executions/",
        access: Access::Scope(Scope::AgentsRead),
        pages: AgentExecution, by Cursor,
        path {
            /// Which agent.
            uid: AgentUid,
        }
        query {
            /// Only executions that have come this far.
            status: ExecutionStatus,
            /// Only executions of this project.
            project: String,
            /// Only executions of these task types.
            task_types: CommaList<String>,
        }
    }
}
