//! Setup: the first administrator of a self-hosted server, by the token that its data directory holds.

use avala_keys::Secret;

use crate::{Access, signup::Account};

operation! {
    /// Makes the first user of a server, their organization and a first key. It can be done once.
    Create = "setup.create" {
        route: Post "/setup/",
        access: Access::Anonymous,
        idempotent: false,
        answer: 201 Account,
        body {
            !unknown;
            required {
                /// The token from the file `setup-token` of the data directory.
                token: Secret,
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
