//! `avala setup`: the first administrator of a self-hosted server, and where the first key goes.

use std::path::Path;

use avala_api::{Operation as _, setup::Create};
use serde_json::json;

use crate::{
    args,
    failure::Failure,
    new_key::{Destination, if_the_answer_was_lost},
    output,
    session::Session,
    terminal,
};

pub(super) const CALLS: &[(&str, &str)] = &[(Create::ROUTE.operation, "avala setup")];

/// How the first administrator comes to a key if the answer with it did not arrive: the token is spent.
const WAY_BACK: &str = "If only the answer was lost, `avala server users list` shows the user: give them another key by a [[keys]] \
     entry and `avala serve --provision`. Otherwise, do it again.";

pub(super) async fn run(session: &Session, args: args::Setup) -> Result<(), Failure> {
    let caller = session.may_call::<Create>()?;
    if args.password_stdin && args.token_file == Path::new("-") {
        return Err(Failure::usage(
            "The token and the password cannot both come from stdin.",
        ));
    }
    let destination = Destination::choose(session.out, &args.key)?;
    let token = terminal::secret_from_file("The setup token", &args.token_file)?;
    let password = if args.password_stdin {
        terminal::secret_from_stdin("The password")?
    } else {
        terminal::new_password()?
    };

    let mut create = Create::new(token, args.email, password);
    create.first_name = args.first_name;
    create.last_name = args.last_name;
    let account = caller
        .send(create)
        .await
        .map_err(|failure| if_the_answer_was_lost(failure, WAY_BACK))?;

    let out = session.out;
    let made = format!("{} is the first administrator.", account.user.username);
    let file = destination.hand_over(out, &account.api_key, &made, &account)?;
    if let Some(path) = file.filter(|_| out.is_json()) {
        output::json(&json!({ "user": account.user, "api_key_file": path }))?;
    }
    Ok(())
}
