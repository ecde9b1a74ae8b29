//! `avala auth login`: a key is asked for, checked, and stored.

use avala::{
    Client, Secret,
    profiles::{Profile, Profiles, SourceSpec},
};
use avala_api::users::Me;
use avala_keys::{Shape, classify};

use super::{being_changed, keychain, meant, profiles, store};
use crate::{args, env, failure::Failure, session::Session, terminal};

/// How people come to a key of Avala's own service.
const STEPS: &[&str] = &[
    "To make a key:",
    "  1. Sign in at https://app.avala.ai",
    "  2. Open Settings, then API Keys: https://app.avala.ai/settings/api-keys",
    "  3. Press \"Create API Key\", and give it a name",
    "  4. Copy the key: it is shown once",
];

/// Nothing is waited for until the last question is answered: until then, Ctrl-C ends the process by itself.
pub(in crate::commands) async fn login(session: &Session, args: args::Login) -> Result<(), Failure> {
    session.may_change("auth login")?;
    let mut profiles = profiles()?;
    let name = meant(session, &profiles);
    let before = profiles.get(&name).cloned();
    let mut profile = before.clone().unwrap_or_else(|| Profile::new(&name));
    profile.check()?;
    store::is_kept(&profile)?;
    // Only a profile that is named on purpose is moved to another server.
    if before.is_some() && (session.base_url().is_none() || session.profile().is_none()) {
        session.is_for(&profile).map_err(|failure| {
            failure.and_hint(&format!(
                "To give it a key of that server, name it: --profile {name}."
            ))
        })?;
    }
    let url = before.as_ref().map(|before| before.url().to_owned());
    // Refuses a wrong URL before anybody types a key.
    let server = session.client_with(&Secret::from("not-a-key-yet"), url.as_deref())?;
    let source = place(session, &profiles, &name, args.file)?;
    if server.base_url().host_str() == Some("api.avala.ai") && terminal::can_ask() {
        for line in STEPS {
            session.out.note(line);
        }
    }
    let key = terminal::secret_asked_for(&format!(
        "API key for {}",
        server.base_url().as_str().trim_end_matches('/')
    ))?;
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
    let url = client.base_url().as_str().trim_end_matches('/');
    profile.base_url = (url != avala::DEFAULT_BASE_URL).then(|| url.to_owned());
    profile.allow_insecure_base_url = client.base_url().scheme() == "http";
    profile.source = source;
    // Nobody replaces it with the successor of the one before.
    let rotation =
        being_changed(&profiles, &name).map_err(|failure| failure.and_hint("Nothing was stored."))?;
    store::replace(&mut profiles, before.as_ref(), &profile, &key, session.out)
        .map_err(|failure| failure.and_hint("Nothing was stored."))?;
    // Whatever was being rotated is not there any more.
    match rotation {
        Some(rotation) => rotation.end()?,
        None => profiles.rotation(&name)?.end()?,
    }
    if profiles.default_name().is_none() {
        profiles.switch(&name)?;
    }
    let mask = avala_keys::mask(key.expose());
    let whose = whose.map_or_else(|| "not checked".to_owned(), |user| format!("of {user}"));
    let place = match &profile.source {
        SourceSpec::Stored => file(&profiles)?,
        _ => "the keychain, where programs find it that are built with the feature `keychain`".to_owned(),
    };
    session.out.note(&format!(
        "The key {mask} ({whose}) is stored for the profile {name}, for {url}."
    ));
    session.out.note(&format!("It is in {place}."));
    shadowed(session, &name, profiles.default_name());
    Ok(())
}

/// Where the key will be: in the keychain if one answers, else in a file of which somebody has said that it may be there.
fn place(
    session: &Session,
    profiles: &Profiles,
    name: &str,
    file_is_meant: bool,
) -> Result<SourceSpec, Failure> {
    let file = file(profiles)?;
    if file_is_meant {
        return Ok(SourceSpec::Stored);
    }
    let source = store::in_keychain(name);
    let is_ours = profiles.get(name).is_some_and(|profile| profile.source == source);
    let none = match keychain::contains(name) {
        Ok(is_there) if is_ours || !is_there => return Ok(source),
        // It may be another configuration's, with another server.
        Ok(_) => {
            let theirs = format!(
                "The keychain has a key under the name {name} already, and no profile here that it belongs to."
            );
            let instead = "Choose another --profile, or say --file.";
            agreed(session, &theirs, "Replace it?", instead)?;
            return Ok(source);
        }
        Err(none) => none,
    };
    let question = format!("Keep the key unencrypted in {file}, readable by you alone?");
    let instead = format!("Say --file to keep the key unencrypted in {file}, readable by you alone.");
    agreed(session, &none.message, &question, &instead)?;
    Ok(SourceSpec::Stored)
}

/// Says what there is, and asks; `instead` is what to do where nobody can be asked.
fn agreed(session: &Session, fact: &str, question: &str, instead: &str) -> Result<(), Failure> {
    if !terminal::can_ask() {
        return Err(Failure::usage(fact).hint(format!("{instead} Nothing was stored.")));
    }
    session.out.note(fact);
    terminal::confirm(question, false).map_err(|failure| failure.hint("Nothing was stored."))
}

/// The private file of keys, as it is shown.
fn file(profiles: &Profiles) -> Result<String, Failure> {
    let folder = profiles.folder().ok_or_else(|| {
        Failure::local("There is no home directory to keep profiles in.")
            .hint("Set AVALA_CONFIG_DIR, or give the key to each command in AVALA_API_KEY.")
    })?;
    Ok(folder.join("credentials.toml").display().to_string())
}

/// Whose key it is. A key that the server refuses is not stored.
async fn checked(client: &Client) -> Result<String, Failure> {
    let me = client.call(Me::new()).send().await;
    let me = me.map_err(|error| Failure::from(error).and_hint("Nothing was stored."))?;
    Ok(me.username)
}

/// Says so if the next command will not use what was just stored.
fn shadowed(session: &Session, name: &str, default: Option<&str>) {
    let named = env::text(env::PROFILE);
    let is_set = [env::API_KEY, env::API_KEY_FILE, env::PROFILE]
        .into_iter()
        .find(|variable| {
            env::is_set(*variable) && (*variable != env::PROFILE || named.as_deref() != Some(name))
        });
    match (is_set, default) {
        (Some(variable), _) => session.out.note(&format!(
            "{} is set, and comes before it: unset it, or say --profile {name}.",
            variable.name
        )),
        (None, Some(default)) if named.is_none() && default != name => session.out.note(&format!(
            "Commands use the profile {default} unless told otherwise; to change that: avala auth switch {name}"
        )),
        _ => {}
    }
}
