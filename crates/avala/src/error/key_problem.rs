//! What is wrong with a key that a server refused.

/// What is wrong with a key that a server refused with 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyProblem {
    /// No key reached the server.
    Missing,
    /// The server does not know the key, or says no more than that.
    Invalid,
    /// The key is no whole key: cut off, or mistyped.
    Malformed,
    /// The key is of another class (test or live) than the server.
    WrongClass,
    /// The key's time is over.
    Expired,
    /// The key was revoked.
    Revoked,
    /// The key was replaced by another one, and its time beside that is over.
    Rotated,
    /// The key is disabled, and can be enabled again.
    Disabled,
    /// The key's owner is disabled.
    OwnerDisabled,
}

impl KeyProblem {
    const ALL: [Self; 9] = [
        Self::Missing,
        Self::Invalid,
        Self::Malformed,
        Self::WrongClass,
        Self::Expired,
        Self::Revoked,
        Self::Rotated,
        Self::Disabled,
        Self::OwnerDisabled,
    ];

    /// The code by which servers name it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "key_missing",
            Self::Invalid => "key_invalid",
            Self::Malformed => "key_malformed",
            Self::WrongClass => "key_wrong_class",
            Self::Expired => "key_expired",
            Self::Revoked => "key_revoked",
            Self::Rotated => "key_rotated",
            Self::Disabled => "key_disabled",
            Self::OwnerDisabled => "owner_disabled",
        }
    }

    /// By the server's code, else by the published texts. Those may be worded anew, so one word of each has to do.
    pub(super) fn of(code: Option<&str>, text: &str) -> Option<Self> {
        if let Some(known) = Self::ALL.into_iter().find(|one| Some(one.code()) == code) {
            return Some(known);
        }
        let text = text.to_ascii_lowercase();
        if text.contains("expired") {
            Some(Self::Expired)
        } else if text.contains("not provided") {
            Some(Self::Missing)
        } else if text.contains("invalid") {
            Some(Self::Invalid)
        } else {
            None
        }
    }
}
