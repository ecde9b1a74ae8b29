//! Setup: the first administrator, by the token that the data directory holds.

use avala_api::{
    Extra,
    setup::Create,
    signup::{self, Account},
};
use http::StatusCode;

use super::signup::check;
use crate::{accounts::NewAccount, context::Context, refusal::Refusal};

pub(super) async fn create(context: Context, operation: Create) -> Result<Account, Refusal> {
    let Create {
        token,
        email,
        password,
        first_name,
        last_name,
    } = operation;
    // Before anything else is looked at or paid for: whoever has no token learns nothing.
    let authority = &context.authority;
    if !authority.is_setup_token(token.expose()).await? {
        return Err(invalid());
    }
    let asked = signup::Create {
        email,
        password,
        first_name,
        last_name,
    };
    check(&asked)?;
    let salt = authority.random().bytes()?;
    let hash = context
        .passwords
        .hash(asked.password, salt)
        .await
        .map_err(|_| Refusal::internal())?;
    let new = NewAccount {
        email: &asked.email,
        first_name: asked.first_name.as_deref(),
        last_name: asked.last_name.as_deref(),
        password_hash: Some(&hash),
    };
    let made = authority.set_up(token.expose(), &new).await?;
    let made = made.ok_or_else(invalid)?;
    Ok(Account {
        user: made.user,
        api_key: made.issued.key.into_secret(),
        extra: Extra::new(),
    })
}

/// Wrong, expired, used, or there are users: one refusal.
fn invalid() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "This is not the setup token of this server, or it was used or has expired.",
        "setup_token_invalid",
    )
}
