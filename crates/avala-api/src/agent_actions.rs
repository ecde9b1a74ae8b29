//! What an agent decided.

use crate::{Access, Scope, agents::ExecutionUid};

open_enum! {
    /// An agent's decision on an execution.
    pub enum Action {
        /// Accept it.
        Approve = "approve",
        /// Send it back.
        Reject = "reject",
        /// Have a person look at it.
        Flag = "flag",
        /// Leave it alone.
        Skip = "skip",
    }
}

model! {
    /// The server has taken the decision.
    pub struct ActionTaken {
        /// `ok`.
        pub status: Option<String> = None,
    }
}

operation! {
    /// Submits an agent's decision on an execution.
    Create = "agent_actions.create" {
        route: Post "/agent-actions/",
        access: Access::Scope(Scope::AgentsWrite),
        idempotent: false,
        answer: 200 ActionTaken,
        body {
            required {
                /// Which execution.
                execution: ExecutionUid,
                /// The decision.
                action: Action,
            }
            optional {
                /// Why.
                reason: String,
            }
        }
    }
}
