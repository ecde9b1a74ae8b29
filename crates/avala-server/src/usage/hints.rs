//! What somebody should look at about a key: a few rules, each with its threshold, and none that scores anybody.

use std::collections::HashMap;

use avala_api::{
    Extra, Timestamp,
    api_keys::{KeyHint, KeyState},
};
use avala_keys::KeyId;

use super::{HOUR, LastUse};
use crate::{
    keys::{Access, Authority, KeyRow},
    store::key_networks::KeyNetwork,
};

const DAY: i64 = 24 * HOUR;

/// An end that is nearer comes soon.
const SOON: i64 = 14 * DAY;

/// A key that was not used for longer may not be needed.
const UNUSED: i64 = 90 * DAY;

/// Refusals are counted in so many hours, the present one among them.
pub(super) const REFUSED_WITHIN: i64 = 24;

/// Fewer refusals are not often, nor is a smaller part of the requests, in percent.
const REFUSED: u64 = 100;
const REFUSED_PERCENT: u64 = 10;

/// A network is new to a key that has been in use for longer, and stays so for a while.
const SETTLED: i64 = DAY;
const NEW: i64 = 7 * DAY;

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal, $when:literal;)+) => {
        /// A rule by which a hint is found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Rule {
            $($(#[$doc])* $rule,)+
        }

        /// The rules by name, and when each finds something.
        pub(crate) const RULES: &[(&str, &str)] = &[$(($name, $when),)+];

        impl Rule {
            const ALL: &[Self] = &[$(Self::$rule,)+];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$rule => $name,)+
                }
            }
        }
    };
}

rules! {
    ExpiresSoon = "expires_soon",
        "it ends within 14 days, was made for more than 14, and has no successor";
    FullAccess = "full_access",
        "it may do everything";
    NewNetwork = "new_network",
        "within the last 7 days it was used from a network (/24 of IPv4, /48 of IPv6) for the first time, a day or more after its first use";
    PredecessorInUse = "predecessor_in_use",
        "the key it takes the place of was used after the rotation, and still opens";
    RefusedOften = "refused_often",
        "100 or more requests with it were refused in the present hour and the 23 before, and 10 % or more of all";
    Unused = "unused",
        "it was not used for 90 days, nor made within them";
}

/// What hints about some keys are found from. It is read with as many statements for a page of keys as for one.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(super) uses: HashMap<KeyId, LastUse>,
    pub(super) lately: HashMap<KeyId, Lately>,
    pub(super) networks: HashMap<KeyId, Vec<KeyNetwork>>,
}

/// Requests of the last hours.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lately {
    pub(super) requests: u64,
    pub(super) refused: u64,
}

impl Observed {
    pub(crate) fn last_use(&self, key: KeyId) -> Option<&LastUse> {
        self.uses.get(&key)
    }

    /// The hints about a key that nobody muted.
    pub(crate) fn hints(&self, authority: &Authority, row: &KeyRow) -> Vec<KeyHint> {
        let of_key = OfKey {
            observed: self,
            authority,
            row,
            now: authority.now(),
        };
        let is_muted = |rule: &Rule| row.about.muted_hints.iter().any(|name| name == rule.name());
        let rules = Rule::ALL.iter().copied().filter(|rule| !is_muted(rule));
        rules
            .filter_map(|rule| {
                Some(KeyHint {
                    rule: rule.name().to_owned(),
                    text: of_key.finds(rule)?,
                    extra: Extra::new(),
                })
            })
            .collect()
    }
}

/// One key, seen by the rules.
struct OfKey<'a> {
    observed: &'a Observed,
    authority: &'a Authority,
    row: &'a KeyRow,
    now: Timestamp,
}

