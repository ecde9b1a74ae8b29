//! What an organization lets its keys be.

use crate::{Access, Scope, ScopeName};

model! {
    /// What an organization lets new keys be: those that are made, taken over, or made by rotating another.
    pub struct KeyPolicy {
        /// The longest life, in seconds. None means any.
        pub longest_life_seconds: Option<u64> = None,
        /// Whether a key must have an end.
        pub requires_expiry: bool = false,
        /// The scopes that a key may have, so that none is full. None means any.
        pub allowed_scopes: Option<Vec<ScopeName>> = None,
        /// The most keys that are neither revoked nor expired.
        pub most_keys: u64,
    }
}

operation! {
    /// What the organization lets new keys be.
    GetPolicy = "api_keys.get_policy" {
        route: Get "/api-keys/policy/",
        access: Access::Scope(Scope::KeysRead),
        idempotent: true,
        answer: 200 KeyPolicy,
    }
}

operation! {
    /// Makes the policy tighter. Only the server's console makes it looser. Keys that are there stay as they are.
    UpdatePolicy = "api_keys.update_policy" {
        route: Patch "/api-keys/policy/",
        access: Access::Scope(Scope::KeysManage),
        idempotent: true,
        answer: 200 KeyPolicy,
        body {
            !unknown;
            optional {
                /// A shorter life, in seconds.
                longest_life_seconds: u64 as u64,
                /// That a key must have an end.
                requires_expiry: bool,
                /// Fewer scopes.
                allowed_scopes: Vec<ScopeName>,
                /// Fewer keys.
                most_keys: u64 as u64,
            }
        }
    }
}
