//! The caller, and what the key may do.

use avala_api::users;

super::handle! {
    /// The caller.
    pub struct Users for "users" {
        /// Who the key belongs to.
        me() -> users::Me;
        /// What the key may do.
        permissions() -> users::GetPermissions;
    }
}
