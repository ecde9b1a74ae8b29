//! What becomes of counts beside the requests: rows of long ago.

use avala_keys::Class;

use super::*;

async fn usage() -> (Usage, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("avala.sqlite3");
    std::fs::File::create(&file).unwrap();
    let store = Store::sqlite(&file).await.unwrap();
    store
        .initialise(Class::Live, &[], Timestamp::from_unix_seconds(0))
        .await
        .unwrap();
    (Usage::new(store), dir)
}

fn used(hour: i64) -> Used {
    Used {
        key: "7Hk2mQ9xTbWc".parse().unwrap(),
        group: "users",
        outcome: Outcome::Success,
        is_in_force: true,
        at: Timestamp::from_unix_millis(hour * HOUR),
        address: IpAddr::from([192, 0, 2, 1]),
        agent: None,
    }
}

#[tokio::test]
async fn counts_are_kept_for_ninety_days_and_the_last_use_for_ever() {
    let (usage, _dir) = usage().await;
    usage.count(&used(0));
    usage.count(&used(1));
    usage.flush().await.unwrap();

    let hours = 90 * 24 + 1;
    usage
        .forget(Timestamp::from_unix_millis(hours * HOUR))
        .await
        .unwrap();

    let key = used(0).key;
    let (from, to) = (used(0).at, used(hours).at);
    let starts: Vec<Timestamp> = usage
        .of(key, from, to, By::Hour)
        .await
        .unwrap()
        .iter()
        .map(|bucket| bucket.start)
        .collect();
    assert_eq!(starts, [used(1).at]);
    assert_eq!(usage.last_used(key).await.unwrap().unwrap().at, used(1).at);
}

#[tokio::test]
async fn more_keys_than_one_transaction_takes_are_written_all_the_same() {
    let (usage, _dir) = usage().await;
    let keys: Vec<KeyId> = (0..KEYS + 7)
        .map(|number| format!("{number:012}").parse().unwrap())
        .collect();
    for key in &keys {
        usage.count(&Used { key: *key, ..used(1) });
    }
    assert_eq!(usage.unwritten(), keys.len());
    usage.flush().await.unwrap();
    assert_eq!(usage.unwritten(), 0);
    usage.0.pending.forget(i64::MAX);
    assert_eq!(usage.last_uses(&keys).await.unwrap().len(), keys.len());
}
