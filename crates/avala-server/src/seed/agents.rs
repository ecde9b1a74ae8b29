//! The sections `agents` and `executions`: agents that poll, and what waits for them.

use avala_api::{
    EventName, Extra, FieldErrors, Timestamp,
    agents::{self as api, AgentUid, ExecutionUid},
};
use avala_keys::Secret;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};

use super::{Loading, Row, SeedError};
use crate::{
    resources::agents::check_members,
    store::{
        Written,
        agent_executions::{self, NewExecution},
        agents,
    },
};

/// An agent, active unless it says otherwise. Without a secret it gets one that nobody is told: who polls needs none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Agent {
    uid: AgentUid,
    name: String,
    description: Option<String>,
    #[serde(default)]
    events: Vec<EventName>,
    is_active: Option<bool>,
    project: Option<String>,
    #[serde(default)]
    task_types: Vec<String>,
    #[serde(default, deserialize_with = "unquoted")]
    secret: Option<Secret>,
}

/// A secret that is in no error text.
fn unquoted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(Secret::new(text))),
        _ => Err(D::Error::custom("expected a string")),
    }
}

/// An event that waits for an agent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Execution {
    uid: ExecutionUid,
    registration: AgentUid,
    event_type: EventName,
    #[serde(default)]
    event_payload: Map<String, Value>,
    created_at: Option<Timestamp>,
}

impl Row for Agent {
    const SECTION: &'static str = "agents";

    fn uid(&self) -> &str {
        self.uid.as_str()
    }

    async fn write(&self, loading: &mut Loading<'_>, path: &str) -> Result<Option<Written>, SeedError> {
        let agent = api::Agent {
            uid: self.uid.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            events: self.events.clone(),
            callback_url: None,
            is_active: self.is_active.unwrap_or(true),
            project: self.project.clone(),
            task_types: self.task_types.clone(),
            secret: self.secret.clone(),
            execution_stats: None,
            created_at: None,
            updated_at: None,
            extra: Extra::new(),
        };
        let mut errors = FieldErrors::default();
        check_members(&agent, &mut errors);
        SeedError::check(path, errors)?;

        let (organization, now) = (loading.organization, loading.now);
        let known = agents::find(loading.connection(), organization, self.uid()).await?;
        let random = loading.authority.random();
        let secret = match &self.secret {
            None if known.is_none() => Some(random.signing_secret()?),
            given => given.clone(),
        };
        let secrets = loading.authority.secrets();
        let sealed = secret
            .map(|secret| secrets.seal_secret(random, &agents::secret_row(self.uid()), &secret))
            .transpose()?;
        let (written, done) = if known.is_some() {
            let done = agents::update(loading.connection(), &agent, sealed.as_deref(), now).await;
            (Written::Updated, done)
        } else {
            let sealed = sealed.unwrap_or_default();
            let done = agents::insert(loading.connection(), organization, &agent, &sealed, now).await;
            (Written::Made, done)
        };
        done.map_err(|error| {
            if error.is_duplicate() {
                SeedError::field(path, "name", "Another agent has this name, or this uid.")
            } else {
                error.into()
            }
        })?;
        Ok(Some(written))
    }
}

impl Row for Execution {
    const SECTION: &'static str = "executions";

    fn uid(&self) -> &str {
        self.uid.as_str()
    }

    async fn write(&self, loading: &mut Loading<'_>, path: &str) -> Result<Option<Written>, SeedError> {
        let registration = self.registration.as_str();
        let organization = loading.organization;
        let agent = agents::find(loading.connection(), organization, registration).await?;
        if agent.is_none() {
            return Err(SeedError::field(
                path,
                "registration",
                "The organization has no such agent.",
            ));
        }
        let new = NewExecution {
            uid: self.uid(),
            registration,
            event_type: self.event_type.as_str(),
            event_payload: &self.event_payload,
            created_at: self.created_at.unwrap_or(loading.now),
        };
        Ok(agent_executions::upsert(loading.connection(), &new).await?)
    }
}
