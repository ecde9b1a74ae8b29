//! Keys that another server of the same database made a moment ago: looked for once, when they are presented.
//!
//! Sooner or later each is known anyway, since every server follows the changes of the others. Looking spares whoever just
//! made a key that moment.

use std::{net::IpAddr, time::Duration};

use avala_keys::KeyId;
use tokio::{sync::Mutex, time::timeout};

use super::rate::Looks;
use crate::keys::Authority;

/// Longer than following takes, looking makes no sense.
const PATIENCE: Duration = Duration::from_secs(1);

/// Looks for keys that are not known yet.
#[derive(Debug, Default)]
pub(crate) struct Newcomers {
    looks: Looks,
    /// One look at a time: whoever waited finds what it brought.
    looking: Mutex<()>,
}

impl Newcomers {
    /// Whether the key may be known now. It is looked for whether its id was known or not, so that the time an answer takes
    /// tells nothing about ids.
    pub(super) async fn look(&self, authority: &Authority, id: KeyId, client: IpAddr) -> bool {
        if !authority.store().is_shared() || !self.looks.may(client, authority.now()) {
            return false;
        }
        let look = async {
            let _one_at_a_time = self.looking.lock().await;
            authority.learn(id).await
        };
        match timeout(PATIENCE, look).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::debug!(%error, "cannot look for a key that is not known");
                false
            }
            Err(_) => false,
        }
    }
}
