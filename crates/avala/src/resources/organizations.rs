//! Organizations.

use avala_api::organizations::{self, OrganizationSlug};

super::handle! {
    /// Organizations.
    pub struct Organizations for "organizations" {
        /// Lists the organizations the caller belongs to.
        list() -> organizations::List;
        /// Gets one organization.
        get(slug: OrganizationSlug) -> organizations::Get;
    }
}
