//! Profiles: which one counts, wherever it is said, and what it prefers.

use std::fs;

use serde_json::json;

use super::{
    auth::Machine,
    avala::{Typed, avala},
    canned::{Canned, in_turn},
};

/// A home with a profile `acme` that prefers its organization and JSON, for this server.
fn home(server: &Canned) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let line = "profile set acme --source env:ACME_KEY --organization acme --output json --base-url";
    let set = at(&home, line).arg(&server.base_url).run();
    assert_eq!(set.code, Some(0), "{set:?}");
    home
}

fn at(home: &tempfile::TempDir, line: &str) -> Typed {
    avala(line)
        .env("HOME", home.path().to_str().unwrap())
        .env("ACME_KEY", "key")
}

fn no_rows() -> String {
    json!({"next": null, "previous": null, "results": []}).to_string()
}

#[test]
fn a_profile_says_which_organization_unless_the_command_does() {
    let organization = json!({"uid": "o1", "slug": "acme", "name": "Acme"}).to_string();
    for (line, answer, asked) in [
        (
            "storage-configs list",
            no_rows(),
            "GET /storage-configs/?limit=100&organization=acme",
        ),
        (
            "storage-configs list --organization other",
            no_rows(),
            "GET /storage-configs/?limit=100&organization=other",
        ),
        (
            "organizations get",
            organization.clone(),
            "GET /organizations/acme/",
        ),
        (
            "organizations get other",
            organization,
            "GET /organizations/other/",
        ),
        (
            "organizations members",
            no_rows(),
            "GET /organizations/acme/members/?limit=100",
        ),
    ] {
        let server = in_turn(&[("200 OK", &answer)]);
        let outcome = at(&home(&server), line).run();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(server.lines(), [asked], "{line}");
    }

    // A profile without one leaves it open, and where one is needed that is told before anything is sent.
    let server = in_turn(&[("200 OK", &no_rows())]);
    let home = home(&server);
    at(&home, "profile set acme --organization=").run();
    at(&home, "storage-configs list").run().json();
    assert_eq!(server.lines(), ["GET /storage-configs/?limit=100"]);
    let told = at(&home, "organizations get -o table").run().failed(2);
    assert!(told.contains("--organization SLUG"), "{told}");
}

#[test]
fn a_profile_says_how_to_print_unless_the_command_does() {
    let server = in_turn(&[("200 OK", &no_rows())]);
    let home = home(&server);
    assert_eq!(at(&home, "webhooks list").run().json(), json!([]));
    assert_eq!(at(&home, "webhooks list -o table").run().code, Some(0));
    let listed = at(&home, "profile list").run().json();
    assert_eq!(
        (&listed[0]["organization"], &listed[0]["output"]),
        (&json!("acme"), &json!("json"))
    );

    // Errors are as programs expect them, too.
    let refused = in_turn(&[("404 Not Found", r#"{"detail": "Not found."}"#)]);
    let error = at(&self::home(&refused), "webhooks get w").run().error_object(3);
    assert_eq!(error["kind"], "not_found", "{error}");

    // Tables are for people: programs that read a pipe keep their rows.
    at(&home, "profile set acme --output table").run();
    let rows = at(&home, "profile list").run().printed();
    assert!(rows.starts_with("acme\ttrue\tenv:ACME_KEY\t"), "{rows}");

    // What is not known is told, and can be set right.
    let file = home.path().join(".config/avala/config.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"table\"", "\"yaml\"")).unwrap();
    let told = at(&home, "webhooks list").run().failed(2);
    assert!(told.contains("acme") && told.contains("--output json"), "{told}");
    assert_eq!(at(&home, "profile set acme --output json").run().code, Some(0));
    assert_eq!(at(&home, "webhooks list").run().json(), json!([]));
}

#[test]
fn a_profile_has_no_say_where_its_key_is_not_used() {
    let server = in_turn(&[("200 OK", &no_rows())]);
    let home = home(&server);
    let printed = at(&home, "storage-configs list")
        .on(&server.base_url, "another")
        .run()
        .printed();
    assert_eq!(printed, "", "rows, and not JSON");
    let key_file = home.path().join("key");
    fs::write(&key_file, "another").unwrap();
    at(&home, "storage-configs list")
        .server(&server.base_url)
        .env("AVALA_API_KEY_FILE", key_file.to_str().unwrap())
        .run()
        .printed();
    assert_eq!(server.lines(), ["GET /storage-configs/?limit=100"; 2]);

    // Named, it wins over a key in the environment, and so do its preferences.
    let mut named = at(&home, "storage-configs list --profile acme").env("AVALA_API_KEY", "another");
    named = named.env("AVALA_ALLOW_INSECURE_BASE_URL", "true");
    assert_eq!(named.run().json(), json!([]));
    assert_eq!(
        server.lines()[2],
        "GET /storage-configs/?limit=100&organization=acme"
    );
}

#[test]
fn key_and_server_are_named_before_the_command_or_after_it() {
    // Given three keys: of a profile, in a file, and in the environment.
    let machine = Machine::new();
    let keys = ["one", "two", "three"].map(|name| machine.key(name));
    machine.login(&keys[0], "--profile staging");
    let file = machine.home.path().join("staging.env");
    let url = &machine.server.base_url;
    let text = format!(
        "AVALA_API_KEY={}\nAVALA_BASE_URL={url}\nAVALA_ALLOW_INSECURE_BASE_URL=true\n",
        keys[1]
    );
    fs::write(&file, text).unwrap();
    // When each is named in every place where an option can stand, then it is the one that is used.
    let options = [
        ("--profile staging".to_owned(), None, &keys[0]),
        (format!("--env-file {}", file.display()), None, &keys[1]),
        (
            format!("--base-url {url} --allow-insecure-loopback"),
            Some(&keys[2]),
            &keys[2],
        ),
    ];
    machine.avala("profile remove nothing").run();
    let config = machine.home.path().join(".config/avala/config.toml");
    let settings = fs::read_to_string(&config).unwrap();
    fs::write(&config, settings.replace("default = \"staging\"", "")).unwrap();
    for (option, variable, key) in options {
        for (line, used) in [
            (format!("{option} whoami -o json"), false),
            (format!("whoami {option} -o json"), false),
            (format!("{option} auth token"), true),
            (format!("auth {option} token"), true),
            (format!("auth token {option}"), true),
        ] {
            let mut typed = machine.avala(&line);
            if let Some(key) = variable {
                typed = typed.env("AVALA_API_KEY", key);
            }
            if used {
                assert_eq!(typed.run().printed().trim_end(), key, "{line}");
            } else {
                let me = typed.run().json();
                assert_eq!(me["credential"]["masked_key"], avala_keys::mask(key), "{line}");
                assert_eq!(me["base_url"], url.as_str(), "{line}");
            }
        }
    }
}
