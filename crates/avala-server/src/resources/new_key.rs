//! What is asked of a new key, checked against what its maker may do.

use avala_api::{
    Extra, FieldErrors, Timestamp,
    api_keys::{KeyAccess, KeyHint},
};
use http::StatusCode;

use super::key_fields;
use crate::{
    context::Context,
    keys::{Bounds, KeyRow, Mint, Resource, Resources, Role},
    refusal::Refusal,
};

/// What is asked of a new key, whether it is made or taken over.
pub(super) struct NewKey {
    /// A service account, and its role; otherwise it is the caller's.
    pub(super) owner: Option<(String, Role)>,
    pub(super) name: String,
    pub(super) access: KeyAccess,
    pub(super) environment: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) allowed_networks: Option<Vec<String>>,
    pub(super) resources: Option<Vec<Resource>>,
}

impl NewKey {
    /// What the key is made from, unless it may do more than its maker. What is not said is as narrow as that.
    pub(super) fn mint(self, context: &Context, mut errors: FieldErrors) -> Result<Mint, Refusal> {
        let caller = context.caller()?;
        let own = Bounds::of(caller.row());
        key_fields::check_name("name", &self.name, &mut errors);
        if let Some(environment) = &self.environment {
            key_fields::check_name("environment", environment, &mut errors);
        }
        let access = key_fields::access(self.access, &mut errors);
        let networks = self
            .allowed_networks
            .map(|networks| key_fields::networks(&networks, &mut errors));
        key_fields::check_end(context.now(), self.expires_at, &mut errors);
        if !errors.is_empty() {
            return Err(errors.into());
        }
        let bounds = Bounds {
            access,
            networks: networks.unwrap_or_else(|| own.networks.clone()),
            resources: match self.resources {
                Some(resources) => Resources::new(resources).map(Box::new),
                None => own.resources.clone(),
            },
            end: self.expires_at.or(own.end),
        };
        let own_role = caller.row().role;
        let (owner, role) = self.owner.unwrap_or_else(|| (caller.user().to_owned(), own_role));
        if !own.cover(&bounds) || role > own_role {
            return Err(exceeds_caller());
        }
        Ok(Mint {
            owner,
            organization: caller.organization().to_owned(),
            role,
            name: self.name,
            access: bounds.access,
            expires_at: bounds.end,
            networks: bounds.networks,
            resources: bounds.resources,
            environment: self.environment,
            created_by: caller.actor().name(),
            rotated_from: None,
        })
    }
}

/// Says that the key ends earlier than was asked, if it does.
pub(super) fn shortened(asked: Option<Timestamp>, row: &KeyRow) -> Option<KeyHint> {
    let end = row.expires_at.filter(|end| asked != Some(*end))?;
    let otherwise = asked.map_or_else(
        || "it would have no end".to_owned(),
        |asked| format!("it would end at {asked}"),
    );
    Some(KeyHint {
        rule: "shortened_by_policy".to_owned(),
        text: format!("The policy of the organization ends this key at {end}; without it, {otherwise}."),
        extra: Extra::new(),
    })
}

pub(super) fn exceeds_caller() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "A key can only make keys that may do no more than itself, with no more objects, from no more networks, for no longer.",
        "exceeds_caller",
    )
}
