//! The caller, and what the presented key may do.

use avala_api::{
    Extra,
    users::{CallerType, GetPermissions, Me, Permissions, User},
};

use crate::{
    context::Context,
    refusal::Refusal,
    store::{service_accounts, users},
};

pub(super) async fn me(context: Context, _: Me) -> Result<User, Refusal> {
    let (caller, reader) = (context.caller()?, context.store().reader());
    if let Some(user) = users::by_uid(reader, caller.user()).await? {
        return Ok(user);
    }
    let found = service_accounts::find(reader, caller.organization(), caller.user()).await?;
    let account = found.ok_or_else(Refusal::not_found)?;
    Ok(User {
        uid: account.uid,
        username: account.name,
        email: None,
        first_name: None,
        last_name: None,
        in_waitlist: false,
        extra: Extra::new(),
    })
}

#[allow(clippy::unused_async, reason = "every handler is asynchronous")]
pub(super) async fn permissions(context: Context, _: GetPermissions) -> Result<Permissions, Refusal> {
    Ok(Permissions {
        caller_type: CallerType::Customer,
        is_staff_privileged: false,
        scopes: context.caller()?.scopes(),
        capabilities: Vec::new(),
        toolsets: Vec::new(),
        extra: Extra::new(),
    })
}
