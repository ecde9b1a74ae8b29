//! Keys that make, change, rotate and switch keys at random: none ever gets to be more than who made it.

use std::{collections::BTreeMap, net::IpAddr};

use avala_api::Timestamp;
use fastrand::Rng;
use ipnet::IpNet;
use serde_json::{Value, json};

use crate::{
    api_keys::{NOW, holder, make, with_clock},
    support::{Answer, On, Request, Tenant},
};

const SCOPES: [&str; 5] = [
    "agents.read",
    "agents.write",
    "keys.manage",
    "keys.read",
    "webhooks.read",
];

const NETWORKS: [&str; 6] = [
    "0.0.0.0/0",
    "127.0.0.0/8",
    "127.0.0.1",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "::/0",
];

const ADDRESSES: [&str; 6] = [
    "127.0.0.1",
    "127.9.9.9",
    "10.1.2.3",
    "10.2.0.1",
    "192.0.2.1",
    "2001:db8::1",
];

const ENDS: [&str; 3] = [
    "2026-02-01T00:00:00Z",
    "2026-03-01T00:00:00Z",
    "2999-01-01T00:00:00Z",
];

/// Everything that a key may do: each scope, from each address, at each time. Nothing is compared but this.
type Rights = Vec<bool>;

/// What a key's object says that it may do; `end` is the member that says until when.
fn rights(key: &Value, ends: &[&str]) -> Rights {
    let networks: Vec<IpNet> = key["allowed_networks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|network| network.as_str().unwrap().parse().unwrap())
        .collect();
    let until: Vec<Timestamp> = ends
        .iter()
        .filter_map(|end| key[*end].as_str())
        .map(|end| end.parse().unwrap())
        .collect();
    let mut rights = Vec::new();
    for scope in SCOPES.iter().chain(&["tasks.read"]) {
        let access = &key["access"];
        let holds = access["kind"] == "full" || access["scopes"].as_array().unwrap().contains(&json!(scope));
        for address in ADDRESSES {
            let address: IpAddr = address.parse().unwrap();
            let may = networks.is_empty() || networks.iter().any(|network| network.contains(&address));
            for at in [NOW].iter().chain(&ENDS) {
                let at: Timestamp = at.parse().unwrap();
                rights.push(holds && may && until.iter().all(|until| at < *until));
            }
        }
    }
    rights
}

const BOTH: [&str; 2] = ["expires_at", "grace_until"];

fn within(less: &Rights, more: &Rights) -> bool {
    less.iter().zip(more).all(|(less, more)| !less || *more)
}

fn random_policy(random: &mut Rng) -> Value {
    let mut body = json!({});
    let some = |of: &[&'static str], random: &mut Rng| -> Vec<&'static str> {
        of.iter().copied().filter(|_| random.u8(..3) > 0).collect()
    };
    match random.u8(..10) {
        0 => body["access"] = json!({"kind": "full"}),
        // Now and then something that is allowed.
        1..=5 => {
            body["access"] = json!({"kind": "listed", "scopes": some(&SCOPES[2..4], random)});
        }
        _ => body["access"] = json!({"kind": "listed", "scopes": some(&SCOPES, random)}),
    }
    if random.bool() {
        let networks: Vec<&str> = NETWORKS.iter().copied().filter(|_| random.u8(..3) == 0).collect();
        body["allowed_networks"] = json!(networks);
    }
    if random.bool() {
        body["expires_at"] = json!(ENDS[random.usize(..ENDS.len())]);
    }
    body
}

/// All keys but the owner's own, by id, and the ids by age.
async fn all(owner: &Tenant) -> (Vec<String>, BTreeMap<String, Value>) {
    let page = owner.get("/api-keys/?limit=1000").await.expect(200);
    let rows = page["results"].as_array().unwrap();
    let keys: Vec<(String, Value)> = rows
        .iter()
        .map(|row| (row["id"].as_str().unwrap().to_owned(), row.clone()))
        .filter(|(id, _)| *id != owner.key.id().to_string())
        .collect();
    let ids = keys.iter().map(|(id, _)| id.clone()).collect();
    (ids, keys.into_iter().collect())
}

/// What a key did to a key, both as they were before.
#[derive(Debug)]
struct Asked<'a> {
    verb: &'static str,
    caller: &'a Value,
    target: &'a Value,
}

impl Asked<'_> {
    /// Whether a key may be this afterwards.
    fn may_make(&self, was: Option<&Value>, is: &Value) -> bool {
        const OWN: [&str; 1] = ["expires_at"];
        let of_caller = rights(self.caller, &BOTH);
        let Some(was) = was else {
            // A new one is within who made it, and within what it takes the place of.
            let rotates = self.verb == "rotate";
            let rotates_itself = rotates && self.caller["id"] == self.target["id"];
            return (!rotates || within(&rights(is, &BOTH), &rights(self.target, &OWN)))
                && (rotates_itself || within(&rights(is, &BOTH), &of_caller));
        };
        let comes_back = was["state"] == "disabled" && is["state"] == "active";
        within(&rights(is, &OWN), &rights(was, &OWN))
            && (!comes_back || within(&rights(is, &OWN), &of_caller))
    }
}

