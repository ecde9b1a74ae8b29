//! What the profile in use prefers: options win, and a profile whose key is not used has no say.

use avala::{
    Environment,
    profiles::{Profile, Profiles},
};
use avala_api::organizations::OrganizationSlug;
use clap::ValueEnum as _;

use crate::{
    args::{Cli, Command, Format, Global},
    env,
    failure::Failure,
};

/// The form of output that was typed, else the one it prefers. What is done on this machine alone has no profile.
pub(crate) fn output(cli: &Cli) -> Result<Option<Format>, Failure> {
    let is_local = match cli.command {
        Command::Scan(_) => true,
        #[cfg(feature = "server")]
        Command::Serve(_) | Command::Server(_) | Command::Demo(_) => true,
        _ => false,
    };
    if is_local || cli.global.output.is_some() {
        return Ok(cli.global.output);
    }
    let Some(profile) = in_use(&cli.global) else {
        return Ok(None);
    };
    let Some(text) = &profile.output else {
        return Ok(None);
    };
    match Format::from_str(text, false) {
        Ok(Format::Json) => Ok(Some(Format::Json)),
        // Tables are for people, who have them anyway: in a pipe, programs keep their rows.
        Ok(Format::Table) => Ok(None),
        Err(_) => Err(Failure::usage(format!(
            "The profile {} has an output that is not known.",
            profile.name
        ))
        .hint(format!(
            "It can be table or json: avala profile set {} --output json",
            profile.name
        ))),
    }
}

/// Which organization it is about.
pub(crate) fn organization(global: &Global) -> Option<OrganizationSlug> {
    in_use(global)?.organization.map(OrganizationSlug::from)
}

/// The profile that the key comes from. What is wrong with the files is told when the key is looked for.
fn in_use(global: &Global) -> Option<Profile> {
    let key_is_elsewhere = env::is_set(env::API_KEY) || env::is_set(env::API_KEY_FILE);
    let named = match &global.profile {
        Some(name) => Some(name.clone()),
        None if key_is_elsewhere => return None,
        None => env::text(env::PROFILE),
    };
    if named.is_none() && global.env_file.is_some() {
        return None;
    }
    let profiles = Profiles::open(&Environment::Process).ok()?;
    let name = named.as_deref().or(profiles.default_name())?;
    profiles.get(name).cloned()
}
