//! The caller, and what the presented key may do.

use crate::{Access, Scope};

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
        #[serde(default)]
        pub email: Option<String>,
        /// Given name.
        #[serde(default)]
        pub first_name: Option<String>,
        /// Family name.
        #[serde(default)]
        pub last_name: Option<String>,
        /// Whether the account still waits to be let in. Avala's clients read a missing value as true.
        #[serde(default = "yes")]
        pub in_waitlist: bool,
    }
}

fn yes() -> bool {
    true
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
        pub caller_type: CallerType,
        /// Whether the key has staff rights.
        #[serde(default)]
        pub is_staff_privileged: bool,
        /// The scopes the key holds, by name. A full key holds every one; an empty list is not full access.
        #[serde(default)]
        pub scopes: Vec<String>,
        /// Features the key unlocks.
        #[serde(default)]
        pub capabilities: Vec<String>,
        /// Groups of tools the key unlocks.
        #[serde(default)]
        pub toolsets: Vec<String>,
    }
}

impl Permissions {
    /// Whether the key holds a scope.
    pub fn holds(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|name| name == scope.as_str())
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
