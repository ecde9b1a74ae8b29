//! Random numbers that fail or come again: no key is made of them, and none is overwritten.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use avala_keys::RandomnessFailed;
use avala_server::keys::Access;
use fastrand::Rng;
use serde_json::json;

use crate::{
    api_keys::{act, create, holder, make, path, served, status},
    support::{On, Running, start_with},
};

/// What the source of a server does from now on.
#[derive(Clone)]
enum Source {
    /// Gives numbers of its own.
    Works(Rng),
    /// Works so many times, then fails.
    FailsAfter(usize, Rng),
    /// Gives the same numbers at each draw: a machine that was copied, or a generator that is stuck.
    Repeats(Rng),
}

async fn with_source(on: On) -> (Running, Arc<Mutex<Source>>) {
    let source = Arc::new(Mutex::new(Source::Works(Rng::with_seed(1))));
    let running = start_with(on, |config| {
        let source = source.clone();
        config.randomness = Box::new(move |bytes: &mut [u8]| {
            match &mut *source.lock().unwrap() {
                Source::Works(random) => random.fill(bytes),
                Source::FailsAfter(0, _) => return Err(RandomnessFailed),
                Source::FailsAfter(left, random) => {
                    *left -= 1;
                    random.fill(bytes);
                }
                Source::Repeats(random) => random.clone().fill(bytes),
            }
            Ok(())
        });
    })
    .await;
    (running, source)
}

async fn while_random_numbers_fail_no_key_is_made_and_none_is_ended(on: On) {
    let (running, source) = with_source(on).await;
    let owner = running.tenant("a@example.com").await;
    let full = json!({"access": {"kind": "full"}});
    let key = make(&owner, full.clone()).await;
    let count = async || {
        let listed = owner.get("/api-keys/").await.expect(200);
        listed["results"].as_array().unwrap().len()
    };
    assert_eq!(count().await, 2);

    *source.lock().unwrap() = Source::FailsAfter(0, Rng::with_seed(2));
    let refused = create(&owner, full.clone()).await;
    assert_eq!((refused.status, refused.code().as_str()), (500, "server_error"));
    assert_eq!(act(&owner, &key, "rotate").await.status, 500);

    // Then there is neither half a key nor half a rotation, and what is there goes on.
    assert_eq!(count().await, 2);
    assert_eq!(
        owner.get(&path(&key, "")).await.expect(200)["rotated_to"],
        json!(null)
    );
    assert_eq!(status(&key).await, served());
    act(&owner, &key, "disable").await.expect(200);
    act(&owner, &key, "enable").await.expect(200);

    // Once there are numbers again, keys are made again.
    *source.lock().unwrap() = Source::Works(Rng::with_seed(3));
    make(&owner, full).await;
    assert_eq!(count().await, 3);
}

async fn a_public_id_that_is_taken_is_drawn_again_and_its_key_stays(on: On) {
    let (running, source) = with_source(on).await;
    let owner = running.tenant("a@example.com").await;
    let full = json!({"access": {"kind": "full"}, "name": "first"});
    let at = |seed| Source::Works(Rng::with_seed(seed));

    // Given a key, and a source that begins again where it was before that key.
    *source.lock().unwrap() = at(9);
    let first = make(&owner, full.clone()).await;
    *source.lock().unwrap() = at(9);

    // When keys are made, in each way, then each has an id of its own.
    let second = make(&owner, full.clone()).await;
    *source.lock().unwrap() = at(9);
    let made = act(&owner, &second, "rotate").await.expect(201);
    let third = holder(&owner, &made);
    *source.lock().unwrap() = at(10);
    let fourth = running.issue(&owner.user, Access::Full).await;
    *source.lock().unwrap() = at(10);
    let fifth = running.issue(&owner.user, Access::Full).await;

    let ids: BTreeSet<_> = [&first, &second, &third].map(|holder| holder.key.id()).into();
    assert_eq!((ids.len(), fourth.id == fifth.id), (3, false));
    for key in [&first, &second, &third] {
        assert_eq!(status(key).await, served());
    }

    // When the source is stuck for ever, then none is made, and none is overwritten.
    *source.lock().unwrap() = Source::Repeats(Rng::with_seed(9));
    let before = owner.get(&path(&first, "")).await.expect(200);
    let refused = create(&owner, json!({"access": {"kind": "full"}, "name": "thief"})).await;
    assert_eq!(refused.status, 500);
    assert_eq!(act(&owner, &third, "rotate").await.status, 500);
    let mut after = owner.get(&path(&first, "")).await.expect(200);
    after["last_used_at"] = before["last_used_at"].clone();
    assert_eq!(after, before);
    for key in [&first, &second, &third] {
        assert_eq!(status(key).await, served());
    }
}

stories![
    while_random_numbers_fail_no_key_is_made_and_none_is_ended,
    a_public_id_that_is_taken_is_drawn_again_and_its_key_stays,
];
