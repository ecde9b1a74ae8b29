//! The rights a key may hold, by their published names.

use std::{borrow::Cow, fmt, str::FromStr};

macro_rules! scopes {
    ($($(#[$doc:meta])* $Scope:ident = $name:literal,)*) => {
        /// A right that a key may hold: `resource.action`. `write` does not include `read`.
        ///
        /// Names come from <https://avala.ai/docs> where Avala publishes one; the others follow the same pattern.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Scope {
            $($(#[$doc])* $Scope,)*
        }

        impl Scope {
            /// Every scope, by name.
            pub const ALL: &'static [Self] = &[$(Self::$Scope),*];

            /// The scope's name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Scope => $name,)*
                }
            }
        }
    };
}

scopes! {
    /// `agents.read`
    AgentsRead = "agents.read",
    /// `agents.write`
    AgentsWrite = "agents.write",
    /// `annotations.write`
    AnnotationsWrite = "annotations.write",
    /// `audit.read`
    AuditRead = "audit.read",
    /// `autolabel.read`
    AutolabelRead = "autolabel.read",
    /// `autolabel.write`
    AutolabelWrite = "autolabel.write",
    /// `billing.read`
    BillingRead = "billing.read",
    /// `datasets.read`
    DatasetsRead = "datasets.read",
    /// `datasets.write`
    DatasetsWrite = "datasets.write",
    /// `exports.create`
    ExportsCreate = "exports.create",
    /// `exports.read`
    ExportsRead = "exports.read",
    /// `fleet.read`
    FleetRead = "fleet.read",
    /// `fleet.write`
    FleetWrite = "fleet.write",
    /// `inference.read`
    InferenceRead = "inference.read",
    /// `inference.write`
    InferenceWrite = "inference.write",
    /// `keys.manage`
    KeysManage = "keys.manage",
    /// `keys.read`
    KeysRead = "keys.read",
    /// `keys.report`
    KeysReport = "keys.report",
    /// `keys.self_rotate`
    KeysSelfRotate = "keys.self_rotate",
    /// `mcp.query`
    McpQuery = "mcp.query",
    /// `mcp.staff_access`
    McpStaffAccess = "mcp.staff_access",
    /// `operations.approval.request`
    OperationsApprovalRequest = "operations.approval.request",
    /// `operations.execution.request`
    OperationsExecutionRequest = "operations.execution.request",
    /// `operations.proposal.create`
    OperationsProposalCreate = "operations.proposal.create",
    /// `operations.proposal.read`
    OperationsProposalRead = "operations.proposal.read",
    /// `operations.verification.read`
    OperationsVerificationRead = "operations.verification.read",
    /// `organizations.read`
    OrganizationsRead = "organizations.read",
    /// `organizations.write`
    OrganizationsWrite = "organizations.write",
    /// `projects.read`
    ProjectsRead = "projects.read",
    /// `projects.write`
    ProjectsWrite = "projects.write",
    /// `qc.read`
    QcRead = "qc.read",
    /// `qc.write`
    QcWrite = "qc.write",
    /// `slices.read`
    SlicesRead = "slices.read",
    /// `slices.write`
    SlicesWrite = "slices.write",
    /// `storage.read`
    StorageRead = "storage.read",
    /// `storage.write`
    StorageWrite = "storage.write",
    /// `tasks.read`
    TasksRead = "tasks.read",
    /// `webhooks.read`
    WebhooksRead = "webhooks.read",
    /// `webhooks.write`
    WebhooksWrite = "webhooks.write",
    /// `workforce.read`
    WorkforceRead = "workforce.read",
    /// `workforce.write`
    WorkforceWrite = "workforce.write",
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name is no scope of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownScope;

impl fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a known scope")
    }
}

impl std::error::Error for UnknownScope {}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(name: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .iter()
            .copied()
            .find(|scope| scope.as_str() == name)
            .ok_or(UnknownScope)
    }
}

/// A scope by its name, as it stands in answers: a newer server may name one that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeName(Cow<'static, str>);

impl ScopeName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scope, if this version knows it.
    pub fn known(&self) -> Option<Scope> {
        self.0.parse().ok()
    }
}

impl From<Scope> for ScopeName {
    fn from(scope: Scope) -> Self {
        Self(Cow::Borrowed(scope.as_str()))
    }
}

impl AsRef<str> for ScopeName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<Scope> for ScopeName {
    fn eq(&self, scope: &Scope) -> bool {
        self.0 == scope.as_str()
    }
}

impl serde::Serialize for ScopeName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for ScopeName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <Cow<'de, str>>::deserialize(deserializer)?;
        Ok(Self(name.into_owned().into()))
    }
}

impl serde::Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <Cow<'de, str>>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_scopes_stand_in_the_order_of_their_names() {
        assert!(Scope::ALL.is_sorted_by_key(|scope| scope.as_str()));
        assert!(Scope::ALL.is_sorted());
    }
}
