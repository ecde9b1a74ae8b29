//! Setup: the first administrator of a self-hosted server.

use avala_api::{Secret, setup};

super::handle! {
    /// Setup of a self-hosted server.
    pub struct Setup for "setup" {
        /// Makes the first user of a server, their organization and a first key.
        create(token: Secret, email: String, password: Secret) -> setup::Create;
    }
}
