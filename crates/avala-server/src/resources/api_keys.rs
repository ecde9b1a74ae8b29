//! API keys. A key makes and changes keys of its own organization, and none that may do more than itself.

mod bulk;
mod create;
mod import;
mod policy;

use avala_api::{
    Extra, FieldErrors, Page, Scope, Timestamp,
    api_keys::{
        ApiKey, ApiKeyId, Disable, Effective, Enable, EndGrace, Get, GetUsage, KeyAccess, KeyHint, KeyState,
        KeyUsage, List, Period, Revoke, Rotate, Update, UsageBucket,
    },
    users::UserUid,
};
use avala_keys::KeyId;
use http::StatusCode;
use sha2::{Digest, Sha256};

pub(super) use self::{
    bulk::revoke_many,
    create::create,
    import::import,
    policy::{get_policy, update_policy},
};
use super::{
    key_fields,
    new_key::{exceeds_caller, shortened},
};
use crate::{
    auth::Principal,
    context::Context,
    keys::{About, Access, Asker, Bounds, KeyRow, Resources, Successor},
    paging,
    refusal::Refusal,
    store::{
        Rows,
        api_keys::{self, Filter},
        idempotency_keys::{self, Named},
        service_accounts,
    },
    usage::{Bucket, By, Observed},
};

/// How much of a key's usage is shown unless told, in milliseconds.
const USAGE_SHOWN: i64 = 7 * 24 * 60 * 60 * 1000;

/// How long a rotated key still opens unless told, in seconds.
const GRACE: u32 = 24 * 60 * 60;

/// The longest time in which a rotated key still opens, in seconds.
const MOST_GRACE: u32 = 90 * 24 * 60 * 60;

pub(super) async fn list(context: Context, operation: List) -> Result<Page<ApiKey>, Refusal> {
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        false,
    )?;
    let filter = Filter {
        organization: context.caller()?.organization(),
        owner: operation.owner.as_ref().map(UserUid::as_str),
        environment: operation.environment.as_deref(),
        state: operation.state.clone().map(|state| (state, context.now())),
        ..Filter::default()
    };
    let found = api_keys::list(context.store().reader(), filter, window).await?;
    // One that was changed by hand opens nothing, and nothing it says is true.
    let keys: Vec<KeyRow> = found
        .items
        .into_iter()
        .filter_map(|stored| context.authority.trusted(stored))
        .collect();
    let observed = observed(&context, &keys).await?;
    let rows = Rows {
        next: found.next,
        previous: found.previous,
        items: keys.iter().map(|row| shown(&context, row, &observed)).collect(),
    };
    paging::page(&context, &operation, rows, false)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<ApiKey, Refusal> {
    let id = id(&operation.id)?;
    let row = context.authority.known(id).ok_or_else(Refusal::not_found)?;
    visible(context.caller()?, &row)?;
    seen(&context, &row).await
}

pub(super) async fn usage(context: Context, operation: GetUsage) -> Result<KeyUsage, Refusal> {
    let id = id(&operation.id)?;
    let row = context.authority.known(id).ok_or_else(Refusal::not_found)?;
    visible(context.caller()?, &row)?;
    let by = match operation.by {
        None | Some(Period::Hour) => By::Hour,
        Some(Period::Day) => By::Day,
        Some(_) => return Err(Refusal::field("by", "Must be hour or day.")),
    };
    // The present instant is within.
    let now = || Timestamp::from_unix_millis(context.now().unix_millis() + 1);
    let to = operation.to.unwrap_or_else(now);
    let from = operation
        .from
        .unwrap_or_else(|| Timestamp::from_unix_millis(to.unix_millis() - USAGE_SHOWN));
    let used = context.usage.last_used(id).await?;
    let refused = context.usage.last_refused(id).await?;
    let buckets = context.usage.of(id, from, to, by).await?;
    Ok(KeyUsage {
        last_used_at: used.as_ref().map(|used| used.at),
        last_used_ip: used.as_ref().map(|used| used.address.to_string()),
        last_used_agent: used.and_then(|used| used.agent),
        last_refused_at: refused.as_ref().map(|refused| refused.at),
        last_refused_ip: refused.as_ref().map(|refused| refused.address.to_string()),
        last_refused_agent: refused.and_then(|refused| refused.agent),
        buckets: buckets.into_iter().map(bucket).collect(),
        extra: Extra::new(),
    })
}

fn bucket(bucket: Bucket) -> UsageBucket {
    let by_status = bucket.by_status.into_iter();
    UsageBucket {
        start: bucket.start,
        requests: bucket.requests,
        refused: bucket.refused,
        by_group: bucket.by_group,
        by_status: by_status
            .map(|(class, count)| (class.to_owned(), count))
            .collect(),
        extra: Extra::new(),
    }
}

