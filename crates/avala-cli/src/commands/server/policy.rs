//! `avala server policy …`

use avala_server::keys::KeyPolicy;
use serde_json::json;

use super::super::{api_keys::policy_fields, serve::sentence};
use crate::{
    args::{ServerPolicySet, ServerPolicyVerb},
    failure::Failure,
    output::{Cell, Output, Record},
};

pub(super) async fn run(verb: ServerPolicyVerb, out: Output) -> Result<(), Failure> {
    let (target, set) = match &verb {
        ServerPolicyVerb::Show(target) => (target, None),
        ServerPolicyVerb::Set(args) => (&args.policy, Some(args)),
    };
    let authority = super::open(&target.data, out).await?;
    let name = target.organization.as_deref();
    let policy = match set {
        None => authority.policy(name).await,
        Some(args) => authority.set_policy(name, |policy| change(policy, args)).await,
    };
    let policy = policy.map_err(|error| {
        Failure::local(sentence(&error)).hint("Say which with --organization, if there are several.")
    })?;
    Ok(out.record(&Shown(policy))?)
}

fn change(policy: &mut KeyPolicy, args: &ServerPolicySet) {
    if args.any_life {
        policy.longest_life = None;
    }
    if args.no_expiry {
        policy.requires_expiry = false;
    }
    if args.any_scope {
        policy.allowed_scopes = None;
    }
    let change = &args.change;
    policy.longest_life = change.longest_life.or(policy.longest_life);
    policy.requires_expiry |= change.requires_expiry;
    policy.most_keys = change.most_keys.unwrap_or(policy.most_keys);
    if let Some(scopes) = &change.allowed_scopes {
        policy.allowed_scopes = Some(scopes.clone());
    }
}

/// As the API tells it, too.
struct Shown(KeyPolicy);

impl Shown {
    fn life(&self) -> Option<u64> {
        self.0.longest_life.map(|life| life.as_secs())
    }
}

impl serde::Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let policy = &self.0;
        json!({
            "longest_life_seconds": self.life(),
            "requires_expiry": policy.requires_expiry,
            "allowed_scopes": policy.allowed_scopes.as_ref().map(|scopes| {
                scopes.iter().map(ToString::to_string).collect::<Vec<_>>()
            }),
            "most_keys": policy.most_keys,
        })
        .serialize(serializer)
    }
}

impl Record for Shown {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let policy = &self.0;
        policy_fields(
            self.life(),
            policy.requires_expiry,
            policy.allowed_scopes.as_deref(),
            policy.most_keys,
        )
    }
}
