//! Agents: programs that are told of events and decide on them.

use avala_api::{
    Extra, FieldErrors, Page,
    agents::{Agent, AgentExecution, Create, Delete, ExecutionStatus, Get, List, ListExecutions, Update},
};
use avala_keys::Secret;

use super::event_targets::{check_events, check_secret, check_url, finish};
use crate::{
    context::Context,
    paging,
    refusal::Refusal,
    store::{
        StoreError,
        agent_executions::{self, Filter},
        agents, organizations,
    },
};

const LONGEST_NAME: usize = 255;
const LONGEST_DESCRIPTION: usize = 10_000;
const LONGEST_PROJECT: usize = 255;
const LONGEST_TASK_TYPE: usize = 50;
const MOST_TASK_TYPES: usize = 100;

pub(super) async fn list(context: Context, operation: List) -> Result<Page<Agent>, Refusal> {
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        false,
    )?;
    let rows = agents::list(context.store().reader(), context.caller()?.organization(), window).await?;
    paging::page(&context, &operation, rows, false)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<Agent, Refusal> {
    let reader = context.store().reader();
    let found = agents::find(reader, context.caller()?.organization(), operation.uid.as_str()).await?;
    let mut agent = found.ok_or_else(Refusal::not_found)?;
    agent.execution_stats = Some(agents::execution_stats(reader, agent.uid.as_str()).await?);
    Ok(agent)
}

/// Registers an agent, or changes the one of that name: a runner registers each time it starts.
pub(super) async fn create(context: Context, operation: Create) -> Result<Agent, Refusal> {
    let Create {
        name,
        events,
        description,
        callback_url,
        is_active,
        project,
        task_types,
        secret,
    } = operation;
    // The documentation has the server make a secret "when blank", not only when it is left out.
    let secret = secret.filter(|secret| !secret.expose().is_empty());
    let organization = context.caller()?.organization();
    let now = context.now();
    let mut change = context.store().change().await?;
    organizations::lock(change.connection(), organization).await?;
    let known = agents::find_by_name(change.connection(), organization, &name).await?;
    let is_known = known.is_some();
    let mut agent = match known {
        Some(agent) => agent,
        None => new_agent(context.authority.random().uid()?, name),
    };
    agent.events = events.unwrap_or(agent.events);
    agent.description = description.or(agent.description);
    agent.callback_url = callback_url.or(agent.callback_url);
    agent.is_active = is_active.unwrap_or(agent.is_active);
    agent.project = project.or(agent.project);
    agent.task_types = task_types.unwrap_or(agent.task_types);
    agent.secret = match secret {
        None if !is_known => Some(context.authority.random().signing_secret()?),
        given => given,
    };
    check(&context, &agent)?;

    let sealed = agent
        .secret
        .as_ref()
        .map(|secret| seal(&context, agent.uid.as_str(), secret))
        .transpose()?;
    agent.updated_at = Some(now);
    if is_known {
        agents::update(change.connection(), &agent, sealed.as_deref(), now).await?;
        context.commit(change, "agent.update", agent.uid.as_str()).await?;
    } else {
        agent.created_at = Some(now);
        let sealed = sealed.unwrap_or_default();
        agents::insert(change.connection(), organization, &agent, &sealed, now).await?;
        context.commit(change, "agent.create", agent.uid.as_str()).await?;
    }
    Ok(agent)
}

pub(super) async fn update(context: Context, operation: Update) -> Result<Agent, Refusal> {
    let Update {
        uid,
        name,
        events,
        is_active,
        task_types,
        description,
        callback_url,
        project,
    } = operation;
    let organization = context.caller()?.organization();
    let now = context.now();
    let mut change = context.store().change().await?;
    if name.is_some() {
        // As whoever registers does: between its look for the name and its row, nobody takes the name.
        organizations::lock(change.connection(), organization).await?;
    }
    let found = agents::find(change.connection(), organization, uid.as_str()).await?;
    let mut agent = found.ok_or_else(Refusal::not_found)?;
    agent.name = name.unwrap_or(agent.name);
    agent.events = events.unwrap_or(agent.events);
    agent.is_active = is_active.unwrap_or(agent.is_active);
    agent.task_types = task_types.unwrap_or(agent.task_types);
    agent.description = description.apply(agent.description);
    agent.callback_url = callback_url.apply(agent.callback_url);
    agent.project = project.apply(agent.project);
    agent.updated_at = Some(now);
    check(&context, &agent)?;
    agents::update(change.connection(), &agent, None, now)
        .await
        .map_err(name_taken)?;
    context.commit(change, "agent.update", uid.as_str()).await?;
    Ok(agent)
}

