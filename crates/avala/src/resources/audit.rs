//! The audit.

use avala_api::audit;

super::handle! {
    /// The audit.
    pub struct Audit for "audit" {
        /// Lists what was done, newest first.
        list() -> audit::List;
    }
}
