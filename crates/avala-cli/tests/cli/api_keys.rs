//! Keys by command: what is asked of a server, and where the secret goes.

use serde_json::{Value, json};

use super::{
    avala::{Outcome, Typed, avala},
    canned::{Canned, in_turn},
};

pub(crate) const ID: &str = "Canary000000";
/// It must never be seen but where it is meant to be.
pub(crate) const SECRET: &str = "avk_test_Canary000000_CanaryCanaryCanaryCanaryCanaryCanar";
pub(crate) const CREATE: &str = "keys create --name nightly --scope datasets.read";

/// A key as a server tells it.
pub(crate) fn key() -> Value {
    json!({
        "id": ID, "prefix": "avk_test_Canary000000", "name": "nightly", "class": "test", "owner": "u1",
        "access": {"kind": "listed", "scopes": ["datasets.read"]}, "allowed_networks": ["10.0.0.0/8"],
        "state": "active", "created_at": "2026-01-31T12:00:00Z", "expires_at": "2026-05-01T12:00:00Z",
    })
}

/// The answer that makes one.
pub(crate) fn made() -> Value {
    let mut key = key();
    key["secret"] = SECRET.into();
    key
}

fn maker() -> Canned {
    in_turn(&[
        ("201 Created", &made().to_string()),
        ("200 OK", &key().to_string()),
    ])
}

fn on(server: &Canned, line: &str) -> Outcome {
    avala(line).on(&server.base_url, "key").run()
}

#[test]
fn a_key_may_do_what_was_typed_and_no_more() {
    for (line, body) in [
        (
            "keys create --name all --full-access",
            json!({"name": "all", "access": {"kind": "full"}}),
        ),
        (
            "keys create --name ci --scope datasets.read,exports.create --scope tasks.read --network 10.0.0.0/8 \
             --network 192.0.2.7 --environment staging --owner u2 --resource project:p1,dataset:d1 --expires-at 2026-12-31T00:00:00Z",
            json!({
                "name": "ci", "access": {"kind": "listed", "scopes": ["datasets.read", "exports.create", "tasks.read"]},
                "allowed_networks": ["10.0.0.0/8", "192.0.2.7/32"], "environment": "staging", "owner": "u2",
                "expires_at": "2026-12-31T00:00:00Z", "resources": ["project:p1", "dataset:d1"],
            }),
        ),
    ] {
        let server = maker();
        assert_eq!(on(&server, line).code, Some(0), "{line}");
        assert_eq!(server.lines(), ["POST /api-keys/"]);
        assert_eq!(server.body(), body, "{line}");
    }
}

#[test]
fn a_life_is_counted_from_now() {
    let server = maker();
    let now = || avala_api::Timestamp::from(std::time::SystemTime::now()).unix_seconds();
    let days = 90 * 24 * 60 * 60;
    let earliest = now() + days;
    assert_eq!(on(&server, &format!("{CREATE} --expires-in 90d")).code, Some(0));
    let body = server.body();
    let end: avala_api::Timestamp = body["expires_at"].as_str().unwrap().parse().unwrap();
    assert!((earliest..=now() + days).contains(&end.unix_seconds()), "{body}");
}

#[test]
fn what_cannot_be_a_key_is_refused_before_anything_is_sent() {
    let server = maker();
    for (name, line) in [
        ("no access", "keys create --name n".to_owned()),
        (
            "two kinds of access",
            "keys create --name n --full-access --scope tasks.read".into(),
        ),
        (
            "a scope that is none",
            "keys create --name n --scope datasets.raed".into(),
        ),
        (
            "a network that is none",
            format!("{CREATE} --network 10.0.0.0/33"),
        ),
        ("an object that is none", format!("{CREATE} --resource task:1")),
        ("a life without a unit", format!("{CREATE} --expires-in 90")),
        (
            "two ends",
            format!("{CREATE} --expires-in 1d --expires-at 2026-12-31T00:00:00Z"),
        ),
        ("a file and a terminal", format!("{CREATE} --out f --show")),
        (
            "a grace without a unit",
            "keys rotate Canary000000 --grace 24".into(),
        ),
        ("a key in place of its id", format!("keys revoke {SECRET} --yes")),
        ("an id that is none", "keys show ../users".into()),
        ("nobody to ask", "keys revoke Canary000000".into()),
    ] {
        let text = on(&server, &line).failed(2);
        assert!(!text.contains(&SECRET[22..]), "{text}");
        insta::assert_snapshot!(format!("refused {name}").replace(' ', "-"), text);
    }
    assert!(server.lines().is_empty(), "{:?}", server.lines());
}

