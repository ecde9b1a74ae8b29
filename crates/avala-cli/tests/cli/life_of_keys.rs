//! Keys by command on a real server, from the answer that makes them to their end.

use serde_json::json;

use super::{
    api_keys::unread_by,
    avala::avala,
    server::{TestServer, server},
};

/// How a key is answered: the exit code of a call that it may make.
fn opens(server: &TestServer, key: &str) -> Option<i32> {
    let outcome = avala("webhooks list").on(&server.base_url, key.trim_end()).run();
    outcome.code
}

/// The id in a key: it is no secret.
fn id_of(key: &str) -> &str {
    &key["avk_test_".len()..][..12]
}

#[test]
fn a_key_lives_and_ends_on_a_real_server() {
    let server = server();
    let file = server.directory.path().join("nightly.key");
    let make = "keys create --name nightly --scope webhooks.read --expires-in 90d --environment ci";
    let told = server
        .avala(&format!(
            "{make} --network 127.0.0.0/8 -o json --out {}",
            file.display()
        ))
        .run()
        .json();
    let first = std::fs::read_to_string(&file).unwrap();
    let first_id = id_of(&first);
    assert_eq!(
        (&told["id"], &told["environment"]),
        (&first_id.into(), &"ci".into())
    );
    assert_eq!(told["allowed_networks"], json!(["127.0.0.0/8"]));
    assert_eq!(opens(&server, &first), Some(0));
    let denied = avala("agents list").on(&server.base_url, first.trim_end()).run();
    assert_eq!(denied.code, Some(5), "it may do what was said, and no more");

    let do_it = |line: &str| server.avala(&format!("{line} -o json")).run().json();
    assert_eq!(do_it(&format!("keys disable {first_id}"))["state"], "disabled");
    assert_eq!(opens(&server, &first), Some(4));
    do_it(&format!("keys enable {first_id}"));
    do_it(&format!("keys update avk_test_{first_id} --name daily"));
    let listed = server
        .avala("keys list --state active --environment ci")
        .run()
        .printed();
    assert!(
        listed.starts_with(&format!("{first_id}\tdaily\tactive\tci\t")),
        "{listed}"
    );

    let rotated = server.avala(&format!("keys rotate {first_id} --grace 1h")).run();
    let second = rotated.stdout;
    assert_eq!(
        (opens(&server, &first), opens(&server, &second)),
        (Some(0), Some(0))
    );
    let ended = do_it(&format!("keys end-grace {first_id}"));
    assert_eq!(ended["rotated_to"], id_of(&second));
    assert_eq!(
        (opens(&server, &first), opens(&server, &second)),
        (Some(4), Some(0))
    );

    let revoked = do_it(&format!("keys revoke {} --reason leaked --yes", id_of(&second)));
    assert_eq!(
        (
            &revoked["state"],
            &revoked["revoked_reason"],
            &revoked["effective"]
        ),
        (&"revoked".into(), &"leaked".into(), &"everywhere".into())
    );
    assert_eq!(opens(&server, &second), Some(4));
}

#[test]
fn a_successor_that_nobody_took_is_replaced_on_a_real_server() {
    let server = server();
    let old = server
        .avala("keys create --name nightly --scope webhooks.read")
        .run()
        .stdout;
    let line = format!("keys rotate {}", id_of(&old));
    let lost = unread_by(server.avala(&line)).failed(1);
    assert!(lost.contains("and revoked.\nhint: Do it again"), "{lost}");
    let new = server.avala(&line).run().stdout;
    assert_eq!((opens(&server, &old), opens(&server, &new)), (Some(0), Some(0)));
    let states = server.avala("keys list --state revoked -o json").run().json();
    assert_eq!(states.as_array().unwrap().len(), 1, "{states}");
}

