//! The caller, and what the presented key may do.

use avala_api::{
    Extra,
    users::{CallerType, GetPermissions, Me, Permissions, User},
};

use crate::{context::Context, refusal::Refusal, store::users};

pub(super) async fn me(context: Context, _: Me) -> Result<User, Refusal> {
    let user = users::by_uid(context.store().reader(), context.caller()?.user()).await?;
    user.ok_or_else(Refusal::not_found)
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
