//! What an agent decided.

use avala_api::{
    Extra,
    agent_actions::{Action, ActionTaken, Create},
    agents::ExecutionStatus,
};
use http::StatusCode;

use crate::{context::Context, refusal::Refusal, store::agent_executions};

const LONGEST_REASON: usize = 10_000;

/// Takes a decision. The same one again is taken again, since its answer may have been lost; another one is not.
pub(super) async fn create(context: Context, operation: Create) -> Result<ActionTaken, Refusal> {
    let Create {
        execution,
        action,
        reason,
    } = operation;
    if matches!(action, Action::Other(_)) {
        return Err(Refusal::field("action", "Must be approve, reject, flag or skip."));
    }
    if reason
        .as_ref()
        .is_some_and(|reason| reason.chars().count() > LONGEST_REASON)
    {
        return Err(Refusal::field(
            "reason",
            "Ensure this field has no more than 10000 characters.",
        ));
    }
    let mut change = context.store().change().await?;
    let organization = context.caller()?.organization();
    let found = agent_executions::find(change.connection(), organization, execution.as_str()).await?;
    let present = found.ok_or_else(Refusal::not_found)?;
    match present.status {
        Some(ExecutionStatus::Pending | ExecutionStatus::Running) => {
            let (connection, now) = (change.connection(), context.now());
            agent_executions::decide(connection, execution.as_str(), &action, reason.as_deref(), now).await?;
            context
                .commit(change, "agent_execution.decide", execution.as_str())
                .await?;
        }
        _ if present.action.as_ref() == Some(&action) => {}
        _ => {
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "This execution has been decided already.",
                "execution_decided",
            ));
        }
    }
    Ok(ActionTaken {
        status: Some("ok".into()),
        extra: Extra::new(),
    })
}
