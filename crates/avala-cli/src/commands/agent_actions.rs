//! `avala agent-actions …`

use avala_api::{
    Operation as _,
    agent_actions::{ActionTaken, Create},
};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Record},
    session::Session,
};

pub(super) const CALLS: &[(&str, &str)] = &[(Create::ROUTE.operation, "avala agent-actions create")];

pub(super) async fn run(session: &Session, verb: args::AgentActions) -> Result<(), Failure> {
    let args::AgentActions::Create(args) = verb;
    let caller = session.may_call::<Create>()?;
    let mut create = Create::new(args.execution, args.action);
    create.reason = args.reason;
    let taken = caller.send(create).await?;
    Ok(session.out.record(&taken)?)
}

impl Record for ActionTaken {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![("status", self.status.clone().into())]
    }
}