impl OfKey<'_> {
    fn finds(&self, rule: Rule) -> Option<String> {
        // Nothing needs to be done about a key that opens nothing, but for whoever still sends it.
        if rule != Rule::RefusedOften && !opens(self.authority, self.row) {
            return None;
        }
        match rule {
            Rule::ExpiresSoon => self.expires_soon(),
            Rule::FullAccess => (self.row.effective_access() == Access::Full).then(|| {
                "It may do everything, now and in future. Narrow it to the scopes it needs.".to_owned()
            }),
            Rule::NewNetwork => self.new_network(),
            Rule::PredecessorInUse => self.predecessor_in_use(),
            Rule::RefusedOften => self.refused_often(),
            Rule::Unused => self.unused(),
        }
    }

    /// How long ago, in milliseconds.
    fn age(&self, at: Timestamp) -> i64 {
        self.now.unix_millis() - at.unix_millis()
    }

    fn expires_soon(&self) -> Option<String> {
        let end = self.row.expires_at?;
        let life = end.unix_millis() - self.row.about.created_at.unix_millis();
        let is_soon = -self.age(end) <= SOON && life > SOON && self.row.rotated_to.is_none();
        // A successor has the same end.
        is_soon.then(|| format!("It ends at {end}. Make another key before, and change over to it."))
    }

    fn new_network(&self) -> Option<String> {
        let networks = self.observed.networks.get(&self.row.id)?;
        let first = networks.iter().map(|seen| seen.first_used).min()?;
        let is_new = |seen: &&KeyNetwork| {
            seen.first_used.unix_millis() - first.unix_millis() >= SETTLED && self.age(seen.first_used) < NEW
        };
        let newest = networks
            .iter()
            .filter(is_new)
            .max_by_key(|seen| seen.first_used)?;
        let KeyNetwork {
            network, first_used, ..
        } = newest;
        Some(format!(
            "It was used from {network} for the first time, at {first_used}. If that is nobody of yours, revoke it; \
             otherwise let it be used from your networks only."
        ))
    }

    fn predecessor_in_use(&self) -> Option<String> {
        let id = self.row.about.rotated_from?;
        let predecessor = self.authority.known(id)?;
        let used = self.observed.last_use(id)?;
        let is_in_use = predecessor.rotated_to == Some(self.row.id)
            && opens(self.authority, &predecessor)
            && used.at >= self.row.about.created_at;
        let end = predecessor.end().filter(|_| is_in_use)?;
        Some(format!(
            "Its predecessor {id} was still used at {}, and ends at {end}. Change over whoever uses that one.",
            used.at
        ))
    }

    fn refused_often(&self) -> Option<String> {
        let Lately { requests, refused } = *self.observed.lately.get(&self.row.id)?;
        let is_often = refused >= REFUSED && refused * 100 >= requests * REFUSED_PERCENT;
        is_often.then(|| {
            if opens(self.authority, self.row) {
                format!(
                    "{refused} of its {requests} requests of the last 24 hours were refused. Compare what it is used for \
                     with its scopes, its networks and the rate limits."
                )
            } else {
                format!(
                    "It opens nothing, and {refused} requests of the last 24 hours were refused. Its usage tells where they \
                     come from: change over whoever still sends it."
                )
            }
        })
    }

    fn unused(&self) -> Option<String> {
        let made = self.row.about.created_at;
        match self.observed.last_use(self.row.id) {
            Some(used) => (self.age(used.at.max(made)) >= UNUSED).then(|| {
                format!(
                    "Nobody has used it since {}. Disable it, and revoke it when nobody has missed it.",
                    used.at
                )
            }),
            None => (self.age(made) >= UNUSED)
                .then(|| format!("Nobody has used it since it was made, at {made}. Revoke it.")),
        }
    }
}

/// Whether a key opens anything at this moment.
fn opens(authority: &Authority, row: &KeyRow) -> bool {
    let is_in_force = matches!(authority.state(row), KeyState::Active | KeyState::Rotated);
    is_in_force && row.suspended_at.is_none() && !authority.has_passed(row.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_documented() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/server.md");
        let page = std::fs::read_to_string(page).unwrap();
        for (name, when) in RULES {
            let line = format!("| `{name}` | {when} |");
            assert!(page.contains(&line), "docs/server.md does not say: {line}");
        }
    }
}
