//! Making keys: for whom, restricted to what, and once however often it is asked.

use avala_api::{
    FieldErrors, Operation,
    api_keys::{ApiKey, Create},
};
use sha2::{Digest, Sha256};

use super::super::{key_fields, new_key::NewKey};
use crate::{
    context::Context,
    error::AuthorityError,
    keys::{Asker, Resource, Role},
    refusal::Refusal,
    store::{
        exports::{known_datasets, known_projects},
        idempotency_keys::Named,
        service_accounts,
    },
};

/// Absent, another organization's, or switched off: one text.
const NO_ACCOUNT: &str = "Not a service account of this organization that is switched on.";

pub(in crate::resources) async fn create(context: Context, operation: Create) -> Result<ApiKey, Refusal> {
    let caller = context.caller()?;
    let request = operation.body().ok().flatten().unwrap_or_default();
    let request = Sha256::digest(request).into();
    let name = context.idempotency_key()?;
    let named = name.map(|name| Named {
        actor: caller.key(),
        name,
        request: &request,
    });
    if let Some(named) = &named
        && let Some(made) = super::made_before(&context, named).await?
    {
        return Ok(made);
    }
    let mut errors = FieldErrors::default();
    let account = match operation.owner.filter(|owner| owner.as_str() != caller.user()) {
        None => None,
        Some(owner) => account(&context, owner.as_str(), &mut errors).await?,
    };
    let resources = match &operation.resources {
        None => None,
        Some(asked) => Some(resources(&context, asked, &mut errors).await?),
    };
    let new = NewKey {
        owner: account,
        name: operation.name,
        access: operation.access,
        environment: operation.environment,
        expires_at: operation.expires_at,
        allowed_networks: operation.allowed_networks,
        resources,
    };
    let mint = new.mint(&context, errors)?;
    let asked_end = mint.expires_at;
    let actor = caller.actor();
    let by = Asker::key(&actor, caller.row());
    let (issued, row) = match context.authority.create(by, mint, named.as_ref()).await {
        Ok(made) => made,
        // Switched off, a moment ago.
        Err(AuthorityError::NotFound("service account")) => return Err(Refusal::field("owner", NO_ACCOUNT)),
        Err(error) => return super::or_made_before(&context, named.as_ref(), error.into()).await,
    };
    Ok(ApiKey {
        secret: Some(issued.key.into_secret()),
        ..super::shown_new(&context, &row, asked_end)
    })
}

/// The objects that a key is to be restricted to. Those that the caller does not reach are not there.
async fn resources(
    context: &Context,
    names: &[String],
    errors: &mut FieldErrors,
) -> Result<Vec<Resource>, Refusal> {
    let resources = key_fields::resources(names, errors);
    let (mut datasets, mut projects) = (Vec::new(), Vec::new());
    for resource in &resources {
        match resource {
            Resource::Dataset(uid) => datasets.push(uid.as_str()),
            Resource::Project(uid) => projects.push(uid.as_str()),
        }
    }
    let (reader, reach) = (context.store().reader(), context.caller()?.reach());
    let known = [
        known_datasets(reader, reach, &datasets).await?,
        known_projects(reader, reach, &projects).await?,
    ]
    .concat();
    if !datasets
        .iter()
        .chain(&projects)
        .all(|uid| known.iter().any(|known| known == uid))
    {
        errors.add("resources", "Not a dataset or project of this organization.");
    }
    Ok(resources)
}

/// The service account of the organization that a key is to be for, and its role.
async fn account(
    context: &Context,
    uid: &str,
    errors: &mut FieldErrors,
) -> Result<Option<(String, Role)>, Refusal> {
    let organization = context.caller()?.organization();
    let found = service_accounts::find(context.store().reader(), organization, uid).await?;
    let account = found.filter(|account| account.disabled_at.is_none());
    let role = account.and_then(|account| account.role.as_str().parse().ok());
    if role.is_none() {
        errors.add("owner", NO_ACCOUNT);
    }
    Ok(role.map(|role| (uid.to_owned(), role)))
}
