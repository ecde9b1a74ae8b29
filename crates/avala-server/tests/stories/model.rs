//! Random lives of keys, against a model of ten lines; a life that goes wrong tells its seed. And keys that are revoked
//! while they are in use.

use std::{collections::BTreeMap, env, ops::Range, sync::Arc};

use avala_api::Timestamp;
use avala_keys::ApiKey;
use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, ManualClock, On, Request, Running, start_in, start_with};

/// Steps of one life, in the mean; one of them at least is a restart.
const STEPS: usize = 60;

/// What each step may do to the keys of one owner.
const SCOPES: [&str; 3] = ["agents.read", "webhooks.read", "tasks.read"];

/// What the model knows of a key.
#[derive(Clone)]
struct Known {
    /// Forty digits, if it was taken over from elsewhere.
    secret: String,
    scopes: Vec<&'static str>,
    expires_at: Option<i64>,
    disabled: bool,
    revoked: bool,
    /// Until when it opens, once it has a successor.
    grace_until: Option<i64>,
    successor: Option<String>,
    used: bool,
}

impl Known {
    /// The model: what a request for agents is answered when this is the latest instant that the server has seen.
    fn answer(&self, now: i64) -> (u16, &'static str) {
        match self {
            Self { revoked: true, .. } => (401, "key_revoked"),
            Self {
                expires_at: Some(at), ..
            } if now >= *at => (401, "key_expired"),
            Self {
                grace_until: Some(at),
                ..
            } if now >= *at => (401, "key_rotated"),
            Self { disabled: true, .. } => (401, "key_disabled"),
            Self { scopes, .. } if !scopes.contains(&"agents.read") => (403, "scope_missing"),
            _ => (200, ""),
        }
    }

    fn has_expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|at| now >= at)
    }
}

/// One owner, whose keys live, on a server that is stopped and started.
struct Life {
    running: Running,
    clock: ManualClock,
    /// The latest instant that the server has seen since it was started. What is over then stays over, although the
    /// clock is set back.
    seen: i64,
    owner: ApiKey,
    keys: BTreeMap<String, Known>,
    random: Rng,
    /// For the story of what went wrong.
    told: Vec<String>,
}

impl Life {
    fn now(&self) -> i64 {
        self.clock.millis()
    }

    /// Some key, as likely a new one as an old one.
    fn some(&mut self) -> Option<String> {
        let count = self.keys.len();
        (count > 0).then(|| self.keys.keys().nth(self.random.usize(..count)).cloned())?
    }

