//! `avala auth`: the keys of this machine, from the first one to its successor.

mod keychain;
mod login;
mod rotate;
mod status;
mod store;

use avala::{
    Environment,
    profiles::{Profiles, Rotation},
};

pub(super) use login::login;
pub(super) use store::{check_server, clear};

use crate::{
    args::{self, Auth},
    failure::Failure,
    output,
    session::Session,
};

/// The profile of those who have only one.
pub(super) const FIRST: &str = "default";

pub(super) async fn run(session: &Session, verb: Auth) -> Result<(), Failure> {
    match verb {
        Auth::Login(args) => login(session, args).await,
        Auth::Logout => logout(session),
        Auth::Credentials(args) => status::run(session, &args).await,
        Auth::Switch(args) => switch(session, &args),
        Auth::Token(args) => token(session, &args).await,
        Auth::Rotate(args) => rotate::run(session, &args).await,
    }
}

/// The profiles of this machine's user.
pub(super) fn profiles() -> Result<Profiles, Failure> {
    Ok(Profiles::open(&Environment::Process)?)
}

/// The profile that is meant: the one that is named, else the default.
fn meant(session: &Session, profiles: &Profiles) -> String {
    session
        .profile()
        .unwrap_or_else(|| profiles.default_name().unwrap_or(FIRST).to_owned())
}

/// Keeps a rotation from storing a new key behind the back of who changes or removes it.
pub(in crate::commands) fn being_changed(
    profiles: &Profiles,
    name: &str,
) -> Result<Option<Rotation>, Failure> {
    if profiles.get(name).is_none() {
        return Ok(None);
    }
    Ok(Some(profiles.rotation(name)?))
}

/// The profile that was asked for is not there.
pub(super) fn no_such_profile(name: &str) -> Failure {
    Failure::usage(format!("There is no profile {name}."))
        .hint("`avala auth login` makes one; `avala profile list` shows those there are.")
}

fn logout(session: &Session) -> Result<(), Failure> {
    session.may_change("auth logout")?;
    let mut profiles = profiles()?;
    let name = meant(session, &profiles);
    let _nobody_rotates_it = being_changed(&profiles, &name)?;
    if store::forget(&mut profiles, &name)? {
        session.out.note(&format!(
            "The key of the profile {name} is removed from this machine. It goes on working until it is revoked."
        ));
    } else if profiles.get(&name).is_none() && session.profile().is_some() {
        return Err(no_such_profile(&name));
    } else {
        session
            .out
            .note(&format!("No key is stored for the profile {name}."));
    }
    Ok(())
}

fn switch(session: &Session, args: &args::OneProfile) -> Result<(), Failure> {
    session.may_change("auth switch")?;
    let mut profiles = profiles()?;
    profiles.switch(&args.name)?;
    session
        .out
        .note(&format!("The profile {} is used from now on.", args.name));
    Ok(())
}

/// Prints the key and nothing else, for another program to read.
async fn token(session: &Session, args: &args::Token) -> Result<(), Failure> {
    if session.out.terminal && !args.show {
        return Err(
            Failure::usage("This prints an API key, and stdout is a terminal.")
                .hint("Say --show to see it here, or send stdout into a program."),
        );
    }
    let key = session.client(false)?.expose_api_key().await?;
    if session.out.is_json() {
        output::json(&serde_json::json!({ "api_key": key }))?;
    } else {
        output::lines(&[key.expose()])?;
    }
    Ok(())
}
