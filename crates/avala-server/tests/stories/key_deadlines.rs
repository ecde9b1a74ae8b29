//! Deadlines of keys at the ends of the calendar, and on clocks that are set.

use std::sync::Arc;

use avala_api::Timestamp;
use serde_json::json;

use crate::{
    api_keys::{act, create, holder, make, path, refused, served, status},
    support::{ManualClock, On, Running, start_with},
};

async fn at(on: On, now: &str) -> (Running, ManualClock) {
    let clock = ManualClock::at(now);
    let running = start_with(on, |config| config.clock = Arc::new(clock.clone())).await;
    (running, clock)
}

async fn a_deadline_is_exact_beyond_every_year_that_computers_stumble_over(on: On) {
    for (deadline, before) in [
        // The last second of 31 bits, and of 32, and the turn of a year with a leap day in it.
        ("2038-01-19T03:14:07Z", "2038-01-19T03:14:06.999Z"),
        ("2038-01-19T03:14:08Z", "2038-01-19T03:14:07.999Z"),
        ("2106-02-07T06:28:16Z", "2106-02-07T06:28:15.999Z"),
        ("2400-02-29T00:00:00Z", "2400-02-28T23:59:59.999Z"),
        ("9999-12-30T22:00:00Z", "9999-12-30T21:59:59.999Z"),
    ] {
        let (running, clock) = at(on, "2026-01-01T00:00:00Z").await;
        let owner = running.tenant("a@example.com").await;
        let made = create(
            &owner,
            json!({"access": {"kind": "full"}, "expires_at": deadline}),
        )
        .await;
        let made = made.expect(201);
        assert_eq!(made["expires_at"], json!(deadline));
        let key = holder(&owner, &made);
        let before: Timestamp = before.parse().unwrap();
        clock.advance_millis(before.unix_millis() - clock.millis());
        assert_eq!(status(&key).await, served(), "before {deadline}");
        clock.advance_millis(1);
        assert_eq!(status(&key).await, refused("key_expired"), "at {deadline}");
        clock.advance_millis(1);
        assert_eq!(status(&key).await, refused("key_expired"), "after {deadline}");
    }
}

async fn an_end_that_is_no_instant_of_the_future_is_refused(on: On) {
    let (running, _clock) = at(on, "2026-01-01T00:00:00Z").await;
    let owner = running.tenant("a@example.com").await;
    for never in [
        json!("2026-01-01T00:00:00Z"),
        json!("2025-12-31T23:59:59.999Z"),
        json!("1969-12-31T23:59:59Z"),
        json!("-000001-01-01T00:00:00Z"),
        json!("0000-00-00T00:00:00Z"),
        json!("10000-01-01T00:00:00Z"),
        json!("2026-02-30T00:00:00Z"),
        json!("2027-01-01T24:00:00Z"),
        json!("2027-01-01T00:00:00"),
        json!("2027-01-01"),
        json!("tomorrow"),
        json!(""),
        json!(-1),
        json!(4_102_444_800_u64),
        json!(1e300),
    ] {
        let answer = create(&owner, json!({"access": {"kind": "full"}, "expires_at": never})).await;
        assert_eq!(answer.status, 400, "{never}");
        assert!(answer.json()["expires_at"].is_array(), "{never}");
    }
    let key = make(&owner, json!({"access": {"kind": "full"}})).await;
    for never in [json!(-1), json!(0.5), json!("1"), json!(4_294_967_296_u64)] {
        let answer = owner
            .post(&path(&key, "rotate/"), json!({"grace_seconds": never}))
            .await;
        assert_eq!(answer.status, 400, "{never}");
    }
    assert_eq!(
        owner.get(&path(&key, "")).await.expect(200)["rotated_to"],
        json!(null)
    );
}

async fn a_leap_second_makes_no_key_live_longer(on: On) {
    let (running, clock) = at(on, "2026-12-31T23:59:50Z").await;
    let owner = running.tenant("a@example.com").await;
    let next_year: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    let leap = json!({"access": {"kind": "full"}, "expires_at": "2026-12-31T23:59:60Z"});
    let answer = create(&owner, leap).await;
    // It is taken for an instant before the new year or not at all; the answer says which.
    if answer.status == 201 {
        let made = answer.json();
        let end: Timestamp = made["expires_at"].as_str().unwrap().parse().unwrap();
        assert!(end <= next_year, "{end}");
        let key = holder(&owner, &made);
        clock.advance_millis(end.unix_millis() - clock.millis() - 1);
        assert_eq!(status(&key).await, served());
        clock.advance_millis(1);
        assert_eq!(status(&key).await, refused("key_expired"));
    } else {
        assert_eq!(answer.status, 400);
    }
}

async fn a_clock_that_is_set_never_gives_a_key_more_time(on: On) {
    const HOUR: i64 = 3_600_000;
    let (running, clock) = at(on, "2026-01-01T12:00:00Z").await;
    let owner = running.tenant("a@example.com").await;
    let full = json!({"kind": "full"});
    let hour = make(
        &owner,
        json!({"access": full, "expires_at": "2026-01-01T13:00:00Z"}),
    )
    .await;
    let rotated = make(&owner, json!({"access": full})).await;
    let successor = act(&owner, &rotated, "rotate").await.expect(201);
    assert_eq!(status(&hour).await, served());

    // Back by an hour: whatever is valid stays so, and what has come to its end at any time stays there.
    clock.advance_millis(-HOUR);
    assert_eq!(
        (status(&hour).await, status(&rotated).await),
        (served(), served())
    );
    // On by two days: both have ended, the grace of the rotated one, too.
    clock.advance_millis(48 * HOUR);
    assert_eq!(status(&hour).await, refused("key_expired"));
    assert_eq!(status(&rotated).await, refused("key_rotated"));
    // And back again: neither comes back, nor is it given another end or another successor.
    clock.advance_millis(-48 * HOUR);
    assert_eq!(status(&hour).await, refused("key_expired"));
    assert_eq!(status(&rotated).await, refused("key_rotated"));
    let later = owner
        .patch(&path(&hour, ""), json!({"expires_at": "2026-01-01T12:30:00Z"}))
        .await;
    assert_eq!(later.code(), "key_not_active");
    assert_eq!(act(&owner, &hour, "rotate").await.code(), "key_not_active");
    assert_eq!(act(&owner, &rotated, "rotate").await.code(), "already_rotated");
    act(&owner, &hour, "enable").await.expect(200);
    assert_eq!(status(&hour).await, refused("key_expired"));
    assert_eq!(status(&holder(&owner, &successor)).await, served());
}

stories![
    a_deadline_is_exact_beyond_every_year_that_computers_stumble_over,
    an_end_that_is_no_instant_of_the_future_is_refused,
    a_leap_second_makes_no_key_live_longer,
    a_clock_that_is_set_never_gives_a_key_more_time,
];