/// Whether the key's owner is a service account of the caller's organization. An owner never changes, nor what it is.
async fn is_of_an_account(context: &Context, key: KeyId) -> Result<bool, Refusal> {
    let caller = context.caller()?;
    let known = context.authority.known(key);
    let is_another = |row: &KeyRow| row.owner != caller.user() && row.organization == caller.organization();
    let Some(row) = known.filter(|row| is_another(row)) else {
        return Ok(false);
    };
    let found = service_accounts::find(context.store().reader(), caller.organization(), &row.owner).await?;
    Ok(found.is_some())
}

/// A request that is refused because another one like it was faster is carried out all the same.
async fn or_made_before(
    context: &Context,
    named: Option<&Named<'_>>,
    refusal: Refusal,
) -> Result<ApiKey, Refusal> {
    // A key that rotated itself is not what it was when it asked.
    let was_faster = refusal.status == StatusCode::CONFLICT || refusal.code() == "key_changed";
    match named.filter(|_| was_faster) {
        Some(named) => made_before(context, named).await?.ok_or(refusal),
        None => Err(refusal),
    }
}

/// What this very request made before. Its secret was told then.
async fn made_before(context: &Context, named: &Named<'_>) -> Result<Option<ApiKey>, Refusal> {
    let Some(made) = idempotency_keys::find(context.store().reader(), named, context.now()).await? else {
        return Ok(None);
    };
    if !made.is_same {
        return Err(Refusal::conflict(
            "Another request was carried out under this Idempotency-Key.",
            "idempotency_key_reused",
        ));
    }
    let id = made.object.parse().map_err(|_| Refusal::internal())?;
    // Committed, and not yet taken in here.
    let row = context.authority.known(id).ok_or_else(Refusal::in_progress)?;
    let mut key = seen(context, &row).await?;
    let made_before = KeyHint {
        rule: "made_before".to_owned(),
        text: "This request was carried out before. The secret was in its answer then, once.".to_owned(),
        extra: Extra::new(),
    };
    key.hints.insert(0, made_before);
    Ok(Some(key))
}

pub(super) async fn update(context: Context, operation: Update) -> Result<ApiKey, Refusal> {
    let caller = context.caller()?;
    let mut errors = FieldErrors::default();
    if let Some(name) = &operation.name {
        key_fields::check_name("name", name, &mut errors);
    }
    let access = operation
        .access
        .map(|given| key_fields::access(given, &mut errors));
    let networks = operation
        .allowed_networks
        .map(|networks| key_fields::networks(&networks, &mut errors));
    let mutes = operation
        .muted_hints
        .map(|rules| key_fields::muted_hints(rules, &mut errors));
    if !errors.is_empty() {
        return Err(errors.into());
    }
    // Also about a key that has ended, somebody may have heard enough.
    let only_mutes = mutes.is_some()
        && access.is_none()
        && networks.is_none()
        && operation.expires_at.is_none()
        && operation.name.is_none();
    let narrow = |row: &mut KeyRow| {
        visible(caller, row)?;
        if let Some(mutes) = mutes {
            row.about.muted_hints = mutes;
        }
        if only_mutes {
            return Ok(());
        }
        alive(&context, row)?;
        let now = Bounds::of_successors(row);
        let then = Bounds {
            access: access.unwrap_or_else(|| now.access.clone()),
            networks: networks.unwrap_or_else(|| now.networks.clone()),
            resources: now.resources.clone(),
            end: operation.expires_at.or(now.end),
        };
        if !now.cover(&then) {
            return Err(Refusal::conflict(
                "A key can only be narrowed. Make another one that may do more.",
                "only_narrower",
            ));
        }
        row.access = then.access;
        row.networks = then.networks;
        row.expires_at = then.end;
        if let Some(name) = operation.name {
            row.about.name = name;
        }
        Ok(())
    };
    altered(&context, &operation.id, "api_key.update", narrow).await
}

