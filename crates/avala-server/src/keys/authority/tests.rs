//! What a refusal costs: the same work and the same time, whatever is known of the id.

use std::{hint::black_box, time::Instant};

use super::*;
use crate::{
    accounts::{self, NewAccount},
    keys::pepper::MACS,
};

/// An authority, with a key of each kind that somebody may guess at.
async fn guesses() -> (Authority, Vec<(&'static str, ApiKey)>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let dir = DataDir::make(&folder.path().join("data")).unwrap();
    let random = Arc::new(Random::new(operating_system()));
    let clock = Arc::new(SystemClock);
    let class = Some(Class::Live);
    let opened = open(dir, &Database::Sqlite, class, &random, clock.now())
        .await
        .unwrap();
    let authority = Authority::of(opened, random, clock).await.unwrap();
    let account = NewAccount {
        email: "a@example.com",
        ..NewAccount::default()
    };
    let owner = accounts::create(&authority, &account).await.unwrap().uid;
    let issue = async |expires_at| {
        let new = NewKey {
            owner: owner.clone(),
            name: "test".into(),
            access: Access::Full,
            expires_at,
        };
        authority.issue(new).await.unwrap()
    };
    let active = issue(None).await;
    let expired = issue(Some(Timestamp::from_unix_seconds(1))).await;
    let revoked = issue(None).await;
    authority.revoke(revoked.id).await.unwrap();
    let guesses = vec![
        ("unknown", other_secret(&active.key, true, 0)),
        ("active", other_secret(&active.key, false, 0)),
        ("active, all but the end", other_secret(&active.key, false, 31)),
        ("expired", other_secret(&expired.key, false, 0)),
        ("revoked", other_secret(&revoked.key, false, 0)),
        ("right", active.key),
    ];
    (authority, guesses, folder)
}

/// A key whose secret begins as this one's does, with its id or one that nobody has.
fn other_secret(key: &ApiKey, is_unknown: bool, right: usize) -> ApiKey {
    let mut body = key.expose()[..54].to_owned();
    if is_unknown {
        body.replace_range(9..21, "000000000000");
    }
    let wrong: String = key.expose()[22 + right..54]
        .chars()
        .map(|c| if c == 'x' { 'y' } else { 'x' })
        .collect();
    body.replace_range(22 + right.., &wrong);
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut checksum = [0; 6];
    for digit in checksum.iter_mut().rev() {
        *digit = digits[(rest % 62) as usize];
        rest /= 62;
    }
    body.push_str(std::str::from_utf8(&checksum).unwrap());
    ApiKey::parse(body.as_bytes()).unwrap()
}

#[tokio::test]
async fn whatever_is_known_of_an_id_one_mac_is_computed() {
    let (authority, guesses, _folder) = guesses().await;
    for (kind, key) in &guesses {
        let before = MACS.get();
        assert_eq!(authority.prove(key).is_some(), *kind == "right", "{kind}");
        assert_eq!(MACS.get() - before, 1, "{kind}");
    }
}

#[tokio::test]
async fn the_time_of_a_check_does_not_tell_what_is_known_of_an_id() {
    const ROUNDS: usize = 10;
    const SAMPLES: usize = 400;
    const CHECKS: usize = 20;
    let (authority, guesses, _folder) = guesses().await;
    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        // Interleaved, so that whatever else this machine does meets all kinds alike.
        let mut times = vec![Vec::with_capacity(SAMPLES); guesses.len()];
        for _ in 0..SAMPLES {
            for ((_, key), times) in guesses.iter().zip(&mut times) {
                let began = Instant::now();
                for _ in 0..CHECKS {
                    black_box(authority.prove(black_box(key)));
                }
                times.push(began.elapsed().as_nanos());
            }
        }
        let medians: Vec<u128> = times
            .into_iter()
            .map(|mut times| {
                times.sort_unstable();
                times[SAMPLES / 2]
            })
            .collect();
        let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
        // Without the MAC a check takes a third of this time. A difference that is there is there in every round.
        if most * 4 < least * 5 {
            return;
        }
        seen.push(medians);
    }
    panic!("medians in nanoseconds, of {guesses:?}: {seen:?}");
}
