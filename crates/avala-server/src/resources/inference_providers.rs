//! Inference providers: models of the callers' own.

use std::time::Duration;

use avala_api::{
    Extra, FieldErrors, Page,
    inference_providers::{
        Create, Delete, Get, InferenceProvider, List, ProviderType, Test, TestResult, Update,
    },
};
use avala_keys::Secret;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{bucket_fields::check_name, event_targets::finish, provider_config};
use crate::{
    context::Context,
    paging,
    refusal::Refusal,
    store::{
        Connection, Rows, StoreError,
        inference_providers::{self, Stored},
    },
};

const LONGEST_DESCRIPTION: usize = 10_000;

pub(super) async fn list(context: Context, operation: List) -> Result<Page<InferenceProvider>, Refusal> {
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        false,
    )?;
    let organization = context.caller()?.organization();
    let rows = inference_providers::list(context.store().reader(), organization, window).await?;
    let items = rows.items.into_iter().map(|stored| {
        let config = open(&context, &stored)?;
        Ok(shown(stored.provider, &config))
    });
    let rows = Rows {
        items: items.collect::<Result<_, Refusal>>()?,
        next: rows.next,
        previous: rows.previous,
    };
    paging::page(&context, &operation, rows, false)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<InferenceProvider, Refusal> {
    let organization = context.caller()?.organization();
    let found =
        inference_providers::find(context.store().reader(), organization, operation.uid.as_str()).await?;
    let stored = found.ok_or_else(Refusal::not_found)?;
    let config = open(&context, &stored)?;
    Ok(shown(stored.provider, &config))
}

pub(super) async fn create(context: Context, operation: Create) -> Result<InferenceProvider, Refusal> {
    let organization = context.caller()?.organization();
    let config = operation.config.expose();
    let now = context.now();
    let provider = InferenceProvider {
        uid: context.authority.random().uid()?.into(),
        name: operation.name,
        description: operation.description,
        provider_type: Some(operation.provider_type),
        config: None,
        is_active: operation.is_active.unwrap_or(true),
        project: operation.project,
        last_test_at: None,
        last_test_success: None,
        created_at: Some(now),
        updated_at: Some(now),
        extra: Extra::new(),
    };
    let mut change = context.store().change().await?;
    check(&context, change.connection(), &provider, config).await?;
    let stored = Stored {
        config: seal(&context, provider.uid.as_str(), config)?,
        provider,
    };
    inference_providers::insert(change.connection(), organization, &stored, now)
        .await
        .map_err(project_gone)?;
    let uid = stored.provider.uid.as_str();
    context.commit(change, "inference_provider.create", uid).await?;
    Ok(shown(stored.provider, config))
}

pub(super) async fn update(context: Context, operation: Update) -> Result<InferenceProvider, Refusal> {
    let organization = context.caller()?.organization();
    let uid = operation.uid.as_str();
    let now = context.now();
    let mut change = context.store().change().await?;
    let found = inference_providers::find(change.connection(), organization, uid).await?;
    let stored = found.ok_or_else(Refusal::not_found)?;
    let old_config = open(&context, &stored)?;
    let old = stored.provider;
    let old_type = old.provider_type.clone();
    let config = match operation.config {
        None => old_config.clone(),
        Some(given) => provider_config::with_stored_secrets(given.expose().clone(), &old_config),
    };
    let mut provider = InferenceProvider {
        name: operation.name.unwrap_or(old.name),
        description: operation.description.apply(old.description),
        provider_type: operation.provider_type.or(old.provider_type),
        is_active: operation.is_active.unwrap_or(old.is_active),
        project: operation.project.apply(old.project),
        updated_at: Some(now),
        ..old
    };
    // What was tested is another model.
    if config != old_config || provider.provider_type != old_type {
        provider.last_test_at = None;
        provider.last_test_success = None;
    }
    check(&context, change.connection(), &provider, &config).await?;
    let stored = Stored {
        config: seal(&context, uid, &config)?,
        provider,
    };
    inference_providers::update(change.connection(), &stored, now)
        .await
        .map_err(project_gone)?;
    context.commit(change, "inference_provider.update", uid).await?;
    Ok(shown(stored.provider, &config))
}

pub(super) async fn delete(context: Context, operation: Delete) -> Result<(), Refusal> {
    let uid = operation.uid.as_str();
    let mut change = context.store().change().await?;
    if !inference_providers::delete(change.connection(), context.caller()?.organization(), uid).await? {
        return Err(Refusal::not_found());
    }
    context.commit(change, "inference_provider.delete", uid).await
}

