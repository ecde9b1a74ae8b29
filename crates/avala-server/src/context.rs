//! What a handler has at hand: the server's parts and the caller.

use std::{ops::Deref, sync::Arc};

use avala_api::Timestamp;
use http::{HeaderMap, HeaderValue};

use crate::{
    auth::Principal,
    refusal::Refusal,
    service::Service,
    store::{Change, Entry},
};

/// The longest name of a request.
const MOST_NAME: usize = 255;

/// What a handler has at hand.
#[derive(Clone)]
pub(crate) struct Context {
    service: Arc<Service>,
    principal: Option<Principal>,
    idempotency_key: Option<HeaderValue>,
}

impl Context {
    pub(crate) fn new(service: Arc<Service>, principal: Option<Principal>, headers: &HeaderMap) -> Self {
        Self {
            service,
            principal,
            idempotency_key: headers.get("idempotency-key").cloned(),
        }
    }

    /// The name that the caller gives its request, so that it may be repeated.
    pub(crate) fn idempotency_key(&self) -> Result<Option<&str>, Refusal> {
        let Some(value) = &self.idempotency_key else {
            return Ok(None);
        };
        let name = value
            .to_str()
            .ok()
            .filter(|name| (1..=MOST_NAME).contains(&name.len()));
        name.map(Some).ok_or_else(|| {
            Refusal::bad_request(
                "An Idempotency-Key has 1 to 255 characters of ASCII.",
                "idempotency_key_malformed",
            )
        })
    }

    /// The caller. Only anonymous routes have none.
    pub(crate) fn caller(&self) -> Result<&Principal, Refusal> {
        self.principal.as_ref().ok_or_else(Refusal::key_missing)
    }

    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        self.authority.now()
    }

    /// Commits a change of the caller's.
    pub(crate) async fn commit(
        &self,
        change: Change,
        action: &'static str,
        object: &str,
    ) -> Result<(), Refusal> {
        let caller = self.caller()?;
        let actor = caller.actor();
        Ok(change
            .commit(Entry {
                at: self.now(),
                actor: &actor,
                action,
                object,
                organization: Some(caller.organization()),
            })
            .await?)
    }
}

impl Deref for Context {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}
