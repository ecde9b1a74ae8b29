//! API keys: making, watching, rotating and ending them. The secret is in one answer, once.
//!
//! A self-hosted server's operations; Avala's own service has its dashboard for this.

mod bulk;
mod policy;

use std::collections::BTreeMap;

use avala_keys::Secret;

pub use self::{
    bulk::{BulkRevocation, KeyFilter, RevokeMany},
    policy::{GetPolicy, KeyPolicy, UpdatePolicy},
};
use crate::{Access, Scope, ScopeName, Timestamp, users::UserUid};

id! {
    /// A key's public id: the twelve characters in its middle. It opens nothing.
    ApiKeyId;
}

open_enum! {
    /// What kind of server a key is for. One of another class is refused.
    pub enum KeyClass {
        /// For data that matters.
        Live = "live",
        /// For development and tests.
        Test = "test",
    }
}

open_enum! {
    /// What has become of a key.
    pub enum KeyState {
        /// It opens what its access says.
        Active = "active",
        /// Switched off, until it is switched on again.
        Disabled = "disabled",
        /// Ended by hand, for ever.
        Revoked = "revoked",
        /// It has a successor, and opens only until `grace_until`.
        Rotated = "rotated",
        /// Its time is over.
        Expired = "expired",
    }
}

open_enum! {
    /// Since when a revocation is in force, and where.
    pub enum Effective {
        /// With the answer, at every server of the database.
        Everywhere = "everywhere",
        /// With the answer at the server that gave it, at the others as soon as they look, within `effective_within_ms`.
        Lease = "lease",
    }
}

/// What a key may do. There is no default: an empty list of scopes is nothing, never everything.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum KeyAccess {
    /// Every scope, present and future.
    Full,
    /// These scopes and no others.
    Listed {
        /// The scopes, by name.
        scopes: Vec<ScopeName>,
    },
}

impl KeyAccess {
    /// These scopes and no others.
    pub fn listed(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self::Listed {
            scopes: scopes.into_iter().map(ScopeName::from).collect(),
        }
    }
}

model! {
    /// Something about a key that somebody should look at.
    pub struct KeyHint {
        /// Which rule found it.
        pub rule: String,
        /// What it found, for people.
        pub text: String,
    }
}

model! {
    /// A key: everything but its secret.
    pub struct ApiKey {
        /// Its public id.
        pub id: ApiKeyId,
        /// What the key begins with. Empty for one that was taken over from elsewhere: of that nothing is known.
        pub prefix: String,
        /// Its name, for people.
        pub name: String,
        /// What kind of server it is for.
        pub class: KeyClass,
        /// The environment it is used in, in its owner's words.
        pub environment: Option<String> = None,
        /// Whose it is: a user or a service account.
        pub owner: UserUid,
        /// What it may do.
        pub access: KeyAccess,
        /// The networks it may be used from, in CIDR notation. None means any.
        pub allowed_networks: Vec<String> = Vec::new(),
        /// The objects it is restricted to, as `dataset:<uid>` and `project:<uid>`. None means every one its owner reaches.
        pub resources: Vec<String> = Vec::new(),
        /// What has become of it.
        pub state: KeyState,
        /// When it was made.
        pub created_at: Timestamp,
        /// Who made it: `key:…`, `console`, `sign_up`.
        pub created_by: Option<String> = None,
        /// When it ends by itself.
        pub expires_at: Option<Timestamp> = None,
        /// Until when it still opens, although it has a successor.
        pub grace_until: Option<Timestamp> = None,
        /// Its predecessor.
        pub rotated_from: Option<ApiKeyId> = None,
        /// Its successor.
        pub rotated_to: Option<ApiKeyId> = None,
        /// When it was revoked.
        pub revoked_at: Option<Timestamp> = None,
        /// Who revoked it.
        pub revoked_by: Option<String> = None,
        /// Why it was revoked.
        pub revoked_reason: Option<RevokeReason> = None,
        /// When it was last used.
        pub last_used_at: Option<Timestamp> = None,
        /// Whether it is a key of forty hexadecimal digits, taken over from elsewhere.
        pub legacy: bool = false,
        /// What somebody should look at.
        pub hints: Vec<KeyHint> = Vec::new(),
        /// The rules whose hints are not shown.
        pub muted_hints: Vec<String> = Vec::new(),
        /// The key itself: only in the answer that made it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub secret: Option<Secret> = None,
        /// Where a revocation is in force; only in the answer to one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub effective: Option<Effective> = None,
        /// Milliseconds after which a revocation is in force at every server; only in the answer to one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub effective_within_ms: Option<u64> = None,
    }
}

