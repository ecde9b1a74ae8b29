//! Refusing a request: the status, the published text, and a code for programs.

use std::{borrow::Cow, net::IpAddr};

use avala_api::{DecodeError, FieldErrors, Scope, texts};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{error::AuthorityError, store::StoreError};

/// Why a request is not carried out. Never holds any part of the request.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) reason: Reason,
    /// Seconds after which to try again.
    pub(crate) retry_after: Option<u64>,
    /// What the path can do instead.
    pub(crate) allow: Option<String>,
    /// The connection cannot be used further.
    pub(crate) close: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Reason {
    Detail {
        detail: Cow<'static, str>,
        code: &'static str,
    },
    ScopeMissing(Scope),
    /// Where the server saw the request come from.
    AddressNotAllowed(IpAddr),
    Fields(FieldErrors),
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>, code: &'static str) -> Self {
        let reason = Reason::Detail {
            detail: detail.into(),
            code,
        };
        Self {
            status,
            reason,
            retry_after: None,
            allow: None,
            close: false,
        }
    }

    pub(crate) fn bad_request(detail: &'static str, code: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail, code)
    }

    /// 401 with the text that is published for all but a missing and an expired key.
    pub(crate) fn key(code: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, texts::KEY_INVALID, code)
    }

    pub(crate) fn key_missing() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, texts::KEY_MISSING, "key_missing")
    }

    pub(crate) fn key_expired() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, texts::KEY_EXPIRED, "key_expired")
    }

    pub(crate) fn scope_missing(scope: Scope) -> Self {
        Self {
            reason: Reason::ScopeMissing(scope),
            ..Self::new(StatusCode::FORBIDDEN, "", "")
        }
    }

    pub(crate) fn address_not_allowed(address: IpAddr) -> Self {
        Self {
            reason: Reason::AddressNotAllowed(address.to_canonical()),
            ..Self::new(StatusCode::FORBIDDEN, "", "")
        }
    }

    /// Not as things are now.
    pub(crate) fn conflict(detail: &'static str, code: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, detail, code)
    }

    /// The same request is under way.
    pub(crate) fn in_progress() -> Self {
        let refusal = Self::conflict(
            "A request under this Idempotency-Key is being carried out at this moment.",
            "idempotency_key_in_use",
        );
        Self {
            retry_after: Some(1),
            ..refusal
        }
    }

    /// Truly absent, or not the caller's: one answer.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, texts::NOT_FOUND, "not_found")
    }

    pub(crate) fn field(field: &str, message: &str) -> Self {
        FieldErrors::one(field, message).into()
    }

    pub(crate) fn throttled(seconds: u64) -> Self {
        let refusal = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            texts::throttled(seconds),
            "throttled",
        );
        Self {
            retry_after: Some(seconds),
            ..refusal
        }
    }

    pub(crate) fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "A server error occurred.",
            "server_error",
        )
    }

    /// The code for programs. Field errors have none in their body.
    pub(crate) fn code(&self) -> &'static str {
        match self.reason {
            Reason::Detail { code, .. } => code,
            Reason::ScopeMissing(_) => "scope_missing",
            Reason::AddressNotAllowed(_) => "address_not_allowed",
            Reason::Fields(_) => "fields",
        }
    }

    /// Whether the audit has it: somebody may be trying what is not theirs, or a key is where it must not be.
    pub(crate) fn is_audited(&self) -> bool {
        let is_about_the_caller = [
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::TOO_MANY_REQUESTS,
        ]
        .contains(&self.status);
        is_about_the_caller || self.code() == "key_in_url"
    }

    /// The body, with a link to its explanation where the server knows one.
    pub(crate) fn body(&self, docs: Option<&str>) -> Value {
        let detail = match &self.reason {
            // Field errors stand alone, as the official clients expect them.
            Reason::Fields(errors) => return json!(errors),
            Reason::Detail { detail, .. } => detail.as_ref(),
            Reason::ScopeMissing(_) | Reason::AddressNotAllowed(_) => texts::FORBIDDEN,
        };
        let code = self.code();
        let mut body = json!({ "detail": detail, "code": code });
        if let Reason::ScopeMissing(scope) = self.reason {
            body["required_scope"] = scope.as_str().into();
        }
        if let Reason::AddressNotAllowed(address) = self.reason {
            body["address"] = address.to_string().into();
        }
        if let Some(docs) = docs {
            body["doc_url"] = format!("{docs}#{code}").into();
        }
        body
    }
}

impl From<FieldErrors> for Refusal {
    fn from(errors: FieldErrors) -> Self {
        Self {
            reason: Reason::Fields(errors),
            ..Self::bad_request("", "")
        }
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed => Self::bad_request("The body is not a JSON object.", "malformed"),
            DecodeError::Fields(errors) => errors.into(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if error.is_null_character() {
            return Self::bad_request("Null characters are not allowed.", "null_character");
        }
        tracing::error!(%error, "a request failed at the database");
        if error.is_outcome_unknown() {
            return Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The database did not say whether this was done. Look before you repeat it.",
                "outcome_unknown",
            );
        }
        if error.is_passing() {
            let busy = Self::new(StatusCode::SERVICE_UNAVAILABLE, "The server is busy.", "busy");
            return Self {
                retry_after: Some(1),
                ..busy
            };
        }
        if error.is_disk_full() {
            return Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "The server's disk is full.",
                "disk_full",
            );
        }
        Self::internal()
    }
}

impl From<AuthorityError> for Refusal {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Store(error) => error.into(),
            AuthorityError::NotFound("key") => Self::not_found(),
            AuthorityError::CallerChanged => Self::key("key_changed"),
            AuthorityError::Repeated => Self::in_progress(),
            AuthorityError::OutsidePolicy(what) => Self::new(
                StatusCode::FORBIDDEN,
                format!("The policy of the organization {what}."),
                "outside_policy",
            ),
            AuthorityError::TooManyKeys => Self::conflict(
                "The organization has as many keys as its policy lets it have. Revoke some that nobody uses.",
                "too_many_keys",
            ),
            // The same whose ever it is, and whatever became of it.
            AuthorityError::KeyExists => Self::conflict(
                "This key was taken over before. It is taken over once, and does not come back when it was ended.",
                "key_exists",
            ),
            AuthorityError::Altered => Self::conflict(
                "The row of this key was changed outside of the server. The key opens nothing; revoke it, so that it stays so whatever is written there.",
                "key_altered",
            ),
            other => {
                tracing::error!(error = %other, "a request failed");
                Self::internal()
            }
        }
    }
}

impl From<avala_keys::RandomnessFailed> for Refusal {
    fn from(error: avala_keys::RandomnessFailed) -> Self {
        AuthorityError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_without_an_answer_may_have_been_done_and_is_not_to_be_repeated_blindly() {
        let refusal = Refusal::from(StoreError::from(sqlx::Error::WorkerCrashed).of_commit());
        assert_eq!(
            (refusal.status, refusal.retry_after),
            (StatusCode::INTERNAL_SERVER_ERROR, None)
        );
        assert_eq!(refusal.body(None)["code"], "outcome_unknown");
    }

    #[test]
    fn a_server_without_a_free_connection_to_its_database_is_busy() {
        let refusal = Refusal::from(StoreError::from(sqlx::Error::PoolTimedOut));
        assert_eq!(
            (refusal.status, refusal.retry_after),
            (StatusCode::SERVICE_UNAVAILABLE, Some(1))
        );
    }
}
