//! `avala keys policy …`

use avala_api::{
    ScopeName,
    api_keys::{GetPolicy, KeyPolicy, UpdatePolicy},
};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Record},
    session::Session,
};

pub(super) async fn run(session: &Session, verb: args::KeyPolicyVerb) -> Result<(), Failure> {
    let policy = match verb {
        args::KeyPolicyVerb::Show => session.may_call::<GetPolicy>()?.send(GetPolicy::new()).await?,
        args::KeyPolicyVerb::Update(change) => {
            let mut update = UpdatePolicy::new();
            update.longest_life_seconds = change.longest_life.map(|life| life.as_secs());
            update.requires_expiry = change.requires_expiry.then_some(true);
            update.allowed_scopes = change
                .allowed_scopes
                .map(|scopes| scopes.into_iter().map(ScopeName::from).collect());
            update.most_keys = change.most_keys;
            session.may_call::<UpdatePolicy>()?.send(update).await?
        }
    };
    Ok(session.out.record(&policy)?)
}

impl Record for KeyPolicy {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        fields(
            self.longest_life_seconds,
            self.requires_expiry,
            self.allowed_scopes.as_deref(),
            self.most_keys,
        )
    }
}

/// A policy as people read it, whoever tells it.
pub(in crate::commands) fn fields<S: ToString>(
    longest_life: Option<u64>,
    requires_expiry: bool,
    allowed_scopes: Option<&[S]>,
    most_keys: u64,
) -> Vec<(&'static str, Cell)> {
    vec![
        (
            "longest life",
            longest_life.map_or_else(|| "any".to_owned(), life).into(),
        ),
        ("requires expiry", requires_expiry.into()),
        (
            "allowed scopes",
            allowed_scopes.map_or_else(|| "any".into(), Cell::names),
        ),
        ("most keys", Cell::text(&most_keys)),
    ]
}

/// In the greatest unit that says it exactly.
fn life(seconds: u64) -> String {
    let units = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "m")];
    let unit = units.iter().find(|(length, _)| seconds.is_multiple_of(*length));
    unit.map_or_else(
        || format!("{seconds}s"),
        |(length, name)| format!("{}{name}", seconds / length),
    )
}
