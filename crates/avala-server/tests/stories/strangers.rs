//! Somebody who has no key: what guessing tells, what it costs others, and how it is slowed down.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use avala_keys::{ApiKey, Class};
use avala_server::{RateLimit, Rates, keys::Access};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::{
    api_keys::{act, make, with_clock},
    support::{ManualClock, On, Request, Running, exchange, same_id_other_secret, start_with, unknown_key},
};

/// What tells two answers to the same question apart, whatever was asked.
const ALWAYS_DIFFERENT: [&str; 3] = ["date", "x-request-id", "x-ratelimit-reset"];

/// What is asked with a key.
type Question = dyn Fn(&[u8]) -> Request;

/// An answer, byte for byte, but for the values that always differ.
fn shape(answer: &[u8]) -> String {
    let text = String::from_utf8(answer.to_vec()).unwrap();
    let lines = text.split("\r\n").map(|line| {
        let name = line.split(':').next().unwrap_or_default().to_lowercase();
        if ALWAYS_DIFFERENT.contains(&name.as_str()) {
            name
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\r\n")
}

/// What somebody sends who knows the public ids of keys in every state, and no secret.
async fn guesses(running: &Running, clock: &ManualClock) -> Vec<(&'static str, ApiKey)> {
    let owner = running.tenant("a@example.com").await;
    let full = json!({"kind": "full"});
    let mut kinds = vec![("unknown", unknown_key(Class::Live))];
    for kind in ["active", "disabled", "revoked", "rotated", "expired", "elsewhere"] {
        let mut members = json!({"access": full});
        match kind {
            "expired" => members["expires_at"] = json!("2026-01-01T00:00:01Z"),
            "elsewhere" => members["allowed_networks"] = json!(["192.0.2.1"]),
            _ => {}
        }
        let key = make(&owner, members).await;
        match kind {
            "disabled" => _ = act(&owner, &key, "disable").await.expect(200),
            "revoked" => _ = act(&owner, &key, "revoke").await.expect(200),
            "rotated" => {
                act(&owner, &key, "rotate").await.expect(201);
                act(&owner, &key, "end-grace").await.expect(200);
            }
            _ => {}
        }
        kinds.push((kind, same_id_other_secret(&key.key)));
    }
    clock.advance_millis(60_000);
    kinds
}

async fn whatever_the_state_of_a_key_a_wrong_secret_is_answered_byte_for_byte_alike(on: On) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| {
        config.clock = Arc::new(clock.clone());
        config.rate_limit = RateLimit::default();
    })
    .await;
    let guesses = guesses(&running, &clock).await;
    let questions: [&Question; 5] = [
        &|key| Request::new("GET", "/users/me/").key(key),
        &|key| Request::new("HEAD", "/users/me/").key(key),
        &|key| {
            Request::new("GET", "/api-keys/?limit=1")
                .key(key)
                .header("Accept-Encoding", "gzip")
        },
        &|key| {
            let body = json!({"name": "a", "access": {"kind": "full"}});
            Request::new("POST", "/api-keys/").key(key).json(&body)
        },
        &|key| Request::new("GET", "/no/such/route/").key(key),
    ];
    for (number, question) in questions.iter().enumerate() {
        let mut shapes = Vec::new();
        for (kind, key) in &guesses {
            // Each is the first of its minute, so that what remains of the limit can be compared, too.
            let request = question(key.expose().as_bytes());
            let answer = exchange(running.address, &request.bytes()).await;
            shapes.push((kind, shape(&answer)));
            clock.advance_millis(60_000);
        }
        let (_, unknown) = shapes[0].clone();
        assert!(unknown.contains("401") || number == 4, "{unknown}");
        for (kind, shape) in &shapes {
            assert_eq!(*shape, unknown, "question {number}, {kind}");
        }
    }
}

async fn a_guesser_is_slowed_down_by_network_and_nobody_else_is(on: On) {
    // Given a server behind a proxy that says who asks.
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| {
        config.clock = Arc::new(clock.clone());
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        config.rate_limit = RateLimit::Each(Rates {
            per_address: 10,
            ..Rates::default()
        });
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    let from = |address: String, key: &ApiKey| {
        let request = Request::new("GET", "/users/me/").key(key.expose());
        let request = request.header("X-Forwarded-For", address);
        let address = running.address;
        async move { request.send(address).await.status }
    };

    // When somebody guesses with many addresses of one network, then it is one source.
    for number in 0..10 {
        let address = format!("2001:db8:0:1::{number:x}");
        assert_eq!(from(address, &same_id_other_secret(&tenant.key)).await, 401);
    }
    for number in 0..10 {
        let address = format!("2001:db8:0:1:{number:x}::9");
        assert_eq!(from(address, &unknown_key(Class::Live)).await, 429);
    }

    // With many networks there are as many sources, each with its own limit.
    for number in 2..200 {
        let address = format!("2001:db8:0:{number:x}::1");
        assert_eq!(from(address, &unknown_key(Class::Live)).await, 401);
    }

    // And whoever proves a key is served, from there and from elsewhere.
    for address in ["2001:db8:0:1::1", "2001:db8:0:2::1", "192.0.2.1"] {
        assert_eq!(from(address.into(), &tenant.key).await, 200, "{address}");
    }
}

/// How many wrong secrets, and how many unknown ids, are sent one after the other.
const FLOOD: usize = 5_000;

/// Asks over one connection, again and again, and calls back with the status of each answer and its time.
async fn ask_again_and_again(
    address: SocketAddr,
    keys: impl Iterator<Item = ApiKey>,
    mut answered: impl FnMut(u16, Duration),
) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::with_capacity(4096);
    for key in keys {
        let head = Request::new("GET", "/users/me/").key(key.expose()).bytes();
        let head = String::from_utf8(head)
            .unwrap()
            .replace("Connection: close\r\n", "");
        let began = Instant::now();
        stream.write_all(head.as_bytes()).await.unwrap();
        buffer.clear();
        let status = loop {
            assert_ne!(
                stream.read_buf(&mut buffer).await.unwrap(),
                0,
                "the connection is kept"
            );
            if let Some(answer) = crate::support::Answer::parse(&buffer)
                && answer.header("content-length") == Some(&answer.body.len().to_string())
            {
                break answer.status;
            }
        };
        answered(status, began.elapsed());
    }
}

async fn wrong_secrets_without_number_lock_nobodys_key(on: On) {
    let running = start_with(on, |config| {
        config.rate_limit = RateLimit::Each(Rates {
            per_address: u32::MAX,
            ..Rates::default()
        });
    })
    .await;
    let tenant = running.tenant("a@example.com").await;

    let wrong = (0..FLOOD).map(|_| same_id_other_secret(&tenant.key));
    let mut refused = 0;
    ask_again_and_again(running.address, wrong, |status, _| {
        refused += usize::from(status == 401);
    })
    .await;
    assert_eq!(refused, FLOOD);

    // Then the key opens as before, and none of it was counted as its own.
    let answer = tenant.get(&format!("/api-keys/{}/usage/", tenant.key.id())).await;
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("99"));
    assert_eq!(answer.expect(200)["buckets"], json!([]));
}

