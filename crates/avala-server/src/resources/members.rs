//! Who belongs to an organization, and as what. What a member's keys may do follows at once.

use avala_api::{
    Page,
    organizations::{Leave, ListMembers, Member, OrganizationSlug, RemoveMember, UpdateMemberRole},
    users::UserUid,
};
use http::StatusCode;

use super::{
    new_key::exceeds_caller,
    organizations::{Numbered, chosen},
};
use crate::{
    auth::Principal,
    context::Context,
    keys::{Asker, Bounds, KeyRow, Role},
    refusal::Refusal,
    store::{
        Change,
        memberships::{self, Filter},
    },
};

pub(super) async fn list(context: Context, operation: ListMembers) -> Result<Page<Member>, Refusal> {
    let organization = chosen(&context, Some(&operation.slug)).await?;
    let newest_first = match operation.ordering.as_deref() {
        None | Some("created_at") => false,
        Some("-created_at") => true,
        Some(_) => return Err(Refusal::field("ordering", "Must be created_at or -created_at.")),
    };
    let filter = Filter {
        organization: &organization,
        search: operation.search.as_deref().filter(|text| !text.is_empty()),
        role: operation
            .role
            .as_ref()
            .map(avala_api::organizations::Role::as_str),
    };
    let reader = context.store().reader();
    let numbered = Numbered::asked_for(operation.limit, operation.cursor.as_ref())?;
    let count = memberships::count(reader, &filter).await?;
    numbered.check(count)?;
    let items = memberships::list(reader, &filter, newest_first, numbered.limit, numbered.skip()).await?;
    numbered.page(&context, &operation, count, items)
}

pub(super) async fn update_role(context: Context, operation: UpdateMemberRole) -> Result<(), Refusal> {
    let UpdateMemberRole { slug, user_uid, role } = operation;
    let caller = context.caller()?;
    let organization = chosen(&context, Some(&slug)).await?;
    let role: Role = role
        .as_str()
        .parse()
        .map_err(|_| Refusal::field("role", "Must be owner, admin or member."))?;
    let actor = caller.actor();
    let mut change = context
        .authority
        .change_as(Asker::key(&actor, caller.row()))
        .await?;
    let present = memberships::role(change.connection(), &organization, user_uid.as_str()).await?;
    let present = present.ok_or_else(Refusal::not_found)?;
    not_above(caller, present.max(role))?;
    if role < Role::Owner {
        leave_an_owner(&mut change, &organization, &user_uid, present).await?;
    }
    memberships::set_role(change.connection(), &organization, user_uid.as_str(), role).await?;
    let own = Bounds::of(caller.row());
    // Whoever lets keys do more could have made them.
    let set = |row: &mut KeyRow| {
        let is_raised = role > row.role;
        row.role = role;
        // Its grace is its own: its successor has the key's end.
        let raised = Bounds {
            end: row.expires_at,
            ..Bounds::of(row)
        };
        if is_raised && !own.cover(&raised) {
            return Err(exceeds_caller());
        }
        Ok(())
    };
    let restated = context
        .authority
        .restate(
            &mut change,
            &actor,
            "api_key.change_role",
            user_uid.as_str(),
            Some(&organization),
            set,
        )
        .await?;
    context
        .commit(change, "member.change_role", user_uid.as_str())
        .await?;
    context.authority.restated(restated);
    Ok(())
}

pub(super) async fn remove(context: Context, operation: RemoveMember) -> Result<(), Refusal> {
    part(&context, &operation.slug, &operation.user_uid, "member.remove").await
}

pub(super) async fn leave(context: Context, operation: Leave) -> Result<(), Refusal> {
    let user = UserUid::from(context.caller()?.user());
    part(&context, &operation.slug, &user, "member.leave").await
}

/// Ends a membership. The keys are suspended and not ended: somebody else may depend on what they do, and they can be revoked.
async fn part(
    context: &Context,
    slug: &OrganizationSlug,
    user: &UserUid,
    action: &'static str,
) -> Result<(), Refusal> {
    let caller = context.caller()?;
    let organization = chosen(context, Some(slug)).await?;
    let actor = caller.actor();
    let mut change = context
        .authority
        .change_as(Asker::key(&actor, caller.row()))
        .await?;
    let present = memberships::role(change.connection(), &organization, user.as_str()).await?;
    let present = present.ok_or_else(Refusal::not_found)?;
    not_above(caller, present)?;
    leave_an_owner(&mut change, &organization, user, present).await?;
    memberships::delete(change.connection(), &organization, user.as_str()).await?;
    let restated = context
        .authority
        .suspend(&mut change, &actor, user.as_str(), Some(&organization))
        .await?;
    context.commit(change, action, user.as_str()).await?;
    context.authority.restated(restated);
    Ok(())
}

/// Nobody makes, changes or removes what is above themselves.
fn not_above(caller: &Principal, role: Role) -> Result<(), Refusal> {
    if role <= caller.row().role {
        Ok(())
    } else {
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "This is for members whose own role is as high.",
            "role_exceeds_caller",
        ))
    }
}

/// An organization keeps an owner who is not switched off.
async fn leave_an_owner(
    change: &mut Change,
    organization: &str,
    user: &UserUid,
    present: Role,
) -> Result<(), Refusal> {
    let is_kept = present < Role::Owner
        || memberships::has_another_owner(change.connection(), organization, user.as_str()).await?;
    if is_kept {
        Ok(())
    } else {
        Err(Refusal::conflict(
            "An organization keeps an owner. Make another member the owner first.",
            "last_owner",
        ))
    }
}