pub(super) async fn test(context: Context, operation: Test) -> Result<TestResult, Refusal> {
    let organization = context.caller()?.organization();
    let uid = operation.uid.as_str();
    let found = inference_providers::find(context.store().reader(), organization, uid).await?;
    let stored = found.ok_or_else(Refusal::not_found)?;
    let config = open(&context, &stored)?;
    let begun = Instant::now();
    let (success, message) = match stored.provider.provider_type {
        Some(ProviderType::Http) => ask(&context, &config).await,
        _ => (
            false,
            "This server has no AWS identity and cannot call SageMaker.".to_owned(),
        ),
    };
    let latency = begun.elapsed();
    let now = context.now();
    let mut change = context.store().change().await?;
    if inference_providers::set_tested(change.connection(), &stored, success, now).await? {
        context.commit(change, "inference_provider.test", uid).await?;
    } else {
        // It was changed meanwhile, or deleted.
        let found = inference_providers::find(change.connection(), organization, uid).await?;
        found.ok_or_else(Refusal::not_found)?;
    }
    Ok(TestResult {
        success: Some(success),
        message: Some(message),
        tested_at: Some(now),
        latency_ms: Some(tenths_of_millis(latency)),
        extra: Extra::new(),
    })
}

/// Asks the model something, and tells what came of it.
async fn ask(context: &Context, config: &Map<String, Value>) -> (bool, String) {
    let received = match provider_config::test_call(config) {
        // The status says it all.
        Some((request, timeout)) => context
            .outgoing
            .send_to_callers_choice(request, timeout, 0)
            .await
            .ok(),
        None => None,
    };
    match received {
        Some(received) if received.is_success() => (
            true,
            format!("The model answered with status {}.", received.status),
        ),
        Some(received) => (
            false,
            format!("The model answered with status {}.", received.status),
        ),
        // One text for every reason: it must not tell what is open inside of the server's network.
        None => (false, "The model could not be reached.".to_owned()),
    }
}

async fn check(
    context: &Context,
    connection: &mut Connection,
    provider: &InferenceProvider,
    config: &Map<String, Value>,
) -> Result<(), Refusal> {
    let mut errors = FieldErrors::default();
    check_name(&provider.name, &mut errors);
    let description = provider.description.as_deref().unwrap_or_default();
    if description.chars().count() > LONGEST_DESCRIPTION {
        errors.add(
            "description",
            "Ensure this field has no more than 10000 characters.",
        );
    }
    if let Some(provider_type) = &provider.provider_type {
        provider_config::check(context, provider_type, config, &mut errors);
    }
    if let Some(project) = &provider.project {
        let organization = context.caller()?.organization();
        if !inference_providers::has_project(connection, organization, project.as_str()).await? {
            errors.add("project", "Not found.");
        }
    }
    Ok(finish(errors)?)
}

/// The project was deleted after it was looked for.
fn project_gone(error: StoreError) -> Refusal {
    if error.is_missing_parent() {
        Refusal::field("project", "Not found.")
    } else {
        error.into()
    }
}

/// The provider as it is answered.
fn shown(provider: InferenceProvider, config: &Map<String, Value>) -> InferenceProvider {
    InferenceProvider {
        config: Some(provider_config::shown(config).into()),
        ..provider
    }
}

fn seal(context: &Context, uid: &str, config: &Map<String, Value>) -> Result<Vec<u8>, Refusal> {
    let text = serde_json::to_string(config).map_err(|_| Refusal::internal())?;
    let authority = &context.authority;
    Ok(authority
        .secrets()
        .seal_secret(authority.random(), &row(uid), &Secret::new(text))?)
}

fn open(context: &Context, stored: &Stored) -> Result<Map<String, Value>, Refusal> {
    let uid = stored.provider.uid.as_str();
    let text = context.authority.secrets().open_secret(&row(uid), &stored.config);
    let config = text.and_then(|text| serde_json::from_str(text.expose()).ok());
    config.ok_or_else(|| {
        tracing::error!(
            inference_provider = uid,
            "the inference provider's config was changed outside of the server"
        );
        Refusal::internal()
    })
}

fn row(uid: &str) -> String {
    format!("inference provider {uid}")
}

#[allow(clippy::cast_precision_loss, reason = "a call takes seconds, not ages")]
fn tenths_of_millis(time: Duration) -> f64 {
    (time.as_micros() / 100) as f64 / 10.0
}