    async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.told.push(format!("POST {path} {body}"));
        let request = Request::new("POST", path).key(self.owner.expose()).json(&body);
        self.running.send(request).await
    }

    /// An action on a key: what it must answer, and what it then does to the model.
    async fn act(&mut self, id: &str, verb: &str, body: Value, expected: (u16, &str)) -> Option<Value> {
        let answer = self.post(&format!("/api-keys/{id}/{verb}/"), body).await;
        self.assert(&answer, expected, id);
        (answer.status < 300).then(|| answer.json())
    }

    fn assert(&self, answer: &Answer, (status, code): (u16, &str), id: &str) {
        let got = if answer.status < 300 {
            String::new()
        } else {
            answer.code()
        };
        assert_eq!(
            (answer.status, got.as_str()),
            (status, code),
            "key {id} at {}, after:\n{}",
            self.now(),
            self.told.join("\n")
        );
    }

    /// A key does what the model says, whenever it is asked.
    async fn look_at(&mut self, id: &str) {
        let known = self.keys[id].clone();
        let request = Request::new("GET", "/agents/").key(&known.secret);
        let answer = self.running.send(request).await;
        self.assert(&answer, known.answer(self.seen), id);
        // Whoever is refused for what the key may not do has proven to have it.
        self.keys.get_mut(id).unwrap().used |= answer.status != 401;
    }

    /// A successor whose secret may have been lost on the way: it is in nobody's use.
    fn is_lost(&self, id: &str) -> bool {
        let successor = &self.keys[id];
        successor.successor.is_none() && !successor.used && !successor.disabled
    }

    /// What is asked of a new key.
    fn asked(&mut self) -> (Value, Vec<&'static str>, Option<i64>) {
        let scopes: Vec<&str> = SCOPES.into_iter().filter(|_| self.random.u8(..3) > 0).collect();
        let expires_at = self
            .random
            .bool()
            .then(|| self.now() + self.random.i64(1..120) * 1000);
        let mut body = json!({"name": "a", "access": {"kind": "listed", "scopes": scopes}});
        if let Some(at) = expires_at {
            body["expires_at"] = json!(Timestamp::from_unix_millis(at));
        }
        (body, scopes, expires_at)
    }

    async fn create(&mut self) {
        let (body, scopes, expires_at) = self.asked();
        let made = self.post("/api-keys/", body).await.expect(201);
        let secret = made["secret"].as_str().unwrap();
        self.learn(&made, secret, scopes, expires_at);
    }

    /// Takes over a key from elsewhere: a new one, or one that was taken over before, whatever became of it.
    async fn import(&mut self) {
        let (mut body, scopes, expires_at) = self.asked();
        let before = self.keys.values().find(|known| known.secret.len() == 40);
        let before = before.map(|known| known.secret.clone());
        let secret = match before.filter(|_| self.random.bool()) {
            Some(secret) => secret,
            None => format!("{:032x}{:08x}", self.random.u128(..), self.random.u32(..)),
        };
        body["secret"] = json!(secret);
        let answer = self.post("/api-keys/import/", body).await;
        if self.keys.values().any(|known| known.secret == secret) {
            self.assert(&answer, (409, "key_exists"), "from elsewhere");
        } else {
            self.learn(&answer.expect(201), &secret, scopes, expires_at);
        }
    }

    fn learn(&mut self, made: &Value, secret: &str, scopes: Vec<&'static str>, expires_at: Option<i64>) {
        let known = Known {
            secret: secret.to_owned(),
            scopes,
            expires_at,
            disabled: false,
            revoked: false,
            grace_until: None,
            successor: None,
            used: false,
        };
        self.keys.insert(made["id"].as_str().unwrap().to_owned(), known);
    }

    async fn rotate(&mut self, id: &str) {
        let (known, now, seen) = (self.keys[id].clone(), self.now(), self.seen);
        let grace = [0, 5, 60][self.random.usize(..3)];
        let expected = match &known {
            Known { revoked: true, .. } => (409, "key_revoked"),
            _ if known.has_expired(seen) || known.disabled => (409, "key_not_active"),
            Known {
                grace_until: Some(at),
                ..
            } if seen >= *at => (409, "already_rotated"),
            Known {
                successor: Some(successor),
                ..
            } if !self.is_lost(successor) => (409, "already_rotated"),
            _ => (201, ""),
        };
        let made = self
            .act(id, "rotate", json!({"grace_seconds": grace}), expected)
            .await;
        if let Some(made) = made {
            let ends = [Some(now + grace * 1000), known.expires_at, known.grace_until];
            let successor = made["id"].as_str().unwrap().to_owned();
            let lost = known.successor.and_then(|lost| self.keys.get_mut(&lost));
            if let Some(lost) = lost {
                lost.revoked = true;
            }
            let old = self.keys.get_mut(id).unwrap();
            old.grace_until = ends.into_iter().flatten().min();
            old.successor = Some(successor);
            let secret = made["secret"].as_str().unwrap();
            self.learn(&made, secret, known.scopes, known.expires_at);
        }
    }

    async fn narrow(&mut self, id: &str) {
        let known = self.keys[id].clone();
        let expected = match &known {
            Known { revoked: true, .. } => (409, "key_revoked"),
            _ if known.has_expired(self.seen) || known.disabled => (409, "key_not_active"),
            _ => (200, ""),
        };
        let fewer: Vec<&str> = known
            .scopes
            .iter()
            .copied()
            .filter(|_| self.random.bool())
            .collect();
        let body = json!({"access": {"kind": "listed", "scopes": fewer}});
        self.told.push(format!("PATCH {id} {body}"));
        let request = Request::new("PATCH", &format!("/api-keys/{id}/"))
            .key(self.owner.expose())
            .json(&body);
        let answer = self.running.send(request).await;
        self.assert(&answer, expected, id);
        if answer.status == 200 {
            self.keys.get_mut(id).unwrap().scopes = fewer;
        }
    }

    async fn end(&mut self, id: &str, verb: &str) {
        let (known, now) = (self.keys[id].clone(), self.now());
        let expected = match (verb, &known) {
            ("disable" | "enable", Known { revoked: true, .. }) => (409, "key_revoked"),
            (
                "end-grace",
                Known {
                    grace_until: None, ..
                },
            ) => (409, "not_rotated"),
            _ => (200, ""),
        };
        if self.act(id, verb, json!({}), expected).await.is_some() {
            let known = self.keys.get_mut(id).unwrap();
            match verb {
                "revoke" => known.revoked = true,
                "disable" => known.disabled = true,
                "enable" => known.disabled = false,
                _ => known.grace_until = known.grace_until.map(|until| until.min(now)),
            }
        }
    }

    async fn restart(mut self) -> Self {
        self.told.push("restart".into());
        let clock = self.clock.clone();
        // The new server has seen nothing else.
        let seen = clock.millis();
        let home = self.running.stop().await;
        let running = start_in(home, |config| config.clock = Arc::new(clock)).await;
        Self {
            running,
            seen,
            ..self
        }
    }

    /// Time passes, or the clock is set back; and the server sees it.
    async fn pass(&mut self, millis: i64) {
        self.told.push(format!("{millis} ms"));
        self.clock.advance_millis(millis);
        self.seen = self.seen.max(self.now());
        let request = Request::new("GET", "/users/me/").key(self.owner.expose());
        self.running.send(request).await.expect(200);
    }

    async fn step(mut self) -> Self {
        let verb = ["revoke", "disable", "enable", "end-grace"][self.random.usize(..4)];
        match (self.random.u8(..20), self.some()) {
            (0..=2, _) | (_, None) => self.create().await,
            (3, _) => self.import().await,
            (4..=7, Some(id)) => self.rotate(&id).await,
            (8..=9, Some(id)) => self.narrow(&id).await,
            (10..=14, Some(id)) => self.end(&id, verb).await,
            (15..=17, _) => {
                let millis = match self.random.u8(..20) {
                    0 => [-5_000, -60_000, -3_600_000][self.random.usize(..3)],
                    _ => self.random.i64(1..40_000),
                };
                self.pass(millis).await;
            }
            _ => {}
        }
        for _ in 0..2 {
            if let Some(id) = self.some() {
                self.look_at(&id).await;
            }
        }
        self
    }
}

