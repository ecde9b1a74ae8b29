//! Ending many keys at once.

use avala_api::{
    Extra, FieldErrors,
    api_keys::{BulkRevocation, KeyFilter, KeyState, RevokeMany},
    users::UserUid,
};

use crate::{
    context::Context,
    keys::{Asker, KeyRow, Selection},
    refusal::Refusal,
    store::api_keys::Filter,
};

/// The most keys of one change: meanwhile nobody else changes anything.
const MOST: usize = 1_000;

/// How many of them are told.
const TOLD: usize = 100;

pub(in crate::resources) async fn revoke_many(
    context: Context,
    operation: RevokeMany,
) -> Result<BulkRevocation, Refusal> {
    let caller = context.caller()?;
    let dry_run = operation.dry_run.unwrap_or(true);
    check(&operation, dry_run)?;
    let KeyFilter {
        environment,
        owner,
        state,
        created_before,
        unused_since,
        legacy,
    } = &operation.filter;
    let now = context.now();
    let selection = Selection {
        filter: Filter {
            organization: caller.organization(),
            owner: owner.as_ref().map(UserUid::as_str),
            environment: environment.as_deref(),
            in_force_at: state.is_none().then_some(now),
            state: state.clone().map(|state| (state, now)),
            created_before: *created_before,
            is_legacy: *legacy,
        },
        unused_since: *unused_since,
        without: (!operation.include_caller.unwrap_or(false)).then(|| caller.key()),
    };
    if dry_run {
        let reader = context.store().reader();
        let rows = context
            .authority
            .selected(reader, &context.usage, &selection)
            .await?;
        return told(&context, &rows, dry_run).await;
    }
    let may = |rows: &[KeyRow]| {
        if u64::try_from(rows.len()).ok() != operation.expected_count {
            return Err(Refusal::conflict(
                "There are not as many such keys as you expect. None was revoked; count them again.",
                "count_changed",
            ));
        }
        if rows.len() > MOST {
            return Err(Refusal::conflict(
                "These are more than 1000 keys. None was revoked; choose fewer, and the others after them.",
                "too_many_matches",
            ));
        }
        Ok(())
    };
    let actor = caller.actor();
    let by = Asker::key(&actor, caller.row());
    let rows = context
        .authority
        .revoke_many(by, &context.usage, &selection, operation.reason.as_ref(), may)
        .await?;
    told(&context, &rows, dry_run).await
}

fn check(operation: &RevokeMany, dry_run: bool) -> Result<(), Refusal> {
    let mut errors = FieldErrors::default();
    if operation.filter == KeyFilter::default() {
        errors.add("filter", "Say at least one thing of the keys.");
    }
    if !matches!(
        operation.filter.state,
        None | Some(KeyState::Active | KeyState::Disabled | KeyState::Rotated | KeyState::Expired)
    ) {
        errors.add(
            "filter",
            "The state must be active, disabled, rotated or expired.",
        );
    }
    if !dry_run && operation.expected_count.is_none() {
        errors.add("expected_count", "Say how many keys were counted.");
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors.into())
    }
}

async fn told(context: &Context, rows: &[KeyRow], dry_run: bool) -> Result<BulkRevocation, Refusal> {
    let first = &rows[..rows.len().min(TOLD)];
    let observed = super::observed(context, first).await?;
    let (effective, within) = super::in_force(context);
    Ok(BulkRevocation {
        count: rows.len() as u64,
        dry_run,
        keys: first
            .iter()
            .map(|row| super::shown(context, row, &observed))
            .collect(),
        effective: (!dry_run).then_some(effective),
        effective_within_ms: (!dry_run).then_some(within),
        extra: Extra::new(),
    })
}
