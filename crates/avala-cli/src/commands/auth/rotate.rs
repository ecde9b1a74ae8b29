//! `avala auth rotate`: a stored key is replaced by its successor, and never lost on the way.
//!
//! The id of the old key is noted before anything is asked of the server, and forgotten when that key is ended: whoever comes
//! after an interruption knows what there is to do, and nobody ends a key that is not theirs to end.

use std::time::SystemTime;

use avala::{
    Client, ErrorKind, Secret, Timestamp,
    profiles::{Profile, Profiles},
};
use avala_api::{
    api_keys::{ApiKey, ApiKeyId, EndGrace, Get, KeyState, Rotate},
    users::Me,
};

use super::{meant, no_such_profile, profiles, store};
use crate::{args, failure::Failure, session::Session};

pub(super) async fn run(session: &Session, args: &args::RotateOwn) -> Result<(), Failure> {
    session.may_change("auth rotate")?;
    let name = meant(session, &profiles()?);
    if profiles()?.get(&name).is_none() {
        return Err(no_such_profile(&name));
    }
    // One rotation at a time, which begins with what is stored by now.
    let mut rotation = profiles()?.rotation(&name)?;
    let mut profiles = profiles()?;
    let Some(profile) = profiles.get(&name).cloned() else {
        return Err(no_such_profile(&name));
    };
    store::is_kept(&profile)?;
    session.is_for(&profile)?;
    let client = session.client_from(profiles.provider(&name)?, profile.url())?;
    let old = client.expose_api_key().await?;
    let id = id(&old)?;

    // Of a rotation that was interrupted after its key was stored, only the end is left to do.
    if let Some(before) = rotation.unfinished()?.map(ApiKeyId::from)
        && before != id
        && let Some(before) = predecessor(&client, before, &id).await?
    {
        if before.still_opens {
            finish(session, &client, &before.id, before.until).await;
        }
        rotation.end()?;
        session.out.note(&format!(
            "An earlier rotation is finished: the profile {name} has had its new key since."
        ));
        return Ok(());
    }

    rotation.begin(id.as_str())?;
    let mut rotate = Rotate::new(id.clone());
    rotate.grace_seconds = Some(args.grace);
    let made: ApiKey = client.call(rotate).send().await?;
    let Some(new) = made.secret.clone() else {
        return Err(Failure::local("The answer holds no key.").hint("Do it again."));
    };
    let until = until(made.grace_until);
    store::keep(&mut profiles, &profile, &new, made.expires_at).map_err(|failure| {
        failure.and_hint(&format!("The old key still opens {until}: do it again before."))
    })?;
    let renewed = session.client_for(&new, &profile)?;
    if let Err(error) = renewed.call(Me::new()).send().await {
        if error.kind() == ErrorKind::Authentication {
            let ends = client.credential_report().expires_at;
            return Err(put_back(
                &mut profiles,
                &profile,
                (&old, ends),
                &error.into(),
                &until,
            ));
        }
        // It may well open. Done again, it is asked first, and ends the old key.
        let unknown = Failure::from(error);
        return Err(unknown.and_hint(&format!(
            "The new key is stored, and the old one opens {until}, too. Do it again to check the one and end the other."
        )));
    }
    finish(session, &renewed, &id, made.grace_until).await;
    rotation.end()?;
    session.out.note(&format!(
        "The profile {name} has a new key, {}. Programs that read it there follow by themselves.",
        avala_keys::mask(new.expose())
    ));
    Ok(())
}

/// A new key that does not open does not stay in the place of one that does.
fn put_back(
    profiles: &mut Profiles,
    profile: &Profile,
    (old, ends): (&Secret, Option<Timestamp>),
    why: &Failure,
    until: &str,
) -> Failure {
    let said = format!("The new key was not taken: {}", why.message);
    match store::keep(profiles, profile, old, ends) {
        Ok(()) => Failure::local(said).hint(format!(
            "The old key is in its place again. It opens {until}: do it again before."
        )),
        Err(failure) => Failure::local(format!(
            "{said} The old key could not be put back: {}",
            failure.message
        ))
        .hint(format!(
            "The old key opens {until}. Find out whether the new one does: avala whoami --profile {}",
            profile.name
        )),
    }
}

fn until(grace: Option<Timestamp>) -> String {
    grace.map_or_else(|| "no longer".to_owned(), |until| format!("until {until}"))
}

/// A key that was replaced by the one that is stored.
struct Predecessor {
    id: ApiKeyId,
    still_opens: bool,
    until: Option<Timestamp>,
}

/// What became of the noted key, if the one that is stored is its successor.
async fn predecessor(
    client: &Client,
    noted: ApiKeyId,
    stored: &ApiKeyId,
) -> Result<Option<Predecessor>, Failure> {
    let found = match client.call(Get::new(noted.clone())).send().await {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // Few keys may look at keys. It was noted here, so it is ended.
        Err(error) if error.kind() == ErrorKind::Forbidden => {
            return Ok(Some(Predecessor {
                id: noted,
                still_opens: true,
                until: None,
            }));
        }
        Err(error) => return Err(error.into()),
    };
    let now = Timestamp::from(SystemTime::now());
    let still_opens = found.state == KeyState::Rotated && found.grace_until.is_some_and(|until| until > now);
    let is_it = found.rotated_to.as_ref() == Some(stored);
    Ok(is_it.then_some(Predecessor {
        id: noted,
        still_opens,
        until: found.grace_until,
    }))
}

/// Ends the old key now, if this one may; otherwise it ends by itself.
async fn finish(session: &Session, client: &Client, old: &ApiKeyId, grace: Option<Timestamp>) {
    if let Err(error) = client.call(EndGrace::new(old.clone())).send().await {
        let until = grace.map_or_else(|| "its grace is over".to_owned(), |until| until.to_string());
        session.out.note(&format!(
            "The old key {old} still opens until {until}: {}",
            error.message()
        ));
    }
}

/// The public id of a key. Only keys of self-hosted servers have one.
fn id(key: &Secret) -> Result<ApiKeyId, Failure> {
    let parsed = avala_keys::ApiKey::parse(key.expose().as_bytes());
    parsed.map(|key| ApiKeyId::from(key.id().as_str())).map_err(|_| {
        Failure::usage("This key has no id in it: only keys of self-hosted servers are rotated by command.")
            .hint("Make a new key at https://app.avala.ai/settings/api-keys, store it with `avala auth login`, then revoke the old one there.")
    })
}