async fn unknown_ids_without_number_read_nothing_from_the_database(on: On) {
    // Given a server whose database has no table of keys any more: whoever reads it fails.
    let running = start_with(on, |config| {
        config.limits.keys_current_for = Duration::from_mins(5);
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    running
        .dir
        .execute("ALTER TABLE api_keys RENAME TO elsewhere")
        .await;

    let unknown = (0..FLOOD).map(|_| unknown_key(Class::Live));
    let mut refused = 0;
    ask_again_and_again(running.address, unknown, |status, _| {
        refused += usize::from(status == 401);
    })
    .await;

    assert_eq!(refused, FLOOD, "each was refused from memory");
    tenant.get("/users/me/permissions/").await.expect(200);
    running
        .dir
        .execute("ALTER TABLE elsewhere RENAME TO api_keys")
        .await;
}

/// The middle of what was measured, in nanoseconds.
fn median(mut times: Vec<u128>) -> u128 {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn the_time_of_a_refusal_on_the_wire_does_not_tell_whether_an_id_exists(on: On) {
    const ROUNDS: usize = 6;
    const SAMPLES: usize = 300;
    const BOUND: u128 = 50_000;
    let (running, clock) = with_clock(on).await;
    let guesses = guesses(&running, &clock).await;
    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        // Interleaved, so that whatever else this machine does meets all kinds alike.
        let mut times: Vec<Vec<u128>> = vec![Vec::new(); guesses.len()];
        let keys = (0..SAMPLES * guesses.len()).map(|number| guesses[number % guesses.len()].1.clone());
        let mut number = 0;
        ask_again_and_again(running.address, keys, |status, time| {
            assert_eq!(status, 401);
            times[number % guesses.len()].push(time.as_nanos());
            number += 1;
        })
        .await;
        let medians: Vec<u128> = times.into_iter().map(median).collect();
        let spread = medians.iter().max().unwrap() - medians.iter().min().unwrap();
        // A difference that is there is there in every round; what the machine does is not.
        if spread < BOUND {
            return;
        }
        seen.push(medians);
    }
    panic!("medians in nanoseconds, by kind: {seen:?}");
}

async fn a_key_whose_checksum_is_right_is_a_guess_like_any_other(on: On) {
    let running = start_with(on, |config| {
        config.rate_limit = RateLimit::Each(Rates {
            per_address: 3,
            ..Rates::default()
        });
    })
    .await;
    let user = running.server.users().create("a@example.com").await.unwrap();
    let issued = running.issue(&user, Access::Full).await;
    for key in [unknown_key(Class::Live), same_id_other_secret(&issued.key)] {
        let answer = running
            .send(Request::new("GET", "/users/me/").key(key.expose()))
            .await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "key_invalid"));
    }
    // Each was counted against the address it came from.
    let third = running
        .send(Request::new("GET", "/users/me/").key(unknown_key(Class::Live).expose()))
        .await;
    assert_eq!(third.header("x-ratelimit-remaining"), Some("0"));
}

stories![
    whatever_the_state_of_a_key_a_wrong_secret_is_answered_byte_for_byte_alike,
    a_guesser_is_slowed_down_by_network_and_nobody_else_is,
    wrong_secrets_without_number_lock_nobodys_key,
    unknown_ids_without_number_read_nothing_from_the_database,
    the_time_of_a_refusal_on_the_wire_does_not_tell_whether_an_id_exists,
    a_key_whose_checksum_is_right_is_a_guess_like_any_other,
];