// Covers: R5
#[test]
fn a_key_is_shown_once_and_another_is_made_if_it_is_lost() {
    let server = server();
    let make = "keys create --name nightly --scope webhooks.read";
    let key = server.avala(make).run().stdout;
    let (id, secret) = (id_of(&key), &key.trim_end()[22..]);
    // Its id is all that is seen of it after that.
    for line in [
        format!("keys show {id}"),
        "keys list".to_owned(),
        format!("keys update {id} --name daily"),
        format!("keys usage {id}"),
        "audit list".to_owned(),
    ] {
        for form in ["", " -o json"] {
            let outcome = server.avala(&format!("{line}{form}")).run();
            assert_eq!(outcome.code, Some(0), "{outcome:?}");
            assert!(!format!("{outcome:?}").contains(secret), "{line}: {outcome:?}");
        }
    }
    let another = server.avala(make).run().stdout;
    assert_ne!(another, key);
    assert_eq!(opens(&server, &another), Some(0));
}

// Covers: R25
#[test]
fn the_use_of_a_key_can_be_looked_at() {
    let server = server();
    let key = server
        .avala("keys create --name nightly --scope webhooks.read")
        .run()
        .stdout;
    let usage = || {
        server
            .avala(&format!("keys usage {} -o json", id_of(&key)))
            .run()
            .json()
    };
    assert!(usage()["last_used_at"].is_null());
    for _ in 0..3 {
        assert_eq!(opens(&server, &key), Some(0));
    }
    let denied = avala("agents list").on(&server.base_url, key.trim_end()).run();
    assert_eq!(denied.code, Some(5));
    let used = usage();
    assert_eq!(used["last_used_ip"], "127.0.0.1", "{used}");
    let sum = |name: &str| {
        let buckets = used["buckets"].as_array().unwrap();
        buckets
            .iter()
            .map(|bucket| bucket[name].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(sum("requests"), 4, "{used}");
}

#[test]
fn a_key_that_the_server_makes_is_in_no_log_and_no_message() {
    let server = server();
    for (number, verb) in ["create --name n --full-access", "rotate"]
        .into_iter()
        .enumerate()
    {
        let file = server.directory.path().join(number.to_string());
        let old = server.avala("keys create --name old --full-access").run().stdout;
        let which = if verb == "rotate" { id_of(&old) } else { "" };
        let line = format!("keys {verb} {which} --log trace, --out {}", file.display());
        let outcome = server.avala(&line).run();
        let key = std::fs::read_to_string(&file).unwrap();
        assert!(outcome.stderr.contains("TRACE"), "the log was on: {outcome:?}");
        assert!(
            !format!("{outcome:?}").contains(&key.trim_end()[22..]),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_key_from_elsewhere_is_taken_over_and_told_to_nobody() {
    const KEY: &str = "4f3c29d01b7e8a6655c04d93e2f1a0b7c8d56e10";
    let server = server();
    assert_eq!(opens(&server, KEY), Some(4));
    let line = "keys import --name old --scope webhooks.read --environment ci --log trace,";
    let taken_over = server.avala(line).stdin(&format!("{KEY}\n")).run();
    assert_eq!(taken_over.code, Some(0), "{taken_over:?}");
    assert!(taken_over.stderr.contains("TRACE"), "the log was on");
    assert!(!format!("{taken_over:?}").contains(KEY), "{taken_over:?}");
    assert_eq!(opens(&server, KEY), Some(0));

    let again = server.avala(line).stdin(KEY).run();
    assert!(!format!("{again:?}").contains(KEY), "{again:?}");
    let said = again.failed(9);
    assert!(said.contains("taken over before"), "{said}");

    let listed = server.avala("keys list --environment ci -o json").run().json();
    assert_eq!(
        (&listed[0]["legacy"], &listed[0]["prefix"]),
        (&true.into(), &"".into())
    );
}

#[test]
fn what_is_no_key_from_elsewhere_is_not_sent() {
    let server = server();
    for not_one in ["", "avk_test", "4F3C29D01B7E8A6655C04D93E2F1A0B7C8D56E10"] {
        let line = server
            .avala("keys import --name old --full-access")
            .stdin(not_one);
        let said = line.run().failed(2);
        assert!(said.contains("Nothing was sent."), "{said}");
    }
}

#[test]
fn many_keys_are_shown_counted_and_then_revoked() {
    let server = server();
    let make = |environment: &str| {
        let line = format!("keys create --name nightly --scope webhooks.read --environment {environment}");
        server.avala(&line).run().stdout
    };
    let (one, other, kept) = (make("ci"), make("ci"), make("production"));
    let counted = server.avala("keys revoke --where environment=ci --dry-run").run();
    let shown = counted.printed();
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert!(
        shown.contains(id_of(&one)) && shown.contains(id_of(&other)),
        "{shown}"
    );

    // Without anybody to ask, nothing happens; nor if there are others than were counted.
    let line =
        "keys revoke --where environment=ci --where created-before=2100-01-01T00:00:00Z --reason unused";
    let unasked = server.avala(line).run().failed(2);
    assert!(unasked.contains("needs --count"), "{unasked}");
    let changed = server.avala(&format!("{line} --count 3")).run().failed(9);
    assert!(changed.contains("None was revoked"), "{changed}");
    assert_eq!((opens(&server, &one), opens(&server, &kept)), (Some(0), Some(0)));

    let revoked = server.avala(&format!("{line} --count 2 -o json")).run().json();
    assert_eq!(
        (&revoked["count"], &revoked["dry_run"]),
        (&2.into(), &false.into())
    );
    assert_eq!(
        (
            opens(&server, &one),
            opens(&server, &other),
            opens(&server, &kept)
        ),
        (Some(4), Some(4), Some(0))
    );
    for wrong in [
        "enviroment=ci",
        "environment",
        "created-before=yesterday",
        "legacy=perhaps",
    ] {
        server
            .avala(&format!("keys revoke --where {wrong} --dry-run"))
            .run()
            .failed(2);
    }
    server.avala("keys revoke --reason unused").run().failed(2);
    server
        .avala("keys revoke 7Hk2mQ9xTbWc --where legacy=true")
        .run()
        .failed(2);
}

#[test]
fn a_policy_is_tightened_by_key_and_loosened_beside_the_server() {
    let server = server();
    let policy = |line: &str| server.avala(&format!("keys policy {line} -o json")).run();
    assert_eq!(policy("show").json()["most_keys"], 10_000);
    let tight = policy("update --longest-life 90d --most-keys 50").json();
    assert_eq!(
        (&tight["longest_life_seconds"], &tight["most_keys"]),
        (&7_776_000.into(), &50.into())
    );
    assert!(
        policy("update --longest-life 91d")
            .failed(9)
            .contains("only make the policy tighter")
    );
    assert!(policy("update").failed(2).contains("required"));
    let shown = server.avala("keys policy show").run().printed();
    assert!(
        shown.contains("longest life\t90d\n") && shown.contains("allowed scopes\tany\n"),
        "{shown}"
    );

    let made = server
        .avala("keys create --name n --full-access -o json")
        .run()
        .json();
    assert_eq!(made["hints"][0]["rule"], "shortened_by_policy");
    let told = server.avala("keys create --name n --full-access").run().stderr;
    assert!(
        told.contains("The policy of the organization ends this key at"),
        "{told}"
    );

    let data = server.directory.path().join("data");
    let beside = |verb: &str| {
        avala(&format!(
            "server policy {verb} -o json --data-dir {}",
            data.display()
        ))
        .run()
    };
    assert_eq!(
        beside("set --any-life --most-keys 60").json()["longest_life_seconds"],
        json!(null)
    );
    assert_eq!(beside("show").json(), policy("show").json());
    assert_eq!(policy("show").json()["most_keys"], 60);
    beside("set").failed(2);
    beside("show --organization nobody").failed(1);
}