#[test]
fn in_a_pipe_the_secret_is_the_only_thing_on_stdout() {
    for line in [CREATE.to_owned(), format!("keys rotate {ID}")] {
        let outcome = on(&maker(), &line);
        assert_eq!(
            (outcome.code, outcome.stdout),
            (Some(0), format!("{SECRET}\n")),
            "{line}"
        );
        assert!(outcome.stderr.contains(ID) && outcome.stderr.contains("not shown again"));
        assert!(!outcome.stderr.contains(SECRET), "{}", outcome.stderr);

        let outcome = on(&maker(), &format!("{line} -o json"));
        assert_eq!(outcome.stderr, "");
        let key = outcome.json();
        assert_eq!((&key["secret"], &key["id"]), (&SECRET.into(), &ID.into()));
    }
}

#[test]
fn a_key_file_holds_the_key_alone_and_stdout_everything_else() {
    let directory = tempfile::tempdir().unwrap();
    for (number, line) in [CREATE.to_owned(), format!("keys rotate {ID}")]
        .iter()
        .enumerate()
    {
        for form in ["", " -o json"] {
            let file = directory.path().join(format!("{number}{}", form.len()));
            let outcome = on(&maker(), &format!("{line} --out {}{form}", file.display()));
            assert_eq!(outcome.code, Some(0), "{outcome:?}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{SECRET}\n"));
            assert!(outcome.stdout.contains("datasets.read"), "{outcome:?}");
            assert!(!format!("{outcome:?}").contains(SECRET), "{outcome:?}");
            if form.is_empty() {
                assert!(outcome.stdout.contains("state\tactive\n"), "{outcome:?}");
            } else {
                assert!(outcome.json().get("secret").is_none());
            }
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = std::fs::metadata(&file).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600);
            }
        }
    }
}

#[test]
fn a_file_that_cannot_be_made_keeps_the_key_from_being_made() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    std::fs::write(&file, "precious").unwrap();
    for line in [CREATE.to_owned(), format!("keys rotate {ID}")] {
        let server = maker();
        let text = on(&server, &format!("{line} --out {}", file.display())).failed(2);
        assert!(text.contains("never overwritten"), "{text}");
        let nowhere = directory.path().join("nowhere/key");
        on(&server, &format!("{line} --out {}", nowhere.display())).failed(1);
        assert!(server.lines().is_empty());
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn a_key_that_was_not_made_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    let server = in_turn(&[(
        "403 Forbidden",
        r#"{"detail":"No permission.","code":"scope_missing"}"#,
    )]);
    on(&server, &format!("{CREATE} --out {}", file.display())).failed(5);
    assert!(!file.exists());
}

/// A full disk, as a process meets it that may write no file of any length.
#[cfg(unix)]
#[test]
fn a_key_that_cannot_be_written_is_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    let server = maker();
    let mut typed = avala("").on(&server.base_url, "key");
    let command = typed.command.get_program().to_owned();
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", r#"trap "" XFSZ; ulimit -f 0; exec "$@""#, "sh"])
        .arg(command)
        .args(CREATE.split(' '))
        .arg("--out")
        .arg(&file);
    for (name, value) in typed.command.get_envs() {
        shell.env(name, value.unwrap());
    }
    typed.command = shell;
    let text = typed.run().failed(1);
    assert!(text.contains(ID) && text.contains("revoked"), "{text}");
    assert!(!text.contains(SECRET), "{text}");
    assert!(!file.exists(), "half a key is no key");
    assert_eq!(
        server.lines(),
        ["POST /api-keys/", "POST /api-keys/Canary000000/revoke/"]
    );
}

/// Runs a line whose stdout nobody reads.
fn unread(server: &Canned, line: &str) -> Outcome {
    unread_by(avala(line).on(&server.base_url, "key"))
}

/// Runs it while nobody reads its stdout.
pub(crate) fn unread_by(mut typed: Typed) -> Outcome {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    typed.command.stdin(std::process::Stdio::null());
    typed.command.stderr(std::process::Stdio::piped());
    typed.command.stdout(writer);
    typed.command.spawn().unwrap().wait_with_output().unwrap().into()
}

#[test]
fn a_key_that_nobody_takes_is_revoked() {
    for line in [
        CREATE.to_owned(),
        format!("{CREATE} -o json"),
        format!("keys rotate {ID}"),
    ] {
        let server = maker();
        let text = unread(&server, &line).failed(1);
        assert!(text.contains("is lost, and revoked"), "{text}");
        assert_eq!(
            server.lines()[1..],
            ["POST /api-keys/Canary000000/revoke/"],
            "{line}"
        );
        assert_eq!(server.body(), json!({"reason": "unused"}));
    }
}