pub(super) async fn rotate(context: Context, operation: Rotate) -> Result<ApiKey, Refusal> {
    let caller = context.caller()?;
    let grace = operation.grace_seconds.unwrap_or(GRACE);
    if grace > MOST_GRACE {
        return Err(Refusal::field(
            "grace_seconds",
            "Must be at most 7776000 (90 days).",
        ));
    }
    let request = [operation.id.as_str().as_bytes(), &grace.to_be_bytes()].concat();
    let request = Sha256::digest(request).into();
    let name = context.idempotency_key()?;
    let named = name.map(|name| Named {
        actor: caller.key(),
        name,
        request: &request,
    });
    if let Some(named) = &named
        && let Some(made) = made_before(&context, named).await?
    {
        return Ok(made);
    }
    let now = context.now();
    let grace_until = Timestamp::from_unix_millis(now.unix_millis() + i64::from(grace) * 1000);
    let id = id(&operation.id)?;
    let is_of_an_account = is_of_an_account(&context, id).await?;
    let may = |row: &KeyRow, successor: Option<Successor<'_>>| {
        visible(caller, row)?;
        let is_own = row.id == caller.key();
        if !caller.holds(Scope::KeysManage) && !is_own {
            return Err(Refusal::scope_missing(Scope::KeysManage));
        }
        // Whoever rotates a key gets to know another one like it.
        if !is_own && !is_within(caller, row, is_of_an_account) {
            return Err(exceeds_caller());
        }
        alive(&context, row)?;
        let is_over = context.authority.has_passed(row.grace_until);
        // One that was switched off or ended on purpose is nobody's lost secret; nor is one that a key did not ask for
        // itself: whoever has a copy of a key that others replaced is not to replace theirs.
        let is_used = successor.is_some_and(|Successor { row, was_used }| {
            was_used
                || row.rotated_to.is_some()
                || row.disabled_at.is_some()
                || (is_own
                    && (row.revoked_at.is_some()
                        || row.about.created_by.as_deref() != Some(&*caller.actor().name())))
        });
        if is_over || is_used {
            return Err(Refusal::conflict(
                "This key has a successor already. Rotate that one.",
                "already_rotated",
            ));
        }
        Ok(())
    };
    let actor = caller.actor();
    let by = Asker::key(&actor, caller.row());
    let rotated = context
        .authority
        .rotate(id, by, &context.usage, grace_until, named.as_ref(), may)
        .await;
    let rotated = match rotated {
        Ok(rotated) => rotated,
        Err(refusal) => return or_made_before(&context, named.as_ref(), refusal).await,
    };
    Ok(ApiKey {
        secret: Some(rotated.issued.key.into_secret()),
        ..shown_new(&context, &rotated.successor, rotated.end_before)
    })
}

pub(super) async fn end_grace(context: Context, operation: EndGrace) -> Result<ApiKey, Refusal> {
    let caller = context.caller()?;
    let now = context.now();
    let end = |row: &mut KeyRow| {
        visible(caller, row)?;
        if row.rotated_to.is_none() {
            return Err(Refusal::conflict("This key has no successor.", "not_rotated"));
        }
        row.grace_until = row.grace_until.map(|until| until.min(now));
        Ok(())
    };
    altered(&context, &operation.id, "api_key.end_grace", end).await
}

pub(super) async fn revoke(context: Context, operation: Revoke) -> Result<ApiKey, Refusal> {
    let caller = context.caller()?;
    let id = id(&operation.id)?;
    let may = |row: &KeyRow| visible(caller, row);
    let actor = caller.actor();
    let row = context
        .authority
        .revoke_as(id, Asker::key(&actor, caller.row()), operation.reason, may)
        .await?;
    let shown = seen(&context, &row).await?;
    let (effective, within) = in_force(&context);
    Ok(ApiKey {
        effective: Some(effective),
        effective_within_ms: Some(within),
        ..shown
    })
}

/// Where a revocation is in force with its answer, and milliseconds after which it is everywhere.
fn in_force(context: &Context) -> (Effective, u64) {
    if context.store().is_shared() {
        let lease = context.config.keys_current_for.as_millis();
        (Effective::Lease, u64::try_from(lease).unwrap_or(u64::MAX))
    } else {
        (Effective::Everywhere, 0)
    }
}

pub(super) async fn disable(context: Context, operation: Disable) -> Result<ApiKey, Refusal> {
    let caller = context.caller()?;
    let now = context.now();
    let disable = |row: &mut KeyRow| {
        visible(caller, row)?;
        not_revoked(row)?;
        row.disabled_at = row.disabled_at.or(Some(now));
        Ok(())
    };
    altered(&context, &operation.id, "api_key.disable", disable).await
}

pub(super) async fn enable(context: Context, operation: Enable) -> Result<ApiKey, Refusal> {
    let caller = context.caller()?;
    let is_of_an_account = is_of_an_account(&context, id(&operation.id)?).await?;
    let enable = |row: &mut KeyRow| {
        visible(caller, row)?;
        not_revoked(row)?;
        if row.disabled_at.is_some() && !is_within(caller, row, is_of_an_account) {
            return Err(exceeds_caller());
        }
        row.disabled_at = None;
        Ok(())
    };
    altered(&context, &operation.id, "api_key.enable", enable).await
}

