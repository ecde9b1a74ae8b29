//! Service accounts: owners of keys without a person.

use avala_api::{service_accounts, users::UserUid};

super::handle! {
    /// Service accounts of a self-hosted server.
    pub struct ServiceAccounts for "service_accounts" {
        /// Makes a service account. It has no key yet.
        create(name: String) -> service_accounts::Create;
        /// Lists service accounts, newest first.
        list() -> service_accounts::List;
        /// Gets one service account.
        get(uid: UserUid) -> service_accounts::Get;
        /// Switches a service account off, and all its keys with it.
        disable(uid: UserUid) -> service_accounts::Disable;
        /// Switches a service account on again.
        enable(uid: UserUid) -> service_accounts::Enable;
    }
}
