//! `avala auth rotate`: a stored key is replaced by its successor, and never lost on the way.

use std::time::SystemTime;

use avala::{Secret, Timestamp};
use avala_api::{
    api_keys::{ApiKey, ApiKeyId, EndGrace, Get, KeyState, Rotate},
    users::Me,
};

use super::{meant, no_such_profile, profiles, store};
use crate::{args, failure::Failure, session::Session};

pub(super) async fn run(session: &Session, args: &args::RotateOwn) -> Result<(), Failure> {
    session.may_change("auth rotate")?;
    let mut profiles = profiles()?;
    let name = meant(session, &profiles);
    let Some(profile) = profiles.get(&name).cloned() else {
        return Err(no_such_profile(&name));
    };
    store::is_kept(&profile)?;
    let provider = profiles.provider(&name)?;
    let client = session.client_from(provider, profile.url())?;
    let old = client.expose_api_key().await?;
    let id = id(&old)?;

    // Of a rotation that was interrupted after its key was stored, only the end is left to do.
    if let Some(before) = unfinished(&client, &id).await {
        finish(session, &client, &before, None).await;
        session.out.note(&format!(
            "An earlier rotation is finished: the profile {name} has had its new key since."
        ));
        return Ok(());
    }

    let mut rotate = Rotate::new(id.clone());
    rotate.grace_seconds = Some(u32::try_from(args.grace.as_secs()).unwrap_or(u32::MAX));
    let made: ApiKey = client.call(rotate).send().await?;
    let Some(new) = made.secret.clone() else {
        return Err(Failure::local("The answer holds no key.").hint("Do it again."));
    };
    store::keep(&mut profiles, &profile, &new, made.expires_at)
        .map_err(|failure| failure.and_hint("The old key still opens. Do it again."))?;
    let renewed = session.client_with(&new, Some(profile.url()))?;
    if let Err(error) = renewed.call(Me::new()).send().await {
        let refused = Failure::from(error);
        let said = format!(
            "The new key is stored, and the server does not take it: {}",
            refused.message
        );
        return Err(Failure::local(said).hint("The old key still opens. Do it again."));
    }
    finish(session, &renewed, &id, made.grace_until).await;
    session.out.note(&format!(
        "The profile {name} has a new key, {}. Programs that read it there follow by themselves.",
        avala_keys::mask(new.expose())
    ));
    Ok(())
}

/// The predecessor that still opens, if the stored key is a successor already.
async fn unfinished(client: &avala::Client, id: &ApiKeyId) -> Option<ApiKeyId> {
    // Whoever may not look at keys starts anew: the predecessor ends by itself.
    let own = client.call(Get::new(id.clone())).send().await.ok()?;
    let before = own.rotated_from?;
    let before = client.call(Get::new(before)).send().await.ok()?;
    let now = Timestamp::from(SystemTime::now());
    let still_opens =
        before.state == KeyState::Rotated && before.grace_until.is_some_and(|until| until > now);
    (still_opens && before.rotated_to.as_ref() == Some(id)).then_some(before.id)
}

/// Ends the old key now, if this one may; otherwise it ends by itself.
async fn finish(session: &Session, client: &avala::Client, old: &ApiKeyId, until: Option<Timestamp>) {
    if let Err(error) = client.call(EndGrace::new(old.clone())).send().await {
        let until = until.map_or_else(|| "its grace is over".to_owned(), |until| until.to_string());
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
