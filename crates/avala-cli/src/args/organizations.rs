//! `avala organizations …`

use avala_api::{
    organizations::{OrganizationSlug, Role},
    users::UserUid,
};
use clap::{Args, Subcommand};

use super::Listing;

/// Organizations.
#[derive(Debug, Subcommand)]
pub enum Organizations {
    /// List the organizations you belong to
    List(ListOrganizations),
    /// Show one organization
    Get {
        /// Its name in paths [default: the profile's organization]
        slug: Option<OrganizationSlug>,
    },
    /// List who belongs to an organization
    Members(ListMembers),
    /// Change a member's role; the member's keys may do what it lets them at once
    SetRole(SetRole),
    /// Remove a member; the member's keys there open nothing any more
    RemoveMember(RemoveMember),
    /// Leave an organization; your keys there open nothing any more
    Leave(LeaveOrganization),
}

/// `avala organizations list`
#[derive(Debug, Args)]
pub struct ListOrganizations {
    /// How much of the list.
    #[command(flatten)]
    pub listing: Listing,

    /// The field to sort by; a leading `-` reverses
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    pub ordering: Option<String>,
}

/// `avala organizations members`
#[derive(Debug, Args)]
pub struct ListMembers {
    /// Its name in paths [default: the profile's organization]
    pub slug: Option<OrganizationSlug>,

    /// How much of the list.
    #[command(flatten)]
    pub listing: Listing,

    /// Only those with this text in their address or name
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,

    /// Only those of this role: owner, admin or member
    #[arg(long)]
    pub role: Option<Role>,
}

/// A member of an organization.
#[derive(Debug, Args)]
pub struct OneMember {
    /// The organization's name in paths
    pub slug: OrganizationSlug,

    /// The member's uid, as `members` shows it
    pub user: UserUid,
}

/// `avala organizations set-role`
#[derive(Debug, Args)]
pub struct SetRole {
    /// Whose.
    #[command(flatten)]
    pub member: OneMember,

    /// owner, admin or member
    pub role: Role,
}

/// `avala organizations remove-member`
#[derive(Debug, Args)]
pub struct RemoveMember {
    /// Whom.
    #[command(flatten)]
    pub member: OneMember,

    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// `avala organizations leave`
#[derive(Debug, Args)]
pub struct LeaveOrganization {
    /// Its name in paths
    pub slug: OrganizationSlug,

    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}