pub(super) async fn delete(context: Context, operation: Delete) -> Result<(), Refusal> {
    let uid = operation.uid.as_str();
    let mut change = context.store().change().await?;
    if !agents::delete(change.connection(), context.caller()?.organization(), uid).await? {
        return Err(Refusal::not_found());
    }
    context.commit(change, "agent.delete", uid).await
}

pub(super) async fn list_executions(
    context: Context,
    operation: ListExecutions,
) -> Result<Page<AgentExecution>, Refusal> {
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        false,
    )?;
    let reader = context.store().reader();
    let found = agents::find(reader, context.caller()?.organization(), operation.uid.as_str()).await?;
    let agent = found.ok_or_else(Refusal::not_found)?;
    let filter = Filter {
        status: operation.status.as_ref().map(ExecutionStatus::as_str),
        project: operation.project.as_deref(),
        task_types: operation.task_types.as_ref().map_or(&[], |types| &types.0),
    };
    let rows = agent_executions::list(reader, agent.uid.as_str(), &filter, window).await?;
    paging::page(&context, &operation, rows, false)
}

fn new_agent(uid: String, name: String) -> Agent {
    Agent {
        uid: uid.into(),
        name,
        description: None,
        events: Vec::new(),
        callback_url: None,
        is_active: true,
        project: None,
        task_types: Vec::new(),
        secret: None,
        execution_stats: None,
        created_at: None,
        updated_at: None,
        extra: Extra::new(),
    }
}

fn check(context: &Context, agent: &Agent) -> Result<(), FieldErrors> {
    let mut errors = FieldErrors::default();
    check_members(agent, &mut errors);
    if let Some(url) = &agent.callback_url {
        check_url(context, "callback_url", url, &mut errors);
    }
    finish(errors)
}

/// What is wrong with an agent's members, but for the address, whoever brings it.
pub(crate) fn check_members(agent: &Agent, errors: &mut FieldErrors) {
    match agent.name.chars().count() {
        _ if agent.name.trim().is_empty() => errors.add("name", "This field may not be blank."),
        0..=LONGEST_NAME => {}
        _ => errors.add("name", "Ensure this field has no more than 255 characters."),
    }
    let is_longer =
        |text: &Option<String>, longest| text.as_ref().is_some_and(|text| text.chars().count() > longest);
    if is_longer(&agent.description, LONGEST_DESCRIPTION) {
        errors.add(
            "description",
            "Ensure this field has no more than 10000 characters.",
        );
    }
    if is_longer(&agent.project, LONGEST_PROJECT) {
        errors.add("project", "Ensure this field has no more than 255 characters.");
    }
    if agent.task_types.len() > MOST_TASK_TYPES {
        errors.add("task_types", "Ensure this list has no more than 100 items.");
    }
    check_events(&agent.events, errors);
    if agent
        .task_types
        .iter()
        .any(|name| !(1..=LONGEST_TASK_TYPE).contains(&name.len()) || name.contains(','))
    {
        errors.add("task_types", "Each must have 1 to 50 characters and no comma.");
    }
    if let Some(secret) = &agent.secret {
        check_secret(secret, errors);
    }
}

fn name_taken(error: StoreError) -> Refusal {
    if error.is_duplicate() {
        Refusal::field("name", "An agent with this name already exists.")
    } else {
        error.into()
    }
}

fn seal(context: &Context, uid: &str, secret: &Secret) -> Result<Vec<u8>, Refusal> {
    let authority = &context.authority;
    Ok(authority
        .secrets()
        .seal_secret(authority.random(), &agents::secret_row(uid), secret)?)
}
