//! `avala auth login`: a key is asked for, checked, and stored.

use avala::{
    Client, Secret,
    profiles::{Profile, Profiles, SourceSpec},
};
use avala_api::users::Me;
use avala_keys::{Shape, classify};

use super::{FIRST, profiles, store};
use crate::{args, env, failure::Failure, session::Session, terminal};

/// How people come to a key of Avala's own service.
const STEPS: &str = "To make a key:
  1. Sign in at https://app.avala.ai
  2. Open Settings, then API Keys: https://app.avala.ai/settings/api-keys
  3. Press \"Create API Key\", and give it a name
  4. Copy the key: it is shown once";

pub(in crate::commands) async fn login(session: &Session, args: args::Login) -> Result<(), Failure> {
    session.may_change("auth login")?;
    let mut profiles = profiles()?;
    let name = session.profile().unwrap_or(FIRST);
    let known = profiles.get(name).cloned();
    if let Some(profile) = &known
        && profile.source != SourceSpec::Stored
    {
        return Err(store::elsewhere(name, &profile.source));
    }
    let url = known.as_ref().and_then(|profile| profile.base_url.clone());
    // Refuses a wrong URL before anybody types a key.
    let server = session.client_with(&Secret::from("not-a-key-yet"), url.as_deref())?;
    if server.base_url().host_str() == Some("api.avala.ai") && session.out.terminal {
        session.out.note(STEPS);
    }
    if !args.file {
        consent(&profiles)?;
    }
    let key = terminal::secret_asked_for("API key")?;
    if classify(key.expose()) == Shape::V1Damaged {
        return Err(Failure::usage("This is a damaged key: its checksum is wrong.")
            .hint("Copy it again, whole. Nothing was stored."));
    }
    let client = session.client_with(&key, url.as_deref())?;
    let whose = if args.unchecked {
        None
    } else {
        Some(checked(&client).await?)
    };
    let mut profile = known.unwrap_or_else(|| Profile::new(name));
    let url = client.base_url().as_str().trim_end_matches('/');
    profile.base_url = (url != avala::DEFAULT_BASE_URL).then(|| url.to_owned());
    profile.allow_insecure_base_url = client.base_url().scheme() == "http";
    profiles.set(&profile)?;
    store::keep(&mut profiles, &profile, &key, None)?;
    if profiles.default_name().is_none() {
        profiles.switch(name)?;
    }
    let mask = avala_keys::mask(key.expose());
    let whose = whose.map_or_else(|| "not checked".to_owned(), |user| format!("of {user}"));
    session.out.note(&format!(
        "The key {mask} ({whose}) is stored for the profile {name}, for {url}."
    ));
    shadowed(session);
    Ok(())
}

/// Whose key it is. A key that the server refuses is not stored.
async fn checked(client: &Client) -> Result<String, Failure> {
    let me = client.call(Me::new()).send().await.map_err(|error| {
        let refused = Failure::from(error);
        let told = refused.hint.clone().unwrap_or_default();
        refused.hint(format!("{told} Nothing was stored.").trim_start().to_owned())
    })?;
    Ok(me.username)
}

/// A key in a file is readable by every program of this user: whoever stores it there has said so.
fn consent(profiles: &Profiles) -> Result<(), Failure> {
    let Some(folder) = profiles.folder() else {
        return Err(Failure::local("There is no home directory to keep a key in.")
            .hint("Set AVALA_CONFIG_DIR, or give the key to each command in AVALA_API_KEY."));
    };
    let question = format!(
        "Keep the key unencrypted in {}, readable by you alone?",
        folder.join("credentials.toml").display()
    );
    terminal::agreed(&question, "--file")
}

/// Says so if the next command will not use what was just stored.
fn shadowed(session: &Session) {
    for variable in [env::API_KEY, env::API_KEY_FILE, env::PROFILE] {
        if env::is_set(variable) {
            session.out.note(&format!(
                "{} is set, and comes before it: unset it, or say --profile.",
                variable.name
            ));
        }
    }
}
