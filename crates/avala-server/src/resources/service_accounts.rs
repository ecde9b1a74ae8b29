//! Service accounts: owners of keys without a person.

use avala_api::{
    Extra, FieldErrors, Page,
    service_accounts::{Create, Disable, Enable, Get, List, ServiceAccount},
    users::UserUid,
};

use super::{key_fields, new_key::exceeds_caller};
use crate::{
    context::Context,
    keys::{Asker, Bounds, KeyRow, Role},
    paging,
    refusal::Refusal,
    store::{
        StoreError,
        service_accounts::{self, NewServiceAccount},
    },
};

/// The most of an organization.
const MOST: i64 = 1000;

pub(super) async fn list(context: Context, operation: List) -> Result<Page<ServiceAccount>, Refusal> {
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        false,
    )?;
    let organization = context.caller()?.organization();
    let rows = service_accounts::list(context.store().reader(), organization, window).await?;
    paging::page(&context, &operation, rows, false)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<ServiceAccount, Refusal> {
    let organization = context.caller()?.organization();
    let found =
        service_accounts::find(context.store().reader(), organization, operation.uid.as_str()).await?;
    found.ok_or_else(Refusal::not_found)
}

pub(super) async fn create(context: Context, operation: Create) -> Result<ServiceAccount, Refusal> {
    let caller = context.caller()?;
    let mut errors = FieldErrors::default();
    key_fields::check_name("name", &operation.name, &mut errors);
    let role = operation.role.as_ref().map(|role| role.as_str().parse());
    let role = match role {
        None => Role::Member,
        Some(Ok(role @ (Role::Member | Role::Admin))) => role,
        Some(_) => {
            errors.add("role", "Must be admin or member.");
            Role::Member
        }
    };
    if !errors.is_empty() {
        return Err(errors.into());
    }
    // Whoever manages keys is an admin at least; should that change, this does not.
    if role > caller.row().role {
        return Err(exceeds_caller());
    }
    let actor = caller.actor();
    let (uid, now) = (context.authority.random().uid()?, context.now());
    let new = NewServiceAccount {
        uid: &uid,
        organization: caller.organization(),
        name: &operation.name,
        role,
        created_at: now,
        created_by: &actor.name(),
    };
    let mut change = context
        .authority
        .change_as(Asker::key(&actor, caller.row()))
        .await?;
    if service_accounts::count(change.connection(), caller.organization()).await? >= MOST {
        return Err(Refusal::conflict(
            "An organization has no more than 1,000 service accounts.",
            "too_many_service_accounts",
        ));
    }
    service_accounts::insert(change.connection(), &new)
        .await
        .map_err(name_taken)?;
    context.commit(change, "service_account.create", &uid).await?;
    Ok(ServiceAccount {
        uid: uid.into(),
        name: operation.name,
        role: role.as_str().into(),
        created_at: now,
        created_by: Some(actor.name()),
        disabled_at: None,
        extra: Extra::new(),
    })
}

fn name_taken(error: StoreError) -> Refusal {
    if error.is_duplicate() {
        Refusal::field("name", "A service account of this name is there already.")
    } else {
        error.into()
    }
}

pub(super) async fn disable(context: Context, operation: Disable) -> Result<ServiceAccount, Refusal> {
    switch(&context, &operation.uid, false).await
}

pub(super) async fn enable(context: Context, operation: Enable) -> Result<ServiceAccount, Refusal> {
    switch(&context, &operation.uid, true).await
}

/// Switches an account on or off, and all its keys with it.
async fn switch(context: &Context, uid: &UserUid, on: bool) -> Result<ServiceAccount, Refusal> {
    let caller = context.caller()?;
    let (organization, uid) = (caller.organization(), uid.as_str());
    let (actor, authority) = (caller.actor(), &context.authority);
    let mut change = authority.change_as(Asker::key(&actor, caller.row())).await?;
    let found = service_accounts::find(change.connection(), organization, uid).await?;
    let mut account = found.ok_or_else(Refusal::not_found)?;
    account.disabled_at = if on {
        None
    } else {
        account.disabled_at.or(Some(context.now()))
    };
    service_accounts::update(change.connection(), &account).await?;
    let (restated, action) = if on {
        let own = Bounds::of(caller.row());
        // Whoever brings keys back could have made them.
        let resume = |row: &mut KeyRow| {
            if row.suspended_at.take().is_some()
                && !(own.cover(&Bounds::of_successors(row)) && row.role <= caller.row().role)
            {
                return Err(exceeds_caller());
            }
            Ok(())
        };
        let restated = authority
            .restate(
                &mut change,
                &actor,
                "api_key.resume",
                uid,
                Some(organization),
                resume,
            )
            .await?;
        (restated, "service_account.enable")
    } else {
        let restated = authority
            .suspend(&mut change, &actor, uid, Some(organization))
            .await?;
        (restated, "service_account.disable")
    };
    context.commit(change, action, uid).await?;
    authority.restated(restated);
    Ok(account)
}
