//! `avala signup`: an account and its first key, and where the key goes.

use avala_api::{Operation as _, signup::Create};
use serde_json::json;

use crate::{args, failure::Failure, key_file::KeyFile, output, session::Session, terminal};

pub(super) const CALLS: &[(&str, &str)] = &[(Create::ROUTE.operation, "avala signup")];

pub(super) async fn run(session: &Session, args: args::Signup) -> Result<(), Failure> {
    let caller = session.may_call::<Create>()?;
    if session.out.terminal && !args.show && args.out.is_none() {
        return Err(Failure::usage("The answer will hold an API key, and stdout is a terminal.")
            .hint("Say --out FILE to keep the key in a private file, or --show to see it here. Nothing was sent."));
    }
    // Made before the call: a key that cannot be kept must not be issued.
    let file = match &args.out {
        Some(path) => Some((path, KeyFile::create(path)?)),
        None => None,
    };
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
    if let Some((path, file)) = file {
        file.keep(&account.api_key)?;
        if out.is_json() {
            output::json(&json!({ "user": account.user, "api_key_file": path }))?;
        }
        out.note(&format!(
            "{} has an account; the key is in {}.",
            account.user.username,
            path.display()
        ));
    } else if out.is_json() {
        output::json(&account)?;
    } else {
        out.note(&format!(
            "{} has an account. This is its key; it is not shown again.",
            account.user.username
        ));
        output::lines(&[account.api_key.expose()])?;
    }
    Ok(())
}
