//! What to do about each failure, written once: errors carry it, and the troubleshooting page is made from it.

use avala_api::texts::{FORBIDDEN, KEY_EXPIRED, KEY_INVALID, KEY_MISSING};

use super::{ErrorKind, KeyProblem};

/// A failure that people meet, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Advice {
    /// The kind of the error.
    pub kind: ErrorKind,
    /// The server's `code`, if the failure has one.
    pub code: Option<&'static str>,
    /// What the message says, or a part of it; none where any message of this kind is meant.
    pub text: Option<&'static str>,
    /// What to do.
    pub hint: &'static str,
}

impl Advice {
    /// All of them: the more special before the more general.
    pub fn all() -> &'static [Self] {
        ALL
    }
}

const fn by_code(kind: ErrorKind, code: &'static str, text: &'static str, hint: &'static str) -> Advice {
    Advice {
        kind,
        code: Some(code),
        text: Some(text),
        hint,
    }
}

const fn by_text(kind: ErrorKind, text: &'static str, hint: &'static str) -> Advice {
    Advice {
        kind,
        code: None,
        text: Some(text),
        hint,
    }
}

const fn by_kind(kind: ErrorKind, hint: &'static str) -> Advice {
    Advice {
        kind,
        code: None,
        text: None,
        hint,
    }
}

