//! Webhooks that are made, altered and deleted, and what was acknowledged of them.

use std::collections::BTreeMap;

use avala::{Error, api::EventName, blocking::Client};
use avala_tests::ServeProcess;
use fastrand::Rng;

use crate::rounds::Log;

/// What must be there, by uid: whether the webhook was last acknowledged as active; `None` once its deletion was.
#[derive(Default)]
pub(crate) struct Webhooks {
    known: BTreeMap<String, Option<bool>>,
    /// What was asked when the server died: it may have happened or not.
    unsure: Option<String>,
}

impl Log for Webhooks {
    fn change(&mut self, client: &Client, random: &mut Rng) -> Result<(), Error> {
        let live: Vec<String> = self
            .known
            .iter()
            .filter(|(_, state)| state.is_some())
            .map(|(uid, _)| uid.clone())
            .collect();
        match (random.u8(0..4), random.choice(live)) {
            (0, Some(uid)) => {
                self.unsure = Some(uid.clone());
                client.webhooks().delete(uid.as_str()).send()?;
                self.known.insert(uid, None);
            }
            (1, Some(uid)) => {
                self.unsure = Some(uid.clone());
                let update = client.webhooks().update(uid.as_str());
                let made = update.is_active(random.bool()).send()?;
                self.known.insert(uid, Some(made.is_active));
            }
            _ => {
                let create = client
                    .webhooks()
                    .create("https://example.com/hook", [EventName::TaskCompleted]);
                self.known.insert(create.send()?.uid.to_string(), Some(true));
            }
        }
        self.unsure = None;
        Ok(())
    }

    fn check(&mut self, server: &ServeProcess) {
        if let Some(uid) = self.unsure.take() {
            // Take whatever is there from now on.
            self.known.remove(&uid);
        }
        let there: BTreeMap<String, bool> = server
            .client()
            .webhooks()
            .list()
            .limit(1000)
            .items()
            .map(|row| row.map(|row| (row.uid.to_string(), row.is_active)))
            .collect::<Result<_, _>>()
            .unwrap();
        for (uid, state) in &self.known {
            assert_eq!(there.get(uid), state.as_ref(), "webhook {uid}");
        }
    }
}