#[test]
fn a_lost_successor_is_to_be_replaced() {
    let mut successor = made();
    successor["rotated_from"] = "Before000000".into();
    let server = in_turn(&[
        ("201 Created", &successor.to_string()),
        ("200 OK", &key().to_string()),
    ]);
    let text = unread(&server, "keys rotate Before000000").failed(1);
    assert!(
        text.contains("and revoked.\nhint: Do it again: Before000000"),
        "{text}"
    );
}

#[test]
fn a_lost_key_that_cannot_be_revoked_is_named() {
    let refused = r#"{"detail":"No permission.","code":"scope_missing"}"#;
    let server = in_turn(&[("201 Created", &made().to_string()), ("403 Forbidden", refused)]);
    let text = unread(&server, CREATE).failed(1);
    assert!(
        text.contains("could not be revoked") && text.contains("avala keys revoke Canary000000"),
        "{text}"
    );
}

#[test]
fn a_lost_answer_has_a_way_out() {
    for (line, way) in [
        (CREATE.to_owned(), "avala keys list"),
        (format!("keys rotate {ID}"), "Do it again"),
    ] {
        let server = in_turn(&[("500 Internal Server Error", r#"{"detail":"Server error."}"#)]);
        let text = on(&server, &line).failed(8);
        assert!(text.contains(way), "{text}");
        assert_eq!(server.lines().len(), 1, "it is not sent twice");
    }
}

#[test]
fn each_verb_asks_for_what_it_says() {
    for (line, asked, body) in [
        ("keys show Canary000000", "GET /api-keys/Canary000000/", None),
        (
            "keys get avk_test_Canary000000",
            "GET /api-keys/Canary000000/",
            None,
        ),
        (
            "keys update Canary000000 --name n --scope tasks.read --network 10.1.0.0/16 --expires-at 2026-03-01T00:00:00Z",
            "PATCH /api-keys/Canary000000/",
            Some(json!({
                "name": "n", "access": {"kind": "listed", "scopes": ["tasks.read"]}, "allowed_networks": ["10.1.0.0/16"],
                "expires_at": "2026-03-01T00:00:00Z",
            })),
        ),
        (
            "keys end-grace Canary000000",
            "POST /api-keys/Canary000000/end-grace/",
            None,
        ),
        (
            "keys revoke Canary000000 --reason leaked -y",
            "POST /api-keys/Canary000000/revoke/",
            Some(json!({"reason": "leaked"})),
        ),
        (
            "keys disable Canary000000",
            "POST /api-keys/Canary000000/disable/",
            None,
        ),
        (
            "keys enable Canary000000",
            "POST /api-keys/Canary000000/enable/",
            None,
        ),
    ] {
        // Even a server that tells a secret where it should not does not get it shown.
        let server = in_turn(&[("200 OK", &made().to_string())]);
        let text = on(&server, line).printed();
        assert_eq!(server.lines(), [asked]);
        if let Some(body) = body {
            assert_eq!(server.body(), body, "{line}");
        }
        assert!(
            text.contains("id\tCanary000000\n") && !text.contains(SECRET),
            "{text}"
        );
        let object = on(&server, &format!("{line} -o json")).printed();
        assert!(!object.contains(SECRET), "{object}");
    }
}

#[test]
fn a_grace_is_told_in_seconds() {
    for (grace, seconds) in [("24h", 86_400), ("0", 0)] {
        let server = maker();
        on(&server, &format!("keys rotate {ID} --grace {grace}"));
        assert_eq!(server.lines(), ["POST /api-keys/Canary000000/rotate/"]);
        assert_eq!(server.body(), json!({"grace_seconds": seconds}));
    }
}

#[test]
fn keys_are_listed_without_what_they_open_with() {
    let page = json!({"next": null, "previous": null, "results": [made()]});
    let line = "keys list --state active --environment staging --owner u1";
    let server = in_turn(&[("200 OK", &page.to_string())]);
    assert_eq!(
        on(&server, line).printed(),
        "Canary000000\tnightly\tactive\t\t2026-05-01T12:00:00Z\t\n"
    );
    assert_eq!(
        server.lines(),
        ["GET /api-keys/?limit=100&state=active&environment=staging&owner=u1"]
    );
    let text = on(&server, &format!("{line} -o json")).printed();
    assert!(text.contains(ID) && !text.contains(SECRET), "{text}");
}

#[test]
fn a_muted_hint_joins_those_that_are_and_leaves_them() {
    for (options, muted) in [
        (
            "--mute-hint unused",
            json!(["full_access", "expires_soon", "unused"]),
        ),
        ("--unmute-hint full_access,unused", json!(["expires_soon"])),
        (
            "--mute-hint unused --unmute-hint expires_soon --name n",
            json!(["full_access", "unused"]),
        ),
    ] {
        let mut told = key();
        told["muted_hints"] = json!(["full_access", "expires_soon"]);
        let server = in_turn(&[("200 OK", &told.to_string())]);
        on(&server, &format!("keys update {ID} {options}")).printed();
        let path = format!("/api-keys/{ID}/");
        assert_eq!(server.lines(), [format!("GET {path}"), format!("PATCH {path}")]);
        assert_eq!(server.body()["muted_hints"], muted, "{options}");
    }
}

// Covers: R25
#[test]
fn the_use_of_a_key_is_summed_up() {
    let hour = |start, requests, refused| {
        json!({
            "start": start, "requests": requests, "refused": refused, "by_group": {"webhooks": requests}, "by_status": {"2xx": requests - refused},
        })
    };
    let usage = json!({
        "last_used_at": "2026-01-31T13:05:00Z", "last_used_ip": "192.0.2.7", "last_used_agent": "avala-python/0.10.0",
        "last_refused_at": "2026-02-03T00:00:00Z", "last_refused_ip": "192.0.2.8", "last_refused_agent": "curl/8",
        "buckets": [hour("2026-01-31T12:00:00Z", 3, 1), hour("2026-01-31T13:00:00Z", 4, 0)],
    });
    let server = in_turn(&[("200 OK", &usage.to_string())]);
    let line = "keys usage Canary000000 --from 2026-01-31T00:00:00Z --to 2026-02-01T00:00:00Z --by hour";
    let text = on(&server, line).printed();
    let from_to = "from=2026-01-31T00%3A00%3A00Z&to=2026-02-01T00%3A00%3A00Z";
    assert_eq!(
        server.lines(),
        [format!("GET /api-keys/Canary000000/usage/?{from_to}&by=hour")]
    );
    for line in [
        "requests\t7\n",
        "refused\t1\n",
        "resources\twebhooks 7\n",
        "answers\t2xx 6\n",
        "last refused\t2026-02-03T00:00:00Z\n",
        "refused from\t192.0.2.8\n",
        "refused by\tcurl/8\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_key_tells_its_whole_story() {
    let story = json!({
        "state": "revoked", "environment": "staging", "created_by": "console", "grace_until": "2026-02-01T12:00:00Z",
        "rotated_from": "Before000000", "rotated_to": "After0000000", "revoked_at": "2026-02-02T12:00:00Z",
        "revoked_by": "key:Other0000000", "revoked_reason": "leaked", "last_used_at": "2026-02-01T11:00:00Z", "legacy": true,
        "hints": [
            {"rule": "full_access", "text": "It may do everything. Narrow it, now."},
            {"rule": "unused", "text": "Nobody used it for 90 days."},
        ],
        "muted_hints": ["expires_soon", "new_network"], "effective": "lease", "effective_within_ms": 250,
    });
    let mut told = key();
    told.as_object_mut()
        .unwrap()
        .extend(story.as_object().unwrap().clone());
    let server = in_turn(&[("200 OK", &told.to_string())]);
    insta::assert_snapshot!(on(&server, "keys show Canary000000").printed());

    told["access"] = json!({"kind": "listed", "scopes": []});
    let server = in_turn(&[("200 OK", &told.to_string())]);
    let text = on(&server, "keys show Canary000000").printed();
    assert!(text.contains("access\tnothing\n"), "{text}");
    told["access"] = json!({"kind": "full"});
    let server = in_turn(&[("200 OK", &told.to_string())]);
    let text = on(&server, "keys show Canary000000").printed();
    assert!(text.contains("access\tfull\n"), "{text}");
}

#[test]
fn a_secret_is_in_no_log_and_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    let answers: [(&str, String); 3] = [
        ("201 Created", made().to_string()),
        // An answer that cannot be read must not be quoted.
        ("201 Created", json!({"secret": SECRET}).to_string()),
        (
            "400 Bad Request",
            json!({"detail": format!("I saw {SECRET}"), "code": SECRET}).to_string(),
        ),
    ];
    for (status, body) in answers {
        for form in ["", " -o json"] {
            let server = in_turn(&[(status, &body)]);
            let line = format!("{CREATE} --log trace, --out {}{form}", file.display());
            let outcome = on(&server, &line);
            assert!(outcome.stderr.contains("TRACE"), "the log was on: {outcome:?}");
            assert!(!format!("{outcome:?}").contains(&SECRET[22..]), "{outcome:?}");
            let _not_made = std::fs::remove_file(&file);
        }
    }
}