async fn altered(
    context: &Context,
    given: &ApiKeyId,
    action: &'static str,
    alter: impl FnOnce(&mut KeyRow) -> Result<(), Refusal>,
) -> Result<ApiKey, Refusal> {
    let caller = context.caller()?;
    let actor = caller.actor();
    let by = Asker::key(&actor, caller.row());
    let row = context.authority.alter(id(given)?, by, action, alter).await?;
    seen(context, &row).await
}

/// What is no id is the id of no key.
fn id(given: &ApiKeyId) -> Result<KeyId, Refusal> {
    given.as_str().parse().map_err(|_| Refusal::not_found())
}

/// Another organization's keys are not there, nor those that reach objects which the caller does not.
fn visible(caller: &Principal, row: &KeyRow) -> Result<(), Refusal> {
    if row.organization == caller.organization()
        && Resources::cover(caller.row().resources.as_deref(), row.resources.as_deref())
    {
        Ok(())
    } else {
        Err(Refusal::not_found())
    }
}

fn not_revoked(row: &KeyRow) -> Result<(), Refusal> {
    match row.revoked_at {
        None => Ok(()),
        Some(_) => Err(Refusal::conflict(
            "This key was revoked, for ever.",
            "key_revoked",
        )),
    }
}

/// Whether the key opens anything, and is to go on doing so.
fn alive(context: &Context, row: &KeyRow) -> Result<(), Refusal> {
    not_revoked(row)?;
    match context.authority.state(row) {
        KeyState::Active | KeyState::Rotated => Ok(()),
        _ => Err(Refusal::conflict(
            "This key has expired or is disabled.",
            "key_not_active",
        )),
    }
}

/// Whether another key like this one, or this one again, may do no more than the caller, for no other person.
fn is_within(caller: &Principal, row: &KeyRow, is_of_an_account: bool) -> bool {
    (row.owner == caller.user() || is_of_an_account)
        && row.role <= caller.row().role
        && Bounds::of(caller.row()).cover(&Bounds::of_successors(row))
}

/// The key as its organization sees it, with its last use and the hints about it.
async fn seen(context: &Context, row: &KeyRow) -> Result<ApiKey, Refusal> {
    let observed = observed(context, std::slice::from_ref(row)).await?;
    Ok(shown(context, row, &observed))
}

async fn observed(context: &Context, keys: &[KeyRow]) -> Result<Observed, Refusal> {
    let ids: Vec<KeyId> = keys.iter().map(|row| row.id).collect();
    let predecessors: Vec<KeyId> = keys.iter().filter_map(|row| row.about.rotated_from).collect();
    Ok(context.usage.observe(&ids, &predecessors, context.now()).await?)
}

/// A key just made; whether it ends sooner than it was asked to stands first.
fn shown_new(context: &Context, row: &KeyRow, asked_end: Option<Timestamp>) -> ApiKey {
    let mut key = shown(context, row, &Observed::default());
    key.hints.splice(0..0, shortened(asked_end, row));
    key
}

/// The key as its organization sees it: everything but the secret.
fn shown(context: &Context, row: &KeyRow, observed: &Observed) -> ApiKey {
    let about = About::clone(&row.about);
    let key_id = |id: KeyId| ApiKeyId::from(id.as_str());
    ApiKey {
        id: key_id(row.id),
        prefix: if about.is_legacy {
            String::new()
        } else {
            format!("avk_{}_{}", row.class, row.id)
        },
        name: about.name,
        class: row.class.as_str().into(),
        environment: about.environment,
        owner: row.owner.as_str().into(),
        access: match &row.access {
            Access::Full => KeyAccess::Full,
            Access::Listed(_) => KeyAccess::Listed {
                scopes: row.access.names(),
            },
        },
        allowed_networks: row.networks.iter().map(ToString::to_string).collect(),
        resources: row
            .resources
            .as_ref()
            .map_or_else(Vec::new, |resources| resources.names()),
        state: context.authority.state(row),
        created_at: about.created_at,
        created_by: about.created_by,
        expires_at: row.expires_at,
        grace_until: row.grace_until,
        rotated_from: about.rotated_from.map(key_id),
        rotated_to: row.rotated_to.map(key_id),
        revoked_at: row.revoked_at,
        revoked_by: about.revoked_by,
        revoked_reason: about.revoked_reason.map(|reason| reason.as_str().into()),
        last_used_at: observed.last_use(row.id).map(|used| used.at),
        legacy: about.is_legacy,
        hints: observed.hints(&context.authority, row),
        muted_hints: row.about.muted_hints.clone(),
        secret: None,
        effective: None,
        effective_within_ms: None,
        extra: Extra::new(),
    }
}
