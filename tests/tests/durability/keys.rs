//! Keys that are made, rotated, narrowed, switched off and revoked, and what was acknowledged of them.

use std::collections::BTreeMap;

use avala::{
    Error,
    api::api_keys::{ApiKey, KeyAccess, KeyState},
    blocking::Client,
};
use avala_api::Scope;
use avala_keys::Secret;
use avala_tests::ServeProcess;
use fastrand::Rng;

use crate::{
    presented::{Door, Said},
    rounds::Log,
};

/// What a key that is not full may do at most.
const SCOPES: [Scope; 3] = [Scope::AgentsRead, Scope::TasksRead, Scope::WebhooksRead];

/// How long a rotated key still opens, if at all: longer than any test.
const GRACE: u32 = 24 * 60 * 60;

/// The keys of one environment, which nobody else changes.
pub(crate) struct Keys {
    environment: String,
    known: BTreeMap<String, Known>,
    /// What was asked, until it is acknowledged.
    asked: Option<Asked>,
    made: u32,
}

/// What was acknowledged of a key.
struct Known {
    secret: Secret,
    scopes: Vec<Scope>,
    disabled: bool,
    revoked: bool,
    successor: Option<String>,
    /// It has a successor, and opens nothing any more.
    is_over: bool,
}

#[derive(Clone)]
enum Asked {
    Create { name: String, scopes: Vec<Scope> },
    Rotate { id: String, grace: u32 },
    Narrow { id: String, scopes: Vec<Scope> },
    Disable(String),
    Enable(String),
    EndGrace(String),
    Revoke(String),
}

impl Known {
    fn said(&self) -> Said {
        let code = match self {
            Self { revoked: true, .. } => "key_revoked",
            Self { is_over: true, .. } => "key_rotated",
            Self { disabled: true, .. } => "key_disabled",
            Self { scopes, .. } => {
                return Said::Opens(scopes.iter().map(|scope| scope.as_str().to_owned()).collect());
            }
        };
        Said::Refused(code.to_owned())
    }

    fn state(&self) -> KeyState {
        match self {
            Self { revoked: true, .. } => KeyState::Revoked,
            Self { disabled: true, .. } => KeyState::Disabled,
            Self {
                successor: Some(_), ..
            } => KeyState::Rotated,
            _ => KeyState::Active,
        }
    }
}

impl Keys {
    pub(crate) fn of(environment: String) -> Self {
        Self {
            environment,
            known: BTreeMap::new(),
            asked: None,
            made: 0,
        }
    }

    fn draw(&mut self, random: &mut Rng) -> Asked {
        let some = |random: &mut Rng, scopes: &[Scope]| -> Vec<Scope> {
            scopes.iter().copied().filter(|_| random.u8(..3) > 0).collect()
        };
        let live: Vec<&String> = self
            .known
            .iter()
            .filter(|(_, key)| !key.revoked)
            .map(|(id, _)| id)
            .collect();
        let chosen = random.choice(live).cloned();
        if let Some(id) = chosen {
            let key = &self.known[&id];
            match random.u8(..12) {
                0..=3 if !key.disabled && key.successor.is_none() => {
                    let grace = if random.bool() { GRACE } else { 0 };
                    return Asked::Rotate { id, grace };
                }
                4..=5 if !key.disabled => {
                    let scopes = some(random, &key.scopes);
                    return Asked::Narrow { id, scopes };
                }
                6 => return Asked::Disable(id),
                7 => return Asked::Enable(id),
                8 if key.successor.is_some() => return Asked::EndGrace(id),
                9..=10 => return Asked::Revoke(id),
                _ => {}
            }
        }
        self.made += 1;
        Asked::Create {
            name: format!("{} {}", self.environment, self.made),
            scopes: some(random, &SCOPES),
        }
    }

