//! `avala agents …`

use avala_api::{
    CommaList, Operation as _,
    agents::{Agent, AgentExecution, Create, Delete, Get, List, ListExecutions, Update},
};

use super::change;
use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
    terminal,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (List::ROUTE.operation, "avala agents list"),
    (Get::ROUTE.operation, "avala agents get"),
    (Create::ROUTE.operation, "avala agents create"),
    (Update::ROUTE.operation, "avala agents update"),
    (Delete::ROUTE.operation, "avala agents delete"),
    (ListExecutions::ROUTE.operation, "avala agents executions"),
];

pub(super) async fn run(session: &Session, verb: args::Agents) -> Result<(), Failure> {
    match verb {
        args::Agents::List(listing) => {
            let list = List::new().limit(listing.page());
            session.list(list, listing, hide_secret).await
        }
        args::Agents::Get(args) => {
            let mut agent = session.may_call::<Get>()?.send(Get::new(args.uid)).await?;
            hide_secret(&mut agent);
            Ok(session.out.record(&agent)?)
        }
        args::Agents::Create(args) => create(session, args).await,
        args::Agents::Update(args) => update(session, args).await,
        args::Agents::Delete(args) => {
            let question = format!("Delete the agent {}?", args.uid);
            let done = format!("The agent {} is deleted.", args.uid);
            session
                .confirmed(Delete::new(args.uid), args.yes, &question, &done)
                .await
        }
        args::Agents::Executions(args) => {
            let mut list = ListExecutions::new(args.uid).limit(args.listing.page());
            list.status = args.status;
            list.project = args.project;
            list.task_types = args.task_types.map(CommaList::from);
            session.list(list, args.listing, |_| {}).await
        }
    }
}

async fn create(session: &Session, args: args::CreateAgent) -> Result<(), Failure> {
    let caller = session.may_call::<Create>()?;
    let mut create = Create::new(args.name);
    create.events = args.events;
    create.description = args.description;
    create.callback_url = args.callback_url;
    create.is_active = args.active;
    create.project = args.project;
    create.task_types = args.task_types;
    if args.secret_stdin {
        create.secret = Some(terminal::secret_from_stdin("The secret")?);
    } else {
        session.may_print_secret(args.show_secret)?;
    }
    let mut agent = caller.send(create).await?;
    if args.secret_stdin {
        hide_secret(&mut agent);
    }
    Ok(session.out.record(&agent)?)
}

async fn update(session: &Session, args: args::UpdateAgent) -> Result<(), Failure> {
    let caller = session.may_call::<Update>()?;
    let mut update = Update::new(args.uid);
    update.name = args.name;
    update.events = args.events;
    update.is_active = args.active;
    update.task_types = args.task_types;
    update.description = change(args.description, args.clear_description);
    update.callback_url = change(args.callback_url, args.clear_callback_url);
    update.project = change(args.project, args.clear_project);
    let mut agent = caller.send(update).await?;
    hide_secret(&mut agent);
    Ok(session.out.record(&agent)?)
}

/// A secret is shown when it is made, and never again, whatever the server answers.
fn hide_secret(agent: &mut Agent) {
    agent.secret = None;
}

impl Row for Agent {
    const COLUMNS: &'static [&'static str] = &["uid", "name", "events", "callback url", "active", "created"];
}

impl Record for Agent {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let mut fields = vec![
            ("uid", Cell::text(&self.uid)),
            ("name", Cell::text(&self.name)),
            ("description", self.description.clone().into()),
            ("events", Cell::names(&self.events)),
            ("callback url", self.callback_url.clone().into()),
            ("active", self.is_active.into()),
            ("project", self.project.clone().into()),
            ("task types", Cell::names(&self.task_types)),
            ("created", self.created_at.into()),
            ("updated", self.updated_at.into()),
        ];
        if let Some(stats) = &self.execution_stats {
            let counts: Vec<String> = stats
                .iter()
                .map(|(status, count)| format!("{status} {count}"))
                .collect();
            fields.push(("executions", Cell::Names(counts)));
        }
        if let Some(secret) = &self.secret {
            fields.push(("secret", secret.expose().into()));
        }
        fields
    }
}

impl Row for AgentExecution {
    const COLUMNS: &'static [&'static str] =
        &["uid", "event", "status", "action", "task", "result", "created"];
}

impl Record for AgentExecution {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("uid", Cell::text(&self.uid)),
            ("event", Cell::text(&self.event_type)),
            ("status", self.status.as_ref().map(ToString::to_string).into()),
            ("action", self.action.as_ref().map(ToString::to_string).into()),
            ("task", self.task.clone().into()),
            ("result", self.result.clone().into()),
            ("created", self.created_at.into()),
        ]
    }
}