#[rustfmt::skip] // a table
const ALL: &[Advice] = &[
    by_text(ErrorKind::Configuration, "No API key provided. This client was built to stay anonymous.", "Build it without `.anonymous()` for calls that need a key."),
    by_text(ErrorKind::Configuration, "No API key provided.", "Set the AVALA_API_KEY environment variable, pass the key to Client::builder().api_key(…), or make a profile."),
    by_text(ErrorKind::Configuration, "Invalid base_url", "Give a URL with scheme and host, such as https://api.avala.ai/api/v1: see AVALA_BASE_URL and what the builder is given."),
    by_text(ErrorKind::Configuration, "Base URL must use HTTPS.", "Use https://. Only for a server on this machine, set AVALA_ALLOW_INSECURE_BASE_URL=true."),
    by_text(ErrorKind::Configuration, "only http://localhost URLs", "Use https://, or http:// to localhost, 127.0.0.1 or [::1]."),
    by_text(ErrorKind::Configuration, "only for localhost addresses", "Use https://, or http:// to localhost, 127.0.0.1 or [::1]."),
    by_code(ErrorKind::Authentication, "key_missing", KEY_MISSING, "No key reached the server: see whether a proxy drops the X-Avala-Api-Key header."),
    by_code(ErrorKind::Authentication, "key_invalid", KEY_INVALID, "The key is wrong or revoked, or belongs to another server than this base URL."),
    by_code(ErrorKind::Authentication, "key_malformed", KEY_INVALID, "The key is damaged: copy it again, whole, from where it was stored."),
    by_code(ErrorKind::Authentication, "key_wrong_class", KEY_INVALID, "This key is of another class (test or live) than the server."),
    by_code(ErrorKind::Authentication, "key_expired", KEY_EXPIRED, "The key has expired: make a new one and update the place it is read from."),
    by_code(ErrorKind::Authentication, "key_revoked", KEY_INVALID, "The key was revoked: make a new one and update the place it is read from."),
    by_code(ErrorKind::Authentication, "key_rotated", KEY_INVALID, "The key was rotated: use its successor."),
    by_code(ErrorKind::Authentication, "key_disabled", KEY_INVALID, "The key is disabled: have its owner enable it, or use another one."),
    by_code(ErrorKind::Authentication, "owner_disabled", KEY_INVALID, "The key's owner is disabled: have an administrator enable them, or use another owner's key."),
    by_kind(ErrorKind::Authentication, "The key was refused: see whether it belongs to the server of this base URL."),
    by_code(ErrorKind::Forbidden, "scope_missing", FORBIDDEN, "Use a key with the scope this call needs."),
    by_code(ErrorKind::Forbidden, "address_not_allowed", FORBIDDEN, "The key is not allowed from this address: use one that is, or have its allowed networks changed."),
    by_code(ErrorKind::Forbidden, "resources_restricted", FORBIDDEN, "The key is restricted to other datasets or projects: use one that this belongs to."),
    by_code(ErrorKind::Forbidden, "plan_insufficient", "plan", "The organization's plan does not include this: see `doc_url`."),
    by_code(ErrorKind::Forbidden, "exceeds_caller", "A key can only make keys that may do no more than itself", "Ask for less, or use a key that may do as much itself."),
    by_code(ErrorKind::Forbidden, "outside_policy", "The policy of the organization", "See what the organization's policy lets a key be, and ask for that."),
    by_kind(ErrorKind::Forbidden, "The key is good and lacks the right: use one with the scope or role this call needs, of the organization it concerns."),
    by_kind(ErrorKind::NotFound, "See whether the identifier is right and belongs to the key's organization."),
    by_kind(ErrorKind::RateLimited, "Wait as long as the server asked, and send fewer requests."),
    by_kind(ErrorKind::QuotaExceeded, "Free storage, or have the quota raised."),
    by_text(ErrorKind::TooLarge, "The answer is larger", "Ask for fewer rows with `limit`."),
    by_code(ErrorKind::Server, "not_current", "The server cannot see its database.", "The server has not heard of changes of keys for a while: try again in some seconds."),
    by_kind(ErrorKind::Server, "The server failed: try again; if it stays, report the request id."),
    by_text(ErrorKind::Status, "HTTP 3", "Redirects are never followed: see whether the base URL is right."),
    by_text(ErrorKind::Connection, "UnknownIssuer", "The server's certificate is signed by nobody this machine trusts. Name its CA's certificate with AVALA_CA_BUNDLE=FILE."),
    by_text(ErrorKind::Connection, "BadSignature", "The server's certificate is signed by nobody this machine trusts. Name its CA's certificate with AVALA_CA_BUNDLE=FILE."),
    by_text(ErrorKind::Connection, "received fatal alert", "The server refused the client's certificate, or wants one: see `client_certificate` of the builder."),
    by_text(ErrorKind::Connection, "CaUsedAsEndEntity", "The server's certificate is a CA's own; it needs one that a CA signed (basicConstraints=CA:FALSE)."),
    by_kind(ErrorKind::Connection, "See whether the host is right and reachable from here."),
    by_text(ErrorKind::Timeout, "The call took longer than its timeout.", "Give it more time with `with_timeout`, or see whether the server is reachable."),
    by_text(ErrorKind::Timeout, "The job", "The job goes on. Wait again, or longer."),
    by_kind(ErrorKind::Timeout, "The server is slow or unreachable; try again."),
    by_kind(ErrorKind::Decode, "See whether the base URL leads to an Avala API, and whether a newer client exists."),
];

/// Whether it is said what to do about what such a message tells of TLS.
pub(super) fn is_about_certificates(message: &str) -> bool {
    ALL.iter().any(|advice| {
        advice.kind == ErrorKind::Connection && advice.text.is_some_and(|text| message.contains(text))
    })
}

/// What to do about such an error: by its code, else by its message.
pub(super) fn hint_for(kind: ErrorKind, code: Option<&str>, message: &str) -> Option<&'static str> {
    let code = match kind {
        // Without a code, the published texts tell which it is.
        ErrorKind::Authentication => KeyProblem::of(code, message).map(KeyProblem::code),
        _ => code,
    };
    let of_code = ALL.iter().find(|advice| code.is_some() && advice.code == code);
    let of_text = |advice: &&Advice| {
        advice.code.is_none() && advice.kind == kind && advice.text.is_none_or(|text| message.contains(text))
    };
    of_code
        .or_else(|| ALL.iter().find(of_text))
        .map(|advice| advice.hint)
}