async fn whatever_keys_do_to_keys_none_becomes_wider(on: On) {
    const STEPS: usize = 250;
    let (running, _clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let mut random = Rng::with_seed(11);
    // Given managers of every kind.
    let mut managers = Vec::new();
    for _ in 0..8 {
        let mut policy = random_policy(&mut random);
        policy["access"] = json!({"kind": "listed", "scopes": ["keys.manage", "keys.read", "agents.read"]});
        if random.bool() {
            policy["allowed_networks"] = json!(["127.0.0.0/8"]);
        } else {
            policy.as_object_mut().unwrap().remove("allowed_networks");
        }
        managers.push(make(&owner, policy).await);
    }
    let (mut newest_first, mut before) = all(&owner).await;
    let (mut done, mut refused) = (BTreeMap::<&str, u32>::new(), 0);

    for step in 0..STEPS {
        // When one of them does something to some key.
        let caller = &managers[random.usize(..managers.len())];
        let caller_id = caller.key.id().to_string();
        let target = newest_first[random.usize(..newest_first.len())].clone();
        let verb = ["create", "update", "rotate", "enable", "disable", "replay"][random.usize(..6)];
        let mut body = random_policy(&mut random);
        let path = format!("/api-keys/{target}/");
        let answer: Answer = match verb {
            "create" => {
                body["name"] = json!("made");
                caller.post("/api-keys/", body).await
            }
            "replay" => {
                // Under a name that others use, too.
                body["name"] = json!("made");
                let request = Request::new("POST", "/api-keys/")
                    .key(caller.key.expose())
                    .header("Idempotency-Key", format!("{}", random.u8(..3)));
                running.send(request.json(&body)).await
            }
            "update" => caller.patch(&path, body).await,
            verb => caller.post(&format!("{path}{verb}/"), json!({})).await,
        };
        let (ids, after) = all(&owner).await;
        if answer.status >= 300 {
            assert!([400, 401, 403, 409].contains(&answer.status), "{}", answer.status);
            refused += 1;
        } else {
            *done.entry(verb).or_default() += 1;
        }

        // Then no key is wider than it was, or than it may be.
        let asked = Asked {
            verb,
            caller: &before[&caller_id],
            target: &before[&target],
        };
        for (id, key) in &after {
            assert_eq!(
                (&key["owner"], &key["class"]),
                (&json!(owner.user.uid), &json!("live"))
            );
            let was = before.get(id);
            assert!(
                asked.may_make(was, key),
                "step {step}: {asked:?}\nwas {was:?}\nis {key}"
            );
        }
        if answer.status == 201 && answer.json()["secret"].is_string() {
            let made = holder(&owner, &answer.json());
            if answer.json()["access"]["scopes"]
                .as_array()
                .is_some_and(|scopes| scopes.contains(&json!("keys.manage")))
            {
                managers.push(made);
            }
        }
        (newest_first, before) = (ids, after);
        // Who was switched off is switched on again by whoever may do everything, so that the story goes on.
        if step % 5 == 0 {
            for (id, _) in before.iter().filter(|(_, key)| key["state"] == "disabled") {
                owner
                    .post(&format!("/api-keys/{id}/enable/"), json!({}))
                    .await
                    .expect(200);
            }
            (newest_first, before) = all(&owner).await;
        }
    }
    // Enough of everything was done, and enough refused.
    for verb in ["create", "update", "rotate", "enable", "disable", "replay"] {
        assert!(
            done.get(verb).is_some_and(|count| *count >= 3),
            "{verb}: {done:?}"
        );
    }
    assert!(refused >= STEPS / 5, "{refused}");
}

stories![whatever_keys_do_to_keys_none_becomes_wider];
