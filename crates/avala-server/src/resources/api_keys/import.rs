//! Taking over keys from elsewhere.

use avala_api::{
    FieldErrors,
    api_keys::{ApiKey, Import},
};

use super::super::new_key::NewKey;
use crate::{
    context::Context,
    keys::{Asker, LegacyKey},
    refusal::Refusal,
};

pub(in crate::resources) async fn import(context: Context, operation: Import) -> Result<ApiKey, Refusal> {
    let caller = context.caller()?;
    let mut errors = FieldErrors::default();
    let key = LegacyKey::parse(operation.secret.expose().as_bytes());
    match &key {
        None => errors.add("secret", "Not a key of 40 lower-case hexadecimal digits."),
        Some(key) if !key.looks_random() => {
            errors.add(
                "secret",
                "This was not drawn at random: somebody else may think of it, too.",
            );
        }
        Some(_) => {}
    }
    let new = NewKey {
        owner: None,
        name: operation.name,
        access: operation.access,
        environment: operation.environment,
        expires_at: operation.expires_at,
        allowed_networks: operation.allowed_networks,
        resources: None,
    };
    let mint = new.mint(&context, errors)?;
    let key = key.ok_or_else(Refusal::internal)?;
    let asked_end = mint.expires_at;
    let actor = caller.actor();
    let row = context
        .authority
        .import(Asker::key(&actor, caller.row()), mint, &key)
        .await?;
    Ok(super::shown_new(&context, &row, asked_end))
}
