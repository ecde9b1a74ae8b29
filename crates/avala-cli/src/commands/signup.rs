//! `avala signup`: an account and its first key, and where the key goes.

use avala_api::{Operation as _, signup::Create};
use serde_json::json;

use crate::{args, failure::Failure, new_key::Destination, output, session::Session, terminal};

pub(super) const CALLS: &[(&str, &str)] = &[(Create::ROUTE.operation, "avala signup")];

pub(super) async fn run(session: &Session, args: args::Signup) -> Result<(), Failure> {
    let caller = session.may_call::<Create>()?;
    let destination = Destination::choose(session.out, &args.key)?;
    let password = if args.password_stdin {
        terminal::secret_from_stdin("The password")?
    } else {
        terminal::new_password()?
    };

    let mut create = Create::new(args.email, password);
    create.first_name = args.first_name;
    create.last_name = args.last_name;
    let account = caller.send(create).await?;

    let out = session.out;
    let made = format!("{} has an account.", account.user.username);
    let file = destination.hand_over(out, &account.api_key, &made, &account)?;
    if let Some(path) = file.filter(|_| out.is_json()) {
        output::json(&json!({ "user": account.user, "api_key_file": path }))?;
    }
    Ok(())
}
