//! Organizations: who owns what.

use crate::{Access, Scope, Timestamp};

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

open_enum! {
    /// Who can see an organization.
    pub enum Visibility {
        /// Everybody.
        Public = "public",
        /// Its members.
        Private = "private",
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
        #[serde(default)]
        pub handle: Option<String>,
        /// What it does.
        #[serde(default)]
        pub description: Option<String>,
        /// Longer text of its public page.
        #[serde(default)]
        pub readme: Option<String>,
        /// URL of its logo.
        #[serde(default)]
        pub logo: Option<String>,
        /// Web site.
        #[serde(default)]
        pub website: Option<String>,
        /// Industry.
        #[serde(default)]
        pub industry: Option<String>,
        /// Kind of organization.
        #[serde(default)]
        pub organization_type: Option<String>,
        /// Address on X.
        #[serde(default)]
        pub x_url: Option<String>,
        /// Address on Hugging Face.
        #[serde(default)]
        pub hugging_face_url: Option<String>,
        /// Address on GitHub.
        #[serde(default)]
        pub github_url: Option<String>,
        /// Address on `LinkedIn`.
        #[serde(default)]
        pub linkedin_url: Option<String>,
        /// E-mail address.
        #[serde(default)]
        pub email: Option<String>,
        /// Telephone number.
        #[serde(default)]
        pub phone: Option<String>,
        /// Who can see it.
        #[serde(default)]
        pub visibility: Option<Visibility>,
        /// Plan, such as `basic`, `pro` or `enterprise`.
        #[serde(default)]
        pub plan: Option<String>,
        /// State of its billing.
        #[serde(default)]
        pub billing_status: Option<String>,
        /// Whether Avala has verified it.
        #[serde(default)]
        pub is_verified: bool,
        /// Whether it is in use.
        #[serde(default = "yes")]
        pub is_active: bool,
        /// Number of members.
        #[serde(default)]
        pub member_count: Option<i64>,
        /// Number of teams.
        #[serde(default)]
        pub team_count: Option<i64>,
        /// Number of datasets.
        #[serde(default)]
        pub dataset_count: Option<i64>,
        /// Number of projects.
        #[serde(default)]
        pub project_count: Option<i64>,
        /// Number of slices.
        #[serde(default)]
        pub slice_count: Option<i64>,
        /// The caller's role.
        #[serde(default)]
        pub role: Option<Role>,
        /// When the caller joined.
        #[serde(default)]
        pub joined_at: Option<Timestamp>,
        /// How often the slug may still be changed.
        #[serde(default)]
        pub slug_edits_remaining: Option<i64>,
        /// E-mail domains whose users may join.
        #[serde(default)]
        pub allowed_domains: Option<Vec<String>>,
        /// Name of its public page.
        #[serde(default)]
        pub public_slug: Option<String>,
        /// When it was made.
        #[serde(default)]
        pub created_at: Option<Timestamp>,
        /// When it was last changed.
        #[serde(default)]
        pub updated_at: Option<Timestamp>,
    }
}

fn yes() -> bool {
    true
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
