//! Service accounts: owners of keys without a person.
//!
//! A self-hosted server's operations.

use crate::{Access, Scope, Timestamp, organizations::Role, users::UserUid};

model! {
    /// An owner of keys that is no person: a program, a pipeline, a robot.
    pub struct ServiceAccount {
        /// Identifier: what its keys call their owner.
        pub uid: UserUid,
        /// Its name, for people. No two of an organization have the same.
        pub name: String,
        /// What its keys may do at most: `admin` or `member`.
        pub role: Role,
        /// When it was made.
        pub created_at: Timestamp,
        /// Who made it: `key:…`, `provision`.
        pub created_by: Option<String> = None,
        /// Since when it is switched off, and its keys with it.
        pub disabled_at: Option<Timestamp> = None,
    }
}

operation! {
    /// Makes a service account. It has no key yet: make one with it as the owner.
    Create = "service_accounts.create" {
        route: Post "/service-accounts/",
        access: Access::Scope(Scope::KeysManage),
        idempotent: false,
        answer: 201 ServiceAccount,
        body {
            !unknown;
            required {
                /// Its name, for people.
                name: String,
            }
            optional {
                /// What its keys may do at most: `admin` or `member`, which is what it is unless told.
                role: Role,
            }
        }
    }
}

operation! {
    /// Lists service accounts, newest first.
    List = "service_accounts.list" {
        route: Get "/service-accounts/",
        access: Access::Scope(Scope::KeysRead),
        pages: ServiceAccount, by Cursor,
    }
}

operation! {
    /// One service account.
    Get = "service_accounts.get" {
        route: Get "/service-accounts/{uid}/",
        access: Access::Scope(Scope::KeysRead),
        idempotent: true,
        answer: 200 ServiceAccount,
        path {
            /// Which.
            uid: UserUid,
        }
    }
}

operation! {
    /// Switches a service account off, and all its keys with it.
    Disable = "service_accounts.disable" {
        route: Post "/service-accounts/{uid}/disable/",
        access: Access::Scope(Scope::KeysManage),
        idempotent: true,
        answer: 200 ServiceAccount,
        path {
            /// Which.
            uid: UserUid,
        }
    }
}

operation! {
    /// Switches a service account on again. Its keys are what they were.
    Enable = "service_accounts.enable" {
        route: Post "/service-accounts/{uid}/enable/",
        access: Access::Scope(Scope::KeysManage),
        idempotent: true,
        answer: 200 ServiceAccount,
        path {
            /// Which.
            uid: UserUid,
        }
    }
}
