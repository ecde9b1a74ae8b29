//! Organizations: who owns what.

use crate::{Access, Scope, Timestamp, Visibility, users::UserUid};

id! {
    /// An organization's identifier.
    OrganizationUid;
    /// An organization's name in paths.
    OrganizationSlug;
}

open_enum! {
    /// A member's role in an organization.
    pub enum Role {
        /// Owns it.
        Owner = "owner",
        /// Manages it.
        Admin = "admin",
        /// Works in it.
        Member = "member",
    }
}

model! {
    /// An organization. A list answers fewer members than `get`; those it leaves out are `None`.
    pub struct Organization {
        /// Identifier.
        pub uid: OrganizationUid,
        /// Name, for people.
        pub name: String,
        /// Name in paths.
        pub slug: OrganizationSlug,
        /// Short public name.
        pub handle: Option<String> = None,
        /// What it does.
        pub description: Option<String> = None,
        /// Longer text of its public page.
        pub readme: Option<String> = None,
        /// URL of its logo.
        pub logo: Option<String> = None,
        /// Web site.
        pub website: Option<String> = None,
        /// Industry.
        pub industry: Option<String> = None,
        /// Kind of organization.
        pub organization_type: Option<String> = None,
        /// Address on X.
        pub x_url: Option<String> = None,
        /// Address on Hugging Face.
        pub hugging_face_url: Option<String> = None,
        /// Address on GitHub.
        pub github_url: Option<String> = None,
        /// Address on `LinkedIn`.
        pub linkedin_url: Option<String> = None,
        /// E-mail address.
        pub email: Option<String> = None,
        /// Telephone number.
        pub phone: Option<String> = None,
        /// Who can see it.
        pub visibility: Option<Visibility> = None,
        /// Plan, such as `basic`, `pro` or `enterprise`.
        pub plan: Option<String> = None,
        /// State of its billing.
        pub billing_status: Option<String> = None,
        /// Whether Avala has verified it.
        pub is_verified: bool = false,
        /// Whether it is in use.
        pub is_active: bool = true,
        /// Number of members.
        pub member_count: Option<i64> = None,
        /// Number of teams.
        pub team_count: Option<i64> = None,
        /// Number of datasets.
        pub dataset_count: Option<i64> = None,
        /// Number of projects.
        pub project_count: Option<i64> = None,
        /// Number of slices.
        pub slice_count: Option<i64> = None,
        /// The caller's role.
        pub role: Option<Role> = None,
        /// When the caller joined.
        pub joined_at: Option<Timestamp> = None,
        /// How often the slug may still be changed.
        pub slug_edits_remaining: Option<i64> = None,
        /// E-mail domains whose users may join.
        pub allowed_domains: Option<Vec<String>> = None,
        /// Name of its public page.
        pub public_slug: Option<String> = None,
        /// When it was made.
        pub created_at: Option<Timestamp> = None,
        /// When it was last changed.
        pub updated_at: Option<Timestamp> = None,
    }
}

model! {
    /// Somebody who belongs to an organization.
    pub struct Member {
        /// Who.
        pub user_uid: UserUid,
        /// Sign-in name.
        pub username: Option<String> = None,
        /// E-mail address.
        pub email: Option<String> = None,
        /// Given and family name.
        pub full_name: Option<String> = None,
        /// URL of a picture.
        pub picture: Option<String> = None,
        /// What they are there.
        pub role: Option<Role> = None,
        /// When they joined.
        pub created_at: Option<Timestamp> = None,
        /// When they were last seen; for those who manage the organization.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub last_active_at: Option<Timestamp> = None,
    }
}

operation! {
    /// Lists the organizations the caller belongs to.
    List = "organizations.list" {
        route: Get "/organizations/",
        access: Access::Scope(Scope::OrganizationsRead),
        pages: Organization, by PageNumber,
        query {
            /// The field to sort by; a leading `-` reverses.
            ordering: String,
        }
    }
}

operation! {
    /// Gets one organization.
    Get = "organizations.get" {
        route: Get "/organizations/{slug}/",
        access: Access::Scope(Scope::OrganizationsRead),
        idempotent: true,
        answer: 200 Organization,
        path {
            /// Which organization.
            slug: OrganizationSlug,
        }
    }
}

operation! {
    /// Lists who belongs to an organization.
    ListMembers = "organizations.list_members" {
        route: Get "/organizations/{slug}/members/",
        access: Access::Scope(Scope::OrganizationsRead),
        pages: Member, by PageNumber,
        path {
            /// Which organization.
            slug: OrganizationSlug,
        }
        query {
            /// A part of the address or of a name.
            search: String,
            /// Only those of this role.
            role: Role,
            /// The field to sort by; a leading `-` reverses.
            ordering: String,
        }
    }
}

operation! {
    /// Changes a member's role. The member's keys may do what the new role lets them, with the next request.
    UpdateMemberRole = "organizations.update_member_role" {
        route: Patch "/organizations/{slug}/members/{user_uid}/role/",
        access: Access::Scope(Scope::OrganizationsWrite),
        idempotent: true,
        answer: 204,
        path {
            /// Which organization.
            slug: OrganizationSlug,
            /// Whose role.
            user_uid: UserUid,
        }
        body {
            required {
                /// The new role.
                role: Role,
            }
        }
    }
}

operation! {
    /// Removes a member.
    RemoveMember = "organizations.remove_member" {
        route: Delete "/organizations/{slug}/members/{user_uid}/",
        access: Access::Scope(Scope::OrganizationsWrite),
        idempotent: true,
        answer: 204,
        path {
            /// Which organization.
            slug: OrganizationSlug,
            /// Whom.
            user_uid: UserUid,
        }
    }
}

operation! {
    /// Leaves an organization.
    Leave = "organizations.leave" {
        route: Post "/organizations/{slug}/leave/",
        access: Access::Scope(Scope::OrganizationsWrite),
        idempotent: false,
        answer: 204,
        path {
            /// Which organization.
            slug: OrganizationSlug,
        }
    }
}
