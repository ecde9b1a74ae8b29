//! The caller, and what the presented key may do.

use crate::{Access, Scope, ScopeName};

id! {
    /// A user's identifier.
    UserUid;
}

model! {
    /// A user.
    pub struct User {
        /// Identifier.
        pub uid: UserUid,
        /// Sign-in name; the e-mail address of an account made by sign-up.
        pub username: String,
        /// E-mail address.
        pub email: Option<String> = None,
        /// Given name.
        pub first_name: Option<String> = None,
        /// Family name.
        pub last_name: Option<String> = None,
        /// Whether the account still waits to be let in. Avala's clients read a missing value as true.
        pub in_waitlist: bool = true,
    }
}

open_enum! {
    /// What kind of caller a key stands for.
    pub enum CallerType {
        /// A customer.
        Customer = "customer",
        /// An annotator.
        Coworker = "coworker",
    }
}

model! {
    /// What the presented key may do.
    pub struct Permissions {
        /// What kind of caller the key stands for.
        #[serde(rename = "type")]
        pub caller_type as "type": CallerType,
        /// Whether the key has staff rights.
        pub is_staff_privileged: bool = false,
        /// The scopes the key holds, by name. A full key holds every one; an empty list is not full access.
        pub scopes: Vec<ScopeName> = Vec::new(),
        /// Features the key unlocks.
        pub capabilities: Vec<String> = Vec::new(),
        /// Groups of tools the key unlocks.
        pub toolsets: Vec<String> = Vec::new(),
    }
}

impl Permissions {
    /// Whether the key holds a scope.
    pub fn holds(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|name| *name == scope)
    }
}

operation! {
    /// Who the presented key belongs to.
    Me = "users.me" {
        route: Get "/users/me/",
        access: Access::AnyKey,
        idempotent: true,
        answer: 200 User,
    }
}

operation! {
    /// What the presented key may do.
    GetPermissions = "users.permissions" {
        route: Get "/users/me/permissions/",
        access: Access::AnyKey,
        idempotent: true,
        answer: 200 Permissions,
    }
}