open_enum! {
    /// Why a key was revoked.
    pub enum RevokeReason {
        /// Somebody else may have it.
        Leaked = "leaked",
        /// A successor took its place.
        Rotated = "rotated",
        /// Its owner is gone.
        OwnerLeft = "owner_left",
        /// Nobody used it.
        Unused = "unused",
        /// The organization's rules.
        Policy = "policy",
        /// Something else.
        Another = "other",
    }
}

open_enum! {
    /// How long a bucket of requests is.
    pub enum Period {
        /// An hour.
        Hour = "hour",
        /// A day, in UTC.
        Day = "day",
    }
}

model! {
    /// The requests of one hour or day.
    pub struct UsageBucket {
        /// When it begins.
        pub start: Timestamp,
        /// How many requests there were.
        pub requests: u64 = 0,
        /// How many of them were answered 401, 403 or 429.
        pub refused: u64 = 0,
        /// How many there were for each resource.
        pub by_group: BTreeMap<String, u64> = BTreeMap::new(),
        /// How many were answered with each class of status: `2xx`, `4xx`, `refused`.
        pub by_status: BTreeMap<String, u64> = BTreeMap::new(),
    }
}

model! {
    /// How a key was used.
    pub struct KeyUsage {
        /// When it was last used while it was in force, to the minute.
        pub last_used_at: Option<Timestamp> = None,
        /// The client's address then.
        pub last_used_ip: Option<String> = None,
        /// The client's family then, as in `avala-python/0.10.0`.
        pub last_used_agent: Option<String> = None,
        /// When a request with it was last refused, to the minute: with an ended key, every request is.
        pub last_refused_at: Option<Timestamp> = None,
        /// The client's address then.
        pub last_refused_ip: Option<String> = None,
        /// The client's family then.
        pub last_refused_agent: Option<String> = None,
        /// Its requests, oldest first. Where there were none, there is no bucket.
        pub buckets: Vec<UsageBucket> = Vec::new(),
    }
}

operation! {
    /// Makes a key. Its secret is in this answer and nowhere else.
    ///
    /// A key can only make keys that may do no more than itself, from no more networks, for no longer.
    Create = "api_keys.create" {
        route: Post "/api-keys/",
        access: Access::Scope(Scope::KeysManage),
        idempotent: false,
        answer: 201 ApiKey,
        body {
            !unknown;
            required {
                /// Its name, for people.
                name: String,
                /// What it may do.
                access: KeyAccess,
            }
            optional {
                /// The environment it is used in.
                environment: String,
                /// When it ends by itself.
                expires_at: Timestamp,
                /// The networks it may be used from, in CIDR notation.
                allowed_networks: Vec<String>,
                /// The objects it is restricted to, as `dataset:<uid>` and `project:<uid>`. It reaches those, what belongs to
                /// them, and nothing else.
                resources: Vec<String>,
                /// A service account of the organization, instead of the caller.
                owner: UserUid,
            }
        }
    }
}

operation! {
    /// Takes over a key from elsewhere: forty lower-case hexadecimal digits, which open from now on what is said here.
    ///
    /// Whoever sends them has proven to hold the key. It is taken over once, whoever does it; one that was ended never
    /// comes back. No answer repeats it.
    Import = "api_keys.import" {
        route: Post "/api-keys/import/",
        access: Access::Scope(Scope::KeysManage),
        idempotent: false,
        answer: 201 ApiKey,
        body {
            !unknown;
            required {
                /// Its name, for people.
                name: String,
                /// The key.
                secret: Secret,
                /// What it may do.
                access: KeyAccess,
            }
            optional {
                /// The environment it is used in.
                environment: String,
                /// When it ends by itself.
                expires_at: Timestamp,
                /// The networks it may be used from, in CIDR notation.
                allowed_networks: Vec<String>,
            }
        }
    }
}

impl<C> crate::Request<Create, C> {
    /// A name for this call, of the caller's choice: repeated under the same name, it makes no second key.
    pub fn idempotency_key(self, name: impl Into<String>) -> Self {
        self.with_header("Idempotency-Key", name)
    }
}

