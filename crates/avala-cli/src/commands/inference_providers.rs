//! `avala inference-providers …`

use avala_api::{
    Operation as _, SecretObject,
    inference_providers::{Create, Delete, Get, InferenceProvider, List, Test, TestResult, Update},
};
use avala_keys::redact;
use serde_json::Value;

use super::change;
use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
    terminal,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (List::ROUTE.operation, "avala inference-providers list"),
    (Create::ROUTE.operation, "avala inference-providers create"),
    (Get::ROUTE.operation, "avala inference-providers get"),
    (Update::ROUTE.operation, "avala inference-providers update"),
    (Delete::ROUTE.operation, "avala inference-providers delete"),
    (Test::ROUTE.operation, "avala inference-providers test"),
];

pub(super) async fn run(session: &Session, verb: args::InferenceProviders) -> Result<(), Failure> {
    match verb {
        args::InferenceProviders::List(listing) => {
            let list = List::new().limit(listing.page());
            session.list(list, listing, hide_credentials).await
        }
        args::InferenceProviders::Get(args) => {
            let provider = session.may_call::<Get>()?.send(Get::new(args.uid)).await?;
            print(session, provider)
        }
        args::InferenceProviders::Create(args) => create(session, args).await,
        args::InferenceProviders::Update(args) => update(session, args).await,
        args::InferenceProviders::Delete(args) => {
            let question = format!("Delete the inference provider {}?", args.uid);
            let done = format!("The inference provider {} is deleted.", args.uid);
            session
                .confirmed(Delete::new(args.uid), args.yes, &question, &done)
                .await
        }
        args::InferenceProviders::Test(args) => test(session, Test::new(args.uid)).await,
    }
}

async fn create(session: &Session, args: args::CreateInferenceProvider) -> Result<(), Failure> {
    let caller = session.may_call::<Create>()?;
    let config = terminal::object_from_file("The config", &args.config_file)?;
    let mut create = Create::new(args.name, args.provider_type, config);
    create.description = args.description;
    create.is_active = args.active;
    create.project = args.project;
    print(session, caller.send(create).await?)
}

async fn update(session: &Session, args: args::UpdateInferenceProvider) -> Result<(), Failure> {
    let caller = session.may_call::<Update>()?;
    let mut update = Update::new(args.uid);
    update.name = args.name;
    update.provider_type = args.provider_type;
    update.is_active = args.active;
    update.description = change(args.description, args.clear_description);
    update.project = change(args.project, args.clear_project);
    if let Some(file) = &args.config_file {
        update.config = Some(terminal::object_from_file("The config", file)?.into());
    }
    print(session, caller.send(update).await?)
}

async fn test(session: &Session, test: Test) -> Result<(), Failure> {
    let result = session.may_call::<Test>()?.send(test).await?;
    session.out.record(&result)?;
    if result.success == Some(true) {
        return Ok(());
    }
    let reason = result.message.as_deref().unwrap_or("the server does not say why");
    Err(Failure::local(format!("The model did not answer: {reason}")))
}

fn print(session: &Session, mut provider: InferenceProvider) -> Result<(), Failure> {
    hide_credentials(&mut provider);
    Ok(session.out.record(&provider)?)
}

/// Credentials are not shown, whatever the server answers.
fn hide_credentials(provider: &mut InferenceProvider) {
    let Some(config) = &provider.config else { return };
    let mut config = Value::Object(config.expose().clone());
    redact::json(&mut config);
    provider.config = match config {
        Value::Object(members) => Some(SecretObject::from(members)),
        _ => None,
    };
}

impl Row for InferenceProvider {
    const COLUMNS: &'static [&'static str] =
        &["uid", "name", "type", "active", "project", "last test", "created"];
}

fn outcome(success: Option<bool>) -> Cell {
    success
        .map(|success| if success { "answered" } else { "failed" })
        .into()
}

impl Record for InferenceProvider {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("uid", Cell::text(&self.uid)),
            ("name", Cell::text(&self.name)),
            ("description", self.description.clone().into()),
            ("type", Cell::optional(self.provider_type.as_ref())),
            (
                "config",
                super::json_cell(self.config.as_ref().map(SecretObject::expose)),
            ),
            ("active", self.is_active.into()),
            ("project", Cell::optional(self.project.as_ref())),
            ("last test", outcome(self.last_test_success)),
            ("last tested", self.last_test_at.into()),
            ("created", self.created_at.into()),
            ("updated", self.updated_at.into()),
        ]
    }
}

impl Record for TestResult {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("answered", self.success.into()),
            ("message", self.message.clone().into()),
            ("milliseconds", Cell::optional(self.latency_ms.as_ref())),
            ("tested", self.tested_at.into()),
        ]
    }
}
