//! What becomes of counts beside the requests: rows of long ago.

use std::collections::BTreeMap;

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

const DAY: i64 = 24;

fn hours(count: i64) -> Timestamp {
    Timestamp::from_unix_millis(count * HOUR)
}

async fn all(usage: &Usage, by: By) -> Vec<Bucket> {
    usage
        .of(used(0).key, hours(0), hours(10_000 * DAY), by)
        .await
        .unwrap()
}

fn starts(buckets: &[Bucket]) -> Vec<i64> {
    let starts = buckets.iter().map(|bucket| bucket.start.unix_millis() / HOUR);
    starts.collect()
}

#[tokio::test]
async fn hours_are_known_for_ninety_days_days_for_two_years_and_the_last_use_for_ever() {
    let (usage, _dir) = usage().await;
    for hour in [0, 1, DAY] {
        usage.count(&used(hour));
    }
    usage.flush().await.unwrap();

    // By the hour, from the instant on at which an hour began ninety days ago; by day, as if nothing had happened.
    usage.forget(hours(90 * DAY + 1)).await.unwrap();
    assert_eq!(starts(&all(&usage, By::Hour).await), [1, DAY]);
    let days = all(&usage, By::Day).await;
    assert_eq!(starts(&days), [0, DAY]);
    assert_eq!((days[0].requests, days[1].requests), (2, 1));

    usage.forget(hours(731 * DAY)).await.unwrap();
    assert_eq!(starts(&all(&usage, By::Day).await), [0, DAY]);
    usage.forget(hours(731 * DAY + 1)).await.unwrap();
    assert_eq!(starts(&all(&usage, By::Day).await), [DAY]);
    usage.forget(hours(733 * DAY)).await.unwrap();
    assert_eq!(all(&usage, By::Day).await, []);
    assert_eq!(
        usage.last_used(used(0).key).await.unwrap().unwrap().at,
        hours(DAY)
    );
}

/// Numbers in some order, always the same for a seed.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

#[tokio::test]
async fn days_are_the_same_whenever_their_hours_are_summed_up() {
    const GROUPS: [&str; 3] = ["users", "agents", NO_ROUTE];
    for seed in 0..20 {
        // Given requests of a year, among them late ones for hours that were summed up already.
        let mut drawn = Drawn(seed);
        let (usage, _dir) = usage().await;
        let mut expected = BTreeMap::<(i64, &str, &str), u64>::new();
        let mut now = 0;
        for _ in 0..40 {
            for _ in 0..drawn.below(60) {
                let late = if drawn.below(10) == 0 { 100 * DAY } else { 3 * DAY };
                let hour = (now - i64::try_from(drawn.below(late.unsigned_abs())).unwrap()).max(0);
                let group = GROUPS[usize::try_from(drawn.below(3)).unwrap()];
                let outcome = Outcome::ALL[usize::try_from(drawn.below(5)).unwrap()];
                usage.count(&Used {
                    group,
                    outcome,
                    ..used(hour)
                });
                *expected.entry((hour / DAY, group, outcome.name())).or_default() += 1;
            }
            usage.flush().await.unwrap();
            now += i64::try_from(drawn.below(20 * DAY.unsigned_abs())).unwrap();

            // When the old ones are summed up at any time, in one go or not, then the days say what they said.
            let before = all(&usage, By::Day).await;
            if drawn.below(3) == 0 {
                usage.0.store.sum_up_usage(hours(now - 7 * DAY)).await.unwrap();
            }
            usage.forget(hours(now)).await.unwrap();
            let days = all(&usage, By::Day).await;
            assert_eq!(days, before, "seed {seed}");
            let shown: u64 = days.iter().map(|day| day.requests).sum();
            assert_eq!(shown, expected.values().sum::<u64>(), "seed {seed}");
            for day in &days {
                let of = |wanted: &dyn Fn(&(i64, &str, &str)) -> bool| -> u64 {
                    let start = day.start.unix_millis() / HOUR / DAY;
                    let counts = expected.iter().filter(|(at, _)| at.0 == start && wanted(at));
                    counts.map(|(_, count)| count).sum()
                };
                assert_eq!(day.refused, of(&|at| at.2 == "refused"), "seed {seed}");
                for (group, count) in &day.by_group {
                    assert_eq!(*count, of(&|at| at.1 == group), "seed {seed}");
                }
            }
            let oldest = starts(&all(&usage, By::Hour).await).first().copied();
            assert!(oldest.is_none_or(|hour| hour >= now - 90 * DAY), "seed {seed}");
        }
    }
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
