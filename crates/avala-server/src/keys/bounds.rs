//! How far a key may go that another key makes or changes: never further than that one.

use avala_api::Timestamp;
use ipnet::IpNet;

use super::{Access, KeyRow, Resources};

/// What a key may do, from where, and until when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) access: Access,
    /// Anywhere, if there are none.
    pub(crate) networks: Vec<IpNet>,
    /// Everything that the organization has, if there are none.
    pub(crate) resources: Option<Box<Resources>>,
    /// For ever, if there is none.
    pub(crate) end: Option<Timestamp>,
}

impl Bounds {
    /// Those within which a key acts at this moment.
    pub(crate) fn of(row: &KeyRow) -> Self {
        Self {
            access: row.effective_access(),
            networks: row.networks.clone(),
            resources: row.resources.clone(),
            end: row.end(),
        }
    }

    /// Those that a successor of the key has, too: its grace is the key's own, and its owner's role may change.
    pub(crate) fn of_successors(row: &KeyRow) -> Self {
        Self {
            access: row.access.clone(),
            networks: row.networks.clone(),
            resources: row.resources.clone(),
            end: row.expires_at,
        }
    }

    /// Whether nothing lies within the others and outside of these.
    pub(crate) fn cover(&self, others: &Self) -> bool {
        let access = match (&self.access, &others.access) {
            (Access::Full, _) => true,
            (Access::Listed(_), Access::Full) => false,
            (Access::Listed(ours), Access::Listed(theirs)) => theirs.iter().all(|scope| ours.contains(scope)),
        };
        access
            && self.cover_networks(&others.networks)
            && Resources::cover(self.resources.as_deref(), others.resources.as_deref())
            && self.cover_end(others.end)
    }

    pub(crate) fn cover_networks(&self, others: &[IpNet]) -> bool {
        self.networks.is_empty()
            || (!others.is_empty()
                && others
                    .iter()
                    .all(|other| self.networks.iter().any(|network| network.contains(other))))
    }

    pub(crate) fn cover_end(&self, other: Option<Timestamp>) -> bool {
        self.end.is_none_or(|end| other.is_some_and(|other| other <= end))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use avala_api::Scope;
    use proptest::{collection::vec, option, prelude::*, sample::select};

    use super::*;
    use crate::keys::Resource;

    fn bounds() -> impl Strategy<Value = Bounds> {
        let access = prop_oneof![
            Just(Access::Full),
            vec(select(&Scope::ALL[..4]), 0..4).prop_map(Access::Listed),
        ];
        let network = (any::<[u8; 4]>(), 0..=32_u8).prop_map(|([a, b, c, d], length)| {
            // Few addresses, so that networks meet.
            let address = IpAddr::from([a & 1, b & 1, c & 1, d & 3]);
            IpNet::new(address, length).unwrap().trunc()
        });
        let end = option::of((0..4_i64).prop_map(Timestamp::from_unix_millis));
        let resources = vec(resource(), 0..3).prop_map(|resources| Resources::new(resources).map(Box::new));
        (access, vec(network, 0..3), resources, end).prop_map(|(access, networks, resources, end)| Bounds {
            access,
            networks,
            resources,
            end,
        })
    }

    fn resource() -> impl Strategy<Value = Resource> {
        let uid = || "[ab]".prop_map(String::from);
        prop_oneof![
            uid().prop_map(Resource::Dataset),
            uid().prop_map(Resource::Project)
        ]
    }

    impl Bounds {
        /// Whether they let this happen.
        fn allow(&self, scope: Scope, resource: &Resource, address: IpAddr, at: Timestamp) -> bool {
            let one = Resources::new(vec![resource.clone()]);
            self.access.holds(scope)
                && (self.networks.is_empty()
                    || self.networks.iter().any(|network| network.contains(&address)))
                && self.end.is_none_or(|end| at < end)
                && Resources::cover(self.resources.as_deref(), one.as_ref())
        }
    }

    proptest! {
        #[test]
        fn what_is_covered_allows_nothing_that_is_not_allowed(
            ours in bounds(),
            theirs in bounds(),
            scope in select(&Scope::ALL[..5]),
            resource in resource(),
            address in any::<[u8; 4]>(),
            at in 0..5_i64,
        ) {
            let [a, b, c, d] = address;
            for address in [[a, b, c, d], [a & 1, b & 1, c & 1, d & 3]] {
                let (address, at) = (IpAddr::from(address), Timestamp::from_unix_millis(at));
                if ours.cover(&theirs) && theirs.allow(scope, &resource, address, at) {
                    prop_assert!(ours.allow(scope, &resource, address, at));
                }
            }
        }

        #[test]
        fn everything_covers_itself_and_less(ours in bounds()) {
            prop_assert!(ours.cover(&ours));
            let nothing = Bounds { access: Access::Listed(vec![]), ..ours.clone() };
            prop_assert!(ours.cover(&nothing));
        }
    }
}
