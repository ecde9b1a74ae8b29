//! Organizations.

use avala_api::{
    organizations::{self, OrganizationSlug, Role},
    users::UserUid,
};

super::handle! {
    /// Organizations.
    pub struct Organizations for "organizations" {
        /// Lists the organizations the caller belongs to.
        list() -> organizations::List;
        /// Gets one organization.
        get(slug: OrganizationSlug) -> organizations::Get;
        /// Lists who belongs to an organization.
        list_members(slug: OrganizationSlug) -> organizations::ListMembers;
        /// Changes a member's role.
        update_member_role(slug: OrganizationSlug, user_uid: UserUid, role: Role) -> organizations::UpdateMemberRole;
        /// Removes a member.
        remove_member(slug: OrganizationSlug, user_uid: UserUid) -> organizations::RemoveMember;
        /// Leaves an organization.
        leave(slug: OrganizationSlug) -> organizations::Leave;
    }
}
