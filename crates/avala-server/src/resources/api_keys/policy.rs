//! What the organization lets its keys be.

use std::time::Duration;

use avala_api::{
    Extra, FieldErrors, Scope, ScopeName,
    api_keys::{self, GetPolicy, UpdatePolicy},
};

use crate::{
    context::Context,
    keys::{Asker, KeyPolicy},
    refusal::Refusal,
    store::key_policies,
};

/// Whoever makes a key must still be able to use it.
const SHORTEST_LIFE: u64 = 60;

pub(in crate::resources) async fn get_policy(
    context: Context,
    _operation: GetPolicy,
) -> Result<api_keys::KeyPolicy, Refusal> {
    let organization = context.caller()?.organization();
    Ok(shown(
        &key_policies::of(context.store().reader(), organization).await?,
    ))
}

pub(in crate::resources) async fn update_policy(
    context: Context,
    operation: UpdatePolicy,
) -> Result<api_keys::KeyPolicy, Refusal> {
    let caller = context.caller()?;
    let mut errors = FieldErrors::default();
    if operation == UpdatePolicy::new() {
        errors.add("non_field_errors", "Say at least one rule.");
    }
    if operation
        .longest_life_seconds
        .is_some_and(|life| life < SHORTEST_LIFE)
    {
        errors.add("longest_life_seconds", "Must be at least 60.");
    }
    if operation.most_keys == Some(0) {
        errors.add("most_keys", "Must be at least 1.");
    }
    let scopes = operation.allowed_scopes.map(|names| {
        let mut known: Vec<Scope> = names.iter().filter_map(ScopeName::known).collect();
        if known.len() < names.len() {
            errors.add("allowed_scopes", "A scope is not known here.");
        }
        known.sort_unstable();
        known.dedup();
        known
    });
    if !errors.is_empty() {
        return Err(errors.into());
    }
    let tighten = |policy: &mut KeyPolicy| {
        let present = policy.clone();
        if let Some(life) = operation.longest_life_seconds {
            policy.longest_life = Some(Duration::from_secs(life));
        }
        if let Some(requires) = operation.requires_expiry {
            policy.requires_expiry = requires;
        }
        if let Some(scopes) = scopes {
            policy.allowed_scopes = Some(scopes);
        }
        if let Some(most) = operation.most_keys {
            policy.most_keys = most;
        }
        if policy.is_within(&present) {
            Ok(())
        } else {
            Err(Refusal::conflict(
                "A key can only make the policy tighter. Whoever runs the server can make it looser.",
                "only_narrower",
            ))
        }
    };
    let actor = caller.actor();
    let by = Asker::key(&actor, caller.row());
    let policy = context
        .authority
        .alter_policy(caller.organization(), by, tighten)
        .await?;
    Ok(shown(&policy))
}

fn shown(policy: &KeyPolicy) -> api_keys::KeyPolicy {
    api_keys::KeyPolicy {
        longest_life_seconds: policy.longest_life.map(|life| life.as_secs()),
        requires_expiry: policy.requires_expiry,
        allowed_scopes: policy
            .allowed_scopes
            .as_ref()
            .map(|scopes| scopes.iter().copied().map(ScopeName::from).collect()),
        most_keys: policy.most_keys,
        extra: Extra::new(),
    }
}
