//! `avala auth rotate`: a stored key is replaced by its successor, and never lost on the way.
//!
//! The id of the old key is noted before anything is asked of the server, and forgotten when that key is ended: whoever comes
//! after an interruption knows what there is to do, and nobody ends a key that is not theirs to end.

use std::time::{Duration, SystemTime};

use avala::{
    Client, ErrorKind, Secret, Timestamp,
    profiles::{Profile, Profiles, Rotation},
};
use avala_api::{
    api_keys::{ApiKey, ApiKeyId, EndGrace, Get, KeyState, Rotate},
    users::Me,
};

use super::{meant, no_such_profile, profiles, store};
use crate::{args, failure::Failure, new_key::if_the_answer_was_lost, session::Session};

pub(super) async fn run(session: &Session, args: &args::RotateOwn) -> Result<(), Failure> {
    session.may_change("auth rotate")?;
    let known = profiles()?;
    let name = meant(session, &known);
    if known.get(&name).is_none() {
        return Err(no_such_profile(&name));
    }
    // One rotation at a time, which begins with what is stored by now.
    let mut rotation = known.rotation(&name)?;
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
    if let Some(noted) = rotation.unfinished()?.map(ApiKeyId::from)
        && noted != id
        && is_predecessor(&client, &noted, &id).await?
    {
        settle(
            session,
            rotation,
            &client,
            &noted,
            "opens until its grace is over",
        )
        .await?;
        session.out.note(&format!(
            "An earlier rotation is finished: the profile {name} has had its new key since. To replace it again, say it once more."
        ));
        return Ok(());
    }

    rotation.begin(id.as_str())?;
    let opens = format!("opens until {}", last_moment(args.grace));
    let mut rotate = Rotate::new(id.clone());
    rotate.grace_seconds = Some(args.grace);
    let made: ApiKey = match client.call(rotate).send().await {
        Ok(made) => made,
        Err(error) => return Err(not_made(rotation, error, &opens)),
    };
    let Some(new) = made.secret.clone() else {
        return Err(Failure::local("The answer holds no key.").hint("Do it again."));
    };
    store::keep(&mut profiles, &profile, &new, made.expires_at)
        .map_err(|failure| failure.and_hint(&format!("The old key {opens}: do it again before.")))?;
    let renewed = session.client_for(&new, profile.url())?;
    if let Err(error) = renewed.call(Me::new()).send().await {
        // Only the server itself knows that a key is none. Whatever else stands between may be gone the next time.
        if error.key_problem().is_some() {
            let ends = client.credential_report().expires_at;
            return Err(put_back(
                &mut profiles,
                &profile,
                (&old, ends),
                &error.into(),
                &opens,
            ));
        }
        let unknown = Failure::from(error);
        return Err(unknown.and_hint(&format!(
            "The new key is stored, and the old one {opens}. Do it again to check the one and end the other."
        )));
    }
    settle(session, rotation, &renewed, &id, &opens).await?;
    session.out.note(&format!(
        "The profile {name} has a new key, {}. Programs that read it there follow by themselves.",
        avala_keys::mask(new.expose())
    ));
    Ok(())
}

/// No answer came, or one that says no.
fn not_made(rotation: Rotation, error: avala::Error, opens: &str) -> Failure {
    let is_refused = error.status().is_some_and(|status| status.is_client_error());
    if is_refused && let Err(error) = rotation.end() {
        return error.into();
    }
    if_the_answer_was_lost(
        error.into(),
        &format!("If only the answer was lost, the old key {opens}: do it again before."),
    )
}

/// A new key that does not open does not stay in the place of one that does.
fn put_back(
    profiles: &mut Profiles,
    profile: &Profile,
    (old, ends): (&Secret, Option<Timestamp>),
    why: &Failure,
    opens: &str,
) -> Failure {
    let said = format!("The new key was not taken: {}", why.message);
    match store::keep(profiles, profile, old, ends) {
        Ok(()) => Failure::local(said).hint(format!(
            "The old key is in its place again. It {opens}: do it again before."
        )),
        Err(failure) => Failure::local(format!(
            "{said} The old key could not be put back: {}",
            failure.message
        ))
        .hint(format!(
            "The old key {opens}. Find out whether the new one does: avala whoami --profile {}",
            profile.name
        )),
    }
}

/// The last moment at which the old key may open, by this machine's clock.
fn last_moment(grace: u32) -> Timestamp {
    Timestamp::from(SystemTime::now() + Duration::from_secs(grace.into()))
}

/// Whether the noted key was replaced by the one that is stored.
async fn is_predecessor(client: &Client, noted: &ApiKeyId, stored: &ApiKeyId) -> Result<bool, Failure> {
    match client.call(Get::new(noted.clone())).send().await {
        Ok(found) => Ok(found.state == KeyState::Rotated && found.rotated_to.as_ref() == Some(stored)),
        // It is gone; or this key may not look at keys, and then the noted one ends by itself.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Forbidden) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Ends the old key now, if this one may; otherwise it ends by itself. Whatever may pass is to be done again.
async fn settle(
    session: &Session,
    rotation: Rotation,
    client: &Client,
    old: &ApiKeyId,
    opens: &str,
) -> Result<(), Failure> {
    if let Err(error) = client.call(EndGrace::new(old.clone())).send().await {
        if !error.status().is_some_and(|status| status.is_client_error()) {
            return Err(Failure::from(error).and_hint(&format!(
                "The new key is stored and good; the old one {opens}. Do it again to end it."
            )));
        }
        session
            .out
            .note(&format!("The old key {old} {opens}: {}", error.message()));
    }
    Ok(rotation.end()?)
}

/// The public id of a key. Only keys of self-hosted servers have one.
fn id(key: &Secret) -> Result<ApiKeyId, Failure> {
    let parsed = avala_keys::ApiKey::parse(key.expose().as_bytes());
    parsed.map(|key| ApiKeyId::from(key.id().as_str())).map_err(|_| {
        Failure::usage("This key has no id in it: only keys of self-hosted servers are rotated by command.")
            .hint("Make a new key at https://app.avala.ai/settings/api-keys, store it with `avala auth login`, then revoke the old one there.")
    })
}
