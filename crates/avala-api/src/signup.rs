//! Sign-up: an account and its first key, without a key.

use avala_keys::Secret;

use crate::{Access, users::User};

model! {
    /// A new account and its first API key.
    pub struct Account {
        /// The account.
        pub user: User,
        /// The key, in this answer only.
        pub api_key: Secret,
    }
}

operation! {
    /// Creates an account and its first API key.
    Create = "signup.create" {
        route: Post "/signup/",
        access: Access::Anonymous,
        idempotent: false,
        answer: 201 Account,
        body {
            required {
                /// The address to sign in with.
                email: String,
                /// The password to sign in with.
                password: Secret,
            }
            optional {
                /// Given name.
                first_name: String,
                /// Family name.
                last_name: String,
            }
        }
    }
}
