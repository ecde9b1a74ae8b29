//! What a role in an organization lets its keys do, at most.

use std::{fmt, str::FromStr};

use avala_api::Scope;

/// A member's role. Names as in the contract's organizations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Works with the organization's data.
    Member,
    /// Looks after the organization, too: its members, its keys, its storage.
    Admin,
    /// Whose organization it is.
    Owner,
}

impl Role {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Whether keys of such an owner may do this, if their access says so.
    pub(crate) fn allows(self, scope: Scope) -> bool {
        match self {
            Self::Owner | Self::Admin => true,
            Self::Member => !matches!(
                scope,
                Scope::AuditRead
                    | Scope::BillingRead
                    | Scope::KeysManage
                    | Scope::KeysRead
                    | Scope::McpStaffAccess
                    | Scope::OrganizationsWrite
                    | Scope::StorageWrite
                    | Scope::WorkforceWrite
            ),
        }
    }

    /// Whether they may do whatever there will be, too.
    pub(crate) fn allows_everything(self) -> bool {
        self > Self::Member
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name is no role of this version.
#[derive(Debug)]
pub(crate) struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        let roles = [Self::Member, Self::Admin, Self::Owner];
        roles
            .into_iter()
            .find(|role| role.as_str() == name)
            .ok_or(UnknownRole)
    }
}
