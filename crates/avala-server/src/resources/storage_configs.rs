//! Storage configs: buckets of the callers' own.

use avala_api::{
    Extra, Page,
    storage_configs::{Create, Delete, Get, List, SetupInfo, SetupValues, StorageConfig, Test, TestResult},
};
use avala_keys::Secret;
use http::StatusCode;

use super::{bucket_fields, organizations};
use crate::{
    buckets::Credentials,
    context::Context,
    hex, paging,
    refusal::Refusal,
    store::storage_configs::{self, Reach, Stored},
};

pub(super) async fn list(context: Context, operation: List) -> Result<Page<StorageConfig>, Refusal> {
    let organization = organizations::chosen(&context, operation.organization.as_ref()).await?;
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        false,
    )?;
    let rows = storage_configs::list(context.store().reader(), &organization, window).await?;
    paging::page(&context, &operation, rows, false)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<StorageConfig, Refusal> {
    let organization = organizations::chosen(&context, operation.organization.as_ref()).await?;
    let reach = match operation.organization {
        None => reach(&context)?,
        Some(_) => Reach {
            organization: &organization,
            user: None,
        },
    };
    let found = storage_configs::find(context.store().reader(), reach, operation.uid.as_str()).await?;
    Ok(found.ok_or_else(Refusal::not_found)?.config)
}

/// A config whose bucket does not open is made all the same: it is often made before the bucket's policy is.
pub(super) async fn create(context: Context, mut operation: Create) -> Result<StorageConfig, Refusal> {
    let organization = organizations::chosen(&context, operation.organization.as_ref()).await?;
    let credentials = bucket_fields::check(&mut operation)?;
    let uid = context.authority.random().uid()?;
    let sealed = seal(&context, &uid, &credentials)?;
    let mut config = StorageConfig {
        uid: uid.into(),
        name: operation.name,
        provider: operation.provider,
        s3_bucket_name: operation.s3_bucket_name,
        s3_bucket_region: operation.s3_bucket_region,
        s3_bucket_prefix: operation.s3_bucket_prefix,
        s3_auth_method: operation.s3_auth_method,
        s3_is_accelerated: operation.s3_is_accelerated.unwrap_or(false),
        gc_storage_bucket_name: operation.gc_storage_bucket_name,
        gc_storage_prefix: operation.gc_storage_prefix,
        r2_account_id: None,
        r2_public_base_url: None,
        is_verified: false,
        last_verified_at: None,
        created_at: None,
        updated_at: None,
        extra: Extra::new(),
    };
    let errors = context
        .buckets
        .try_open(&config, &credentials, context.now())
        .await;
    let now = context.now();
    config.is_verified = errors.is_empty();
    config.last_verified_at = Some(now);
    config.created_at = Some(now);
    config.updated_at = Some(now);
    let stored = Stored {
        config,
        credentials: sealed,
    };
    let mut change = context.store().change().await?;
    storage_configs::insert(change.connection(), &organization, &stored, now).await?;
    let config = stored.config;
    context
        .commit(change, "storage_config.create", config.uid.as_str())
        .await?;
    Ok(config)
}

pub(super) async fn delete(context: Context, operation: Delete) -> Result<(), Refusal> {
    let uid = operation.uid.as_str();
    let mut change = context.store().change().await?;
    if !storage_configs::delete(change.connection(), reach(&context)?, uid).await? {
        return Err(Refusal::not_found());
    }
    context.commit(change, "storage_config.delete", uid).await
}

pub(super) async fn test(context: Context, operation: Test) -> Result<TestResult, Refusal> {
    let uid = operation.uid.as_str();
    let found = storage_configs::find(context.store().reader(), reach(&context)?, uid).await?;
    let stored = found.ok_or_else(Refusal::not_found)?;
    let credentials = open(&context, uid, &stored.credentials)?;
    let errors = context
        .buckets
        .try_open(&stored.config, &credentials, context.now())
        .await;
    let verified = errors.is_empty();
    let mut change = context.store().change().await?;
    // It may have been deleted meanwhile.
    if !storage_configs::set_verified(change.connection(), uid, verified, context.now()).await? {
        return Err(Refusal::not_found());
    }
    context.commit(change, "storage_config.test", uid).await?;
    Ok(TestResult {
        verified,
        errors,
        extra: Extra::new(),
    })
}

pub(super) async fn setup_info(context: Context, operation: SetupInfo) -> Result<SetupValues, Refusal> {
    let organization = organizations::chosen(&context, operation.organization.as_ref()).await?;
    // Both values are required of the answer. A 404 would read as an unknown organization.
    let account = context.aws_account_id.clone().ok_or_else(|| {
        Refusal::new(
            StatusCode::CONFLICT,
            "This server has no AWS account for roles to trust; use an access key.",
            "aws_account_missing",
        )
    })?;
    let external_id = context.authority.secrets().external_id(&organization);
    Ok(SetupValues {
        avala_aws_account_id: account,
        external_id: hex::encode(&external_id[..16]),
        extra: Extra::new(),
    })
}

/// What the caller reaches where no organization can be named.
fn reach(context: &Context) -> Result<Reach<'_>, Refusal> {
    let caller = context.caller()?;
    Ok(Reach {
        organization: caller.organization(),
        user: Some(caller.user()),
    })
}

fn seal(context: &Context, uid: &str, credentials: &Credentials) -> Result<Vec<u8>, Refusal> {
    let text = serde_json::to_string(credentials).map_err(|_| Refusal::internal())?;
    let authority = &context.authority;
    Ok(authority
        .secrets()
        .seal_secret(authority.random(), &row(uid), &Secret::new(text))?)
}

fn open(context: &Context, uid: &str, sealed: &[u8]) -> Result<Credentials, Refusal> {
    let text = context.authority.secrets().open_secret(&row(uid), sealed);
    let credentials = text.and_then(|text| serde_json::from_str(text.expose()).ok());
    credentials.ok_or_else(|| {
        tracing::error!(
            storage_config = uid,
            "the storage config's credentials were changed outside of the server"
        );
        Refusal::internal()
    })
}

fn row(uid: &str) -> String {
    format!("storage config {uid}")
}
