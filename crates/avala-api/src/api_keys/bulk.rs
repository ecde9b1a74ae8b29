//! Ending many keys at once.

use super::{ApiKey, Effective, KeyState, RevokeReason};
use crate::{Access, Scope, Timestamp, users::UserUid};

/// Which keys: those that are everything that is said here. Without a state, those that are neither revoked nor expired.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct KeyFilter {
    /// Those of this environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Those of this owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserUid>,
    /// Those of which this has become; revoked ones are never chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<KeyState>,
    /// Those that are older.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_before: Option<Timestamp>,
    /// Those that were there then, and have not been used since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused_since: Option<Timestamp>,
    /// Those that were taken over from elsewhere; or those that were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legacy: Option<bool>,
}

model! {
    /// The keys that were ended, or would be.
    pub struct BulkRevocation {
        /// How many.
        pub count: u64,
        /// Whether they were only counted.
        pub dry_run: bool,
        /// The first hundred of them, newest first.
        pub keys: Vec<ApiKey> = Vec::new(),
        /// Where the revocation is in force; absent if they were only counted.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub effective: Option<Effective> = None,
        /// Milliseconds after which it is in force at every server; absent if they were only counted.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub effective_within_ms: Option<u64> = None,
    }
}

operation! {
    /// Ends many keys, for ever, in one change: a thousand at most. Without `dry_run: false`, it only counts them.
    RevokeMany = "api_keys.revoke_many" {
        route: Post "/api-keys/bulk-revoke/",
        access: Access::Scope(Scope::KeysManage),
        idempotent: false,
        answer: 200 BulkRevocation,
        body {
            !unknown;
            required {
                /// Which; at least one thing must be said of them.
                filter: KeyFilter,
            }
            optional {
                /// Whether they are only counted: yes, unless told otherwise.
                dry_run: bool,
                /// How many there must be, as counted before; otherwise none is ended.
                expected_count: u64 as u64,
                /// Whether the key that asks may be one of them: no, unless told otherwise.
                include_caller: bool,
                /// Why.
                reason: RevokeReason,
            }
        }
    }
}