/// A server with all keys of all lives would do little else than read them after each start.
const LIVES_OF_A_SERVER: usize = 50;

/// Which lives are told, by seed: more where nobody waits. `AVALA_TEST_LIVES` is a number of them, or a range like
/// `500..1000`.
fn lives() -> Range<u64> {
    let number = |text: &str| text.parse().expect("AVALA_TEST_LIVES is a number or a range");
    match env::var("AVALA_TEST_LIVES")
        .as_deref()
        .map(|told| told.split_once("..").ok_or(told))
    {
        Ok(Ok((first, last))) => number(first)..number(last),
        Ok(Err(count)) => 0..number(count),
        Err(_) if env::var_os("CI").is_some() => 0..1_000,
        Err(_) => 0..50,
    }
}

async fn keys_do_what_the_model_says(on: On) {
    let all = lives();
    eprintln!("{on:?}: lives {all:?}");
    for first in all.clone().step_by(LIVES_OF_A_SERVER) {
        lives_from(on, first..all.end.min(first + LIVES_OF_A_SERVER as u64)).await;
    }
}

async fn lives_from(on: On, seeds: Range<u64>) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let mut running = start_with(on, |config| config.clock = Arc::new(clock.clone())).await;
    let mut seen = clock.millis();
    for seed in seeds {
        let owner = running.tenant(&format!("{seed}@example.com")).await.key;
        let mut random = Rng::with_seed(seed);
        let steps = random.usize(STEPS / 2..STEPS * 3 / 2);
        let restart = random.usize(..steps);
        let mut life = Life {
            running,
            clock: clock.clone(),
            seen,
            owner,
            keys: BTreeMap::new(),
            random,
            told: vec![format!("seed {seed}")],
        };
        for step in 0..steps {
            if step == restart {
                life = life.restart().await;
            }
            life = life.step().await;
        }
        for id in life.keys.keys().cloned().collect::<Vec<_>>() {
            life.look_at(&id).await;
        }
        (running, seen) = (life.running, life.seen);
    }
}

/// How many keys are revoked while they are in use.
fn revocations() -> usize {
    if env::var_os("CI").is_some() { 10_000 } else { 500 }
}

async fn no_request_that_begins_after_a_revocation_was_answered_is_accepted(on: On) {
    const LANES: usize = 16;
    let running = &start_with(on, |_| {}).await;
    let owner = &running.tenant("a@example.com").await;
    let lane = |mut random: Rng| async move {
        for _ in 0..revocations() / LANES {
            let body = json!({"name": "a", "access": {"kind": "full"}});
            let made = owner.post("/api-keys/", body).await.expect(201);
            let secret = made["secret"].as_str().unwrap();
            let ask = || running.send(Request::new("GET", "/users/me/").key(secret));
            let path = format!("/api-keys/{}/revoke/", made["id"].as_str().unwrap());
            let revoke = async {
                // So that requests are at every stage when it comes.
                for _ in 0..random.usize(..50) {
                    tokio::task::yield_now().await;
                }
                owner.post(&path, json!({})).await.expect(200);
                ask().await
            };
            let (after, one, other) = tokio::join!(revoke, ask(), ask());
            assert_eq!((after.status, after.code().as_str()), (401, "key_revoked"));
            for during in [one, other] {
                assert!(during.status == 200 || during.code() == "key_revoked");
            }
        }
    };
    join_all((0..LANES).map(|seed| lane(Rng::with_seed(seed as u64)))).await;
}

stories![
    keys_do_what_the_model_says,
    no_request_that_begins_after_a_revocation_was_answered_is_accepted,
];