    /// Asks, and notes what was acknowledged. Every one of these may be asked again when its answer was lost.
    fn carry_out(&mut self, client: &Client, asked: &Asked) -> Result<(), Error> {
        let keys = client.api_keys();
        match asked {
            Asked::Create { name, scopes } => {
                let create = keys
                    .create(name.as_str(), KeyAccess::listed(scopes.iter().copied()))
                    .environment(self.environment.as_str())
                    .idempotency_key(name.as_str());
                let made = create.send()?;
                if made.secret.is_some() {
                    self.learn(made, scopes.clone());
                } else {
                    // Made when the server died: nobody knows its secret.
                    keys.revoke(made.id).send()?;
                }
            }
            Asked::Rotate { id, grace } => {
                let made = match keys.rotate(id.as_str()).grace_seconds(*grace).send() {
                    // Rotated when the server died, and over at once: the successor's secret is nobody's.
                    Err(error) if *grace == 0 && error.code() == Some("already_rotated") => keys
                        .get(id.as_str())
                        .send()?
                        .rotated_to
                        .map(|successor| keys.revoke(successor).send())
                        .transpose()?,
                    made => Some(made?),
                };
                let made = made.expect("a rotated key has a successor");
                let old = self.known.get_mut(id).unwrap();
                old.successor = Some(made.id.to_string());
                old.is_over = *grace == 0;
                let scopes = old.scopes.clone();
                if made.secret.is_some() {
                    self.learn(made, scopes);
                }
            }
            Asked::Narrow { id, scopes } => {
                let access = KeyAccess::listed(scopes.iter().copied());
                keys.update(id.as_str()).access(access).send()?;
                self.known.get_mut(id).unwrap().scopes.clone_from(scopes);
            }
            Asked::Disable(id) => {
                keys.disable(id.as_str()).send()?;
                self.known.get_mut(id).unwrap().disabled = true;
            }
            Asked::Enable(id) => {
                keys.enable(id.as_str()).send()?;
                self.known.get_mut(id).unwrap().disabled = false;
            }
            Asked::EndGrace(id) => {
                keys.end_grace(id.as_str()).send()?;
                self.known.get_mut(id).unwrap().is_over = true;
            }
            Asked::Revoke(id) => {
                keys.revoke(id.as_str()).send()?;
                self.known.get_mut(id).unwrap().revoked = true;
            }
        }
        Ok(())
    }

    fn learn(&mut self, made: ApiKey, scopes: Vec<Scope>) {
        let known = Known {
            secret: made.secret.expect("a new key has its secret"),
            scopes,
            disabled: false,
            revoked: false,
            successor: None,
            is_over: false,
        };
        self.known.insert(made.id.to_string(), known);
    }
}

impl Log for Keys {
    fn change(&mut self, client: &Client, random: &mut Rng) -> Result<(), Error> {
        let asked = self.draw(random);
        self.asked = Some(asked.clone());
        self.carry_out(client, &asked)?;
        self.asked = None;
        Ok(())
    }

    fn check(&mut self, server: &ServeProcess) {
        let client = server.client();
        // As anybody does whose answer was lost.
        if let Some(asked) = self.asked.take() {
            self.carry_out(&client, &asked).unwrap();
        }
        let mut door = Door::of(server);
        for (id, known) in &self.known {
            assert_eq!(door.present(&known.secret), known.said(), "key {id}");
        }
        let mut listed: BTreeMap<String, ApiKey> = client
            .api_keys()
            .list()
            .environment(self.environment.as_str())
            .limit(1000)
            .items()
            .map(|key| key.map(|key| (key.id.to_string(), key)))
            .collect::<Result<_, _>>()
            .unwrap();
        for (id, known) in &self.known {
            let key = listed
                .remove(id)
                .unwrap_or_else(|| panic!("key {id} is not listed"));
            let successor = key.rotated_to.map(|id| id.to_string());
            assert_eq!(
                (key.state, successor),
                (known.state(), known.successor.clone()),
                "key {id}"
            );
        }
        // The others are those whose secret was lost with its answer.
        for (id, key) in listed {
            assert_eq!(key.state, KeyState::Revoked, "key {id} is nobody's");
        }
    }
}