operation! {
    /// Lists keys, newest first.
    List = "api_keys.list" {
        route: Get "/api-keys/",
        access: Access::Scope(Scope::KeysRead),
        pages: ApiKey, by Cursor,
        query {
            /// Only those of which this has become.
            state: KeyState,
            /// Only those of this environment.
            environment: String,
            /// Only those of this owner.
            owner: UserUid,
        }
    }
}

operation! {
    /// One key.
    Get = "api_keys.get" {
        route: Get "/api-keys/{id}/",
        access: Access::Scope(Scope::KeysRead),
        idempotent: true,
        answer: 200 ApiKey,
        path {
            /// Which.
            id: ApiKeyId,
        }
    }
}

operation! {
    /// Renames a key, narrows what it may do, or mutes hints about it. Nothing makes a key wider.
    Update = "api_keys.update" {
        route: Patch "/api-keys/{id}/",
        access: Access::Scope(Scope::KeysManage),
        idempotent: true,
        answer: 200 ApiKey,
        path {
            /// Which.
            id: ApiKeyId,
        }
        body {
            !unknown;
            optional {
                /// Another name.
                name: String,
                /// Less than it may do now.
                access: KeyAccess,
                /// An earlier end.
                expires_at: Timestamp,
                /// Fewer networks.
                allowed_networks: Vec<String>,
                /// The rules whose hints are no longer to be shown, in place of those that were named before.
                muted_hints: Vec<String>,
            }
        }
    }
}

operation! {
    /// Gives a key a successor that may do the same, and lets it end itself after a while.
    ///
    /// When the answer is lost, call it again: a successor that was never used is revoked, and another one made.
    Rotate = "api_keys.rotate" {
        route: Post "/api-keys/{id}/rotate/",
        access: Access::Either(Scope::KeysManage, Scope::KeysSelfRotate),
        idempotent: false,
        answer: 201 ApiKey,
        path {
            /// Which. A key may rotate itself with the scope `keys.self_rotate` alone.
            id: ApiKeyId,
        }
        body {
            !unknown;
            optional {
                /// How long the old key still opens, in seconds: a day unless told, 0 for not at all.
                grace_seconds: u32 as u32,
            }
        }
    }
}

impl<C> crate::Request<Rotate, C> {
    /// A name for this call, of the caller's choice: repeated under the same name, it makes no second successor.
    pub fn idempotency_key(self, name: impl Into<String>) -> Self {
        self.with_header("Idempotency-Key", name)
    }
}

operation! {
    /// Ends the time in which a rotated key still opens.
    EndGrace = "api_keys.end_grace" {
        route: Post "/api-keys/{id}/end-grace/",
        access: Access::Scope(Scope::KeysManage),
        idempotent: true,
        answer: 200 ApiKey,
        path {
            /// Which.
            id: ApiKeyId,
        }
    }
}

operation! {
    /// Ends a key, for ever.
    Revoke = "api_keys.revoke" {
        route: Post "/api-keys/{id}/revoke/",
        access: Access::Scope(Scope::KeysManage),
        idempotent: true,
        answer: 200 ApiKey,
        path {
            /// Which.
            id: ApiKeyId,
        }
        body {
            !unknown;
            optional {
                /// Why.
                reason: RevokeReason,
            }
        }
    }
}

operation! {
    /// Switches a key off.
    Disable = "api_keys.disable" {
        route: Post "/api-keys/{id}/disable/",
        access: Access::Scope(Scope::KeysManage),
        idempotent: true,
        answer: 200 ApiKey,
        path {
            /// Which.
            id: ApiKeyId,
        }
    }
}

operation! {
    /// Switches a key on again.
    Enable = "api_keys.enable" {
        route: Post "/api-keys/{id}/enable/",
        access: Access::Scope(Scope::KeysManage),
        idempotent: true,
        answer: 200 ApiKey,
        path {
            /// Which.
            id: ApiKeyId,
        }
    }
}

operation! {
    /// How a key was used: the last seven days by the hour, unless told otherwise.
    GetUsage = "api_keys.usage" {
        route: Get "/api-keys/{id}/usage/",
        access: Access::Scope(Scope::KeysRead),
        idempotent: true,
        answer: 200 KeyUsage,
        path {
            /// Which.
            id: ApiKeyId,
        }
        query {
            /// From the hour or day of this instant on.
            from: Timestamp,
            /// Until this instant.
            to: Timestamp,
            /// How long a bucket is.
            by: Period,
        }
    }
}
