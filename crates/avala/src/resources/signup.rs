//! Sign-up: an account and its first key, without a key.

use avala_api::{Secret, signup};

super::handle! {
    /// Sign-up. It needs no key, and sends none.
    pub struct Signup for "signup" {
        /// Creates an account and its first API key.
        create(email: String, password: Secret) -> signup::Create;
    }
}
