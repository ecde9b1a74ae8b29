//! What a key is made from, checked: names, scopes, networks, an end, hints nobody wants.

use std::net::IpAddr;

use avala_api::{FieldErrors, Scope, ScopeName, Timestamp, api_keys::KeyAccess};
use ipnet::IpNet;

use crate::{
    keys::{Access, Resource},
    usage::RULES,
};

/// The longest name of a key or an environment, in characters.
const LONGEST_NAME: usize = 100;

/// The most networks of a key: each is compared with each request.
const MOST_NETWORKS: usize = 64;

/// The most objects of a key: each is in each statement that the key has carried out.
const MOST_RESOURCES: usize = 64;

pub(crate) fn check_name(field: &str, name: &str, errors: &mut FieldErrors) {
    if name.trim().is_empty() {
        errors.add(field, "This field may not be blank.");
    } else if name.chars().count() > LONGEST_NAME {
        errors.add(field, "Ensure this field has no more than 100 characters.");
    } else if name.chars().any(char::is_control) {
        errors.add(field, "Control characters are not allowed.");
    }
}

pub(crate) fn access(given: KeyAccess, errors: &mut FieldErrors) -> Access {
    match given {
        KeyAccess::Full => Access::Full,
        KeyAccess::Listed { scopes } => {
            let mut known: Vec<Scope> = scopes.iter().filter_map(ScopeName::known).collect();
            if known.len() < scopes.len() {
                errors.add("access", "A scope is not known here.");
            }
            known.sort_unstable();
            known.dedup();
            Access::Listed(known)
        }
    }
}

/// A network, or an address alone.
pub(crate) fn networks(given: &[String], errors: &mut FieldErrors) -> Vec<IpNet> {
    let parse = |text: &String| {
        let network: Option<IpNet> = text
            .parse()
            .ok()
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        // Of an address that is written as if it were of the other family, no request ever comes.
        network
            .map(|network| network.trunc())
            .filter(|network| match network {
                IpNet::V4(_) => true,
                IpNet::V6(network) => network.addr().to_ipv4_mapped().is_none(),
            })
    };
    if given.len() > MOST_NETWORKS {
        errors.add("allowed_networks", "Ensure there are no more than 64 networks.");
        return Vec::new();
    }
    let mut networks: Vec<IpNet> = given.iter().filter_map(parse).collect();
    if networks.len() < given.len() {
        errors.add(
            "allowed_networks",
            "Not a network in CIDR notation, such as 192.0.2.0/24.",
        );
    }
    networks.sort_unstable();
    networks.dedup();
    networks
}

/// Datasets and projects, as in `dataset:3f1c…`. Whether they are there, the store knows.
pub(super) fn resources(given: &[String], errors: &mut FieldErrors) -> Vec<Resource> {
    if given.len() > MOST_RESOURCES {
        errors.add("resources", "Ensure there are no more than 64 objects.");
        return Vec::new();
    }
    let resources: Vec<Resource> = given.iter().filter_map(|name| name.parse().ok()).collect();
    if resources.len() < given.len() {
        errors.add("resources", "Not of the form dataset:<uid> or project:<uid>.");
    }
    resources
}

/// Rules by name, each once.
pub(super) fn muted_hints(mut given: Vec<String>, errors: &mut FieldErrors) -> Vec<String> {
    let is_rule = |name: &String| RULES.iter().any(|(rule, _)| rule == name);
    if !given.iter().all(is_rule) {
        errors.add("muted_hints", "Not the name of a rule, such as unused.");
    }
    given.sort_unstable();
    given.dedup();
    given
}

pub(crate) fn check_end(now: Timestamp, end: Option<Timestamp>, errors: &mut FieldErrors) {
    if end.is_some_and(|end| end <= now) {
        errors.add("expires_at", "Must be in the future.");
    }
}
