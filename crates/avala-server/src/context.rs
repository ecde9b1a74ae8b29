//! What a handler has at hand: the server's parts and the caller.

use std::{ops::Deref, sync::Arc};

use avala_api::Timestamp;

use crate::{
    auth::Principal,
    refusal::Refusal,
    service::Service,
    store::{Change, Entry},
};

/// What a handler has at hand.
#[derive(Clone)]
pub(crate) struct Context {
    service: Arc<Service>,
    principal: Option<Principal>,
}

impl Context {
    pub(crate) fn new(service: Arc<Service>, principal: Option<Principal>) -> Self {
        Self { service, principal }
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
        let actor = self.caller()?.actor();
        Ok(change
            .commit(Entry {
                at: self.now(),
                actor: &actor,
                action,
                object,
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
