//! Provisioning: a declared list, carried out as a whole or not at all, and again without a change.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use avala_keys::{ApiKey, Class};
use avala_server::provision::{Provision, ProvisionError, Provisioned};
use serde_json::{Value, json};

use crate::support::{Answer, On, Request, Running, start, start_in, unknown_key};

const LIST: &str = r#"
[[users]]
email = "ada@example.com"
first_name = "Ada"

[[users]]
email = "bob@example.com"

[[organizations]]
slug = "acme"
name = "Acme"
members = [
    { user = "ada@example.com", role = "owner" },
    { user = "bob@example.com", role = "member" },
]

[[service_accounts]]
organization = "acme"
name = "nightly"

[[keys]]
organization = "acme"
user = "ada@example.com"
name = "admin"
access = "full"
file = "admin.key"

[[keys]]
organization = "acme"
service_account = "nightly"
name = "exports"
access = ["datasets.read", "exports.create"]
networks = ["127.0.0.0/8"]
environment = "production"
file = "nightly.key"
"#;

/// Writes a list beside the server's data.
fn list(running: &Running, text: &str) -> PathBuf {
    let path = running.dir.path().join("provision.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    path
}

async fn provision(running: &Running, text: &str) -> Result<Provisioned, ProvisionError> {
    let list = Provision::read(list(running, text))?;
    list.apply(running.server.keys()).await
}

fn key(running: &Running, file: &str) -> ApiKey {
    let path = running.dir.path().join(file);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    ApiKey::parse(fs::read(path).unwrap().trim_ascii()).unwrap()
}

async fn get(running: &Running, path: &str, key: &ApiKey) -> Answer {
    running.send(Request::new("GET", path).key(key.expose())).await
}

async fn told(running: &Running, by: &ApiKey, key: &ApiKey) -> Value {
    get(running, &format!("/api-keys/{}/", key.id()), by)
        .await
        .expect(200)
}

async fn what_is_declared_is_there_and_again_nothing_changes(on: On) {
    // Given an empty server, when a list is carried out.
    let running = start(on).await;
    let done = provision(&running, LIST).await.unwrap();
    assert_eq!((done.done.len(), &done.notes[..]), (8, &[][..]), "{done:?}");

    // Then each is what it is declared to be.
    let (admin, nightly) = (key(&running, "admin.key"), key(&running, "nightly.key"));
    let members = get(&running, "/organizations/acme/members/", &admin)
        .await
        .expect(200);
    assert_eq!(members["count"], json!(2));
    let told = told(&running, &admin, &nightly).await;
    assert_eq!(
        (
            &told["access"],
            &told["allowed_networks"],
            &told["environment"],
            &told["created_by"]
        ),
        (
            &json!({"kind": "listed", "scopes": ["datasets.read", "exports.create"]}),
            &json!(["127.0.0.0/8"]),
            &json!("production"),
            &json!("provision"),
        )
    );
    assert_eq!(
        get(&running, "/users/me/", &nightly).await.expect(200)["username"],
        json!("nightly")
    );

    // When it is carried out again, before and after a restart, then nothing is written.
    let rows = running.dir.every_row().await;
    assert_eq!(provision(&running, LIST).await.unwrap(), Provisioned::default());
    assert_eq!(running.dir.every_row().await, rows);
    let running = start_in(running.stop().await, |_| {}).await;
    assert_eq!(provision(&running, LIST).await.unwrap(), Provisioned::default());
    get(&running, "/datasets/", &nightly).await.expect(200);
}

async fn without_its_file_a_key_gets_a_successor_and_a_file_with_a_key_is_adopted(on: On) {
    let running = start(on).await;
    provision(&running, LIST).await.unwrap();
    let (admin, before) = (key(&running, "admin.key"), key(&running, "nightly.key"));

    // When the file is taken away, then there is another key, and the one before has a day left.
    let file = running.dir.path().join("nightly.key");
    fs::remove_file(&file).unwrap();
    provision(&running, LIST).await.unwrap();
    let after = key(&running, "nightly.key");
    let old = told(&running, &admin, &before).await;
    assert_eq!(
        (&old["state"], &old["rotated_to"]),
        (&json!("rotated"), &json!(after.id().to_string()))
    );
    for key in [&before, &after] {
        get(&running, "/datasets/", key).await.expect(200);
    }

    // When the file holds a key of somebody's own making, then that is the key.
    let own = unknown_key(Class::Live);
    fs::write(&file, own.expose()).unwrap();
    let done = provision(&running, LIST).await.unwrap();
    assert!(done.done[0].contains("adopted"), "{done:?}");
    get(&running, "/datasets/", &own).await.expect(200);
    assert_eq!(told(&running, &admin, &after).await["state"], json!("rotated"));
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        own.expose(),
        "and is not written to"
    );

    // A key that was revoked stays so, and somebody is told.
    running.server.keys().revoke(own.id()).await.unwrap();
    let done = provision(&running, LIST).await.unwrap();
    assert_eq!((done.done.len(), done.notes.len()), (0, 1), "{done:?}");
    assert!(done.notes[0].contains("revoked"), "{done:?}");
}

async fn a_list_that_is_another_is_followed_but_never_widens_a_key(on: On) {
    let running = start(on).await;
    provision(&running, LIST).await.unwrap();
    let (admin, nightly) = (key(&running, "admin.key"), key(&running, "nightly.key"));

    // When somebody is switched off, made an owner, and a key narrowed.
    let other = LIST
        .replace(
            "email = \"bob@example.com\"",
            "email = \"bob@example.com\"\ndisabled = true",
        )
        .replace("[\"datasets.read\", \"exports.create\"]", "[\"datasets.read\"]");
    let done = provision(&running, &other).await.unwrap();
    assert_eq!(done.done.len(), 2, "{done:?}");
    let scopes = |told: &Value| told["access"]["scopes"].clone();
    assert_eq!(
        scopes(&told(&running, &admin, &nightly).await),
        json!(["datasets.read"])
    );
    assert!(
        running.server.users().list().await.unwrap()[1]
            .disabled_at
            .is_some()
    );

    // Then the list of before does not give it back, and says so; nor is anybody switched on unless it says so.
    let done = provision(&running, LIST).await.unwrap();
    assert_eq!((done.done.len(), done.notes.len()), (0, 1), "{done:?}");
    assert_eq!(
        scopes(&told(&running, &admin, &nightly).await),
        json!(["datasets.read"])
    );

    // A role that is lowered is in force at once.
    let lower = LIST.replace(
        "{ user = \"bob@example.com\", role = \"member\" }",
        "{ user = \"bob@example.com\", role = \"admin\" }",
    );
    provision(&running, &lower).await.unwrap();
    let members = get(&running, "/organizations/acme/members/?role=admin", &admin)
        .await
        .expect(200);
    assert_eq!(members["count"], json!(1));

    // What is not listed any more is left alone, and somebody is told.
    let nothing = "[[organizations]]\nslug = \"acme\"\n";
    let done = provision(&running, nothing).await.unwrap();
    assert_eq!((done.done.len(), done.notes.len()), (0, 5), "{done:?}");
    get(&running, "/datasets/", &nightly).await.expect(200);
}

async fn a_wrong_list_is_refused_with_its_line_and_nothing_of_it_is_done(on: On) {
    let running = start(on).await;
    let key = |members: &str| {
        format!("{LIST}\n[[keys]]\norganization = \"acme\"\nuser = \"ada@example.com\"\n{members}")
    };
    let wrong = [
        (
            "[[users]]\nemail = \"a@b.example\"\nadmin = true\n".to_owned(),
            3,
            "unknown field",
        ),
        ("[[users]]\n\nemail = 7\n".to_owned(), 3, "invalid type"),
        ("[[users\n".to_owned(), 1, ""),
        ("\n[[users]]\nemail = \"nobody\"\n".to_owned(), 2, "e-mail"),
        (
            format!("{LIST}\n[[users]]\nemail = \"ADA@example.com\"\n"),
            37,
            "twice",
        ),
        (LIST.replace("role = \"owner\"", "role = \"boss\""), 9, "role"),
        (LIST.replace("role = \"owner\"", "role = \"admin\""), 9, "owner"),
        (
            LIST.replace("{ user = \"bob@example.com\"", "{ user = \"eve@example.com\""),
            9,
            "no user",
        ),
        (
            key("name = \"n\"\naccess = \"all\"\nfile = \"f\"\n"),
            37,
            "access",
        ),
        (
            key("name = \"n\"\naccess = [\"datasets.*\"]\nfile = \"f\"\n"),
            37,
            "scope",
        ),
        (
            key("name = \"n\"\naccess = \"full\"\nfile = \"admin.key\"\n"),
            37,
            "file",
        ),
        (
            key("name = \"admin\"\naccess = \"full\"\nfile = \"f\"\n"),
            37,
            "name",
        ),
        (
            key("name = \"n\"\naccess = \"full\"\nexpires_at = \"soon\"\nfile = \"f\"\n"),
            37,
            "expires_at",
        ),
        (
            key("name = \"n\"\naccess = \"full\"\nservice_account = \"nightly\"\nfile = \"f\"\n"),
            37,
            "either",
        ),
        (
            key("name = \"n\"\naccess = \"full\"\nfile = \"no-such-directory/f\"\n"),
            0,
            "cannot be",
        ),
    ];
    for (text, line, problem) in wrong {
        let refused = provision(&running, &text).await.unwrap_err();
        let said = refused.to_string();
        assert!(said.contains(problem), "{said}: {text}");
        if line > 0 {
            assert!(said.starts_with(&format!("line {line}: ")), "{said}: {text}");
        }
        assert!(!running.dir.path().join("admin.key").exists(), "{text}");
    }
    assert!(!running.server.users().exist().await.unwrap());
    assert_eq!(running.dir.lines("SELECT action FROM audit").await, [""; 0]);
}

async fn a_hostile_file_is_refused(on: On) {
    let running = start(on).await;
    let path = list(&running, LIST);
    for mode in [0o664, 0o646, 0o666] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let refused = Provision::read(&path).unwrap_err();
        assert!(matches!(refused, ProvisionError::Exposed(_)), "{refused:?}");
    }

    // Nor is any file taken for a key's.
    let file = running.dir.path().join("admin.key");
    let made = |content: &str, mode: u32| {
        let _before = fs::remove_file(&file);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    };
    let good = unknown_key(Class::Live);
    let mut bad_checksum = good.expose().to_owned();
    bad_checksum.replace_range(59.., if good.expose().ends_with('0') { "1" } else { "0" });
    for (content, mode, problem) in [
        (good.expose(), 0o644, "other users"),
        (good.expose(), 0o620, "other users"),
        ("", 0o600, "no well-formed key"),
        ("hello", 0o600, "no well-formed key"),
        (&bad_checksum, 0o600, "no well-formed key"),
        (unknown_key(Class::Test).expose(), 0o600, "no live key"),
    ] {
        made(content, mode);
        let refused = provision(&running, LIST).await.unwrap_err().to_string();
        assert!(
            refused.starts_with("line 21: ") && refused.contains(problem),
            "{refused}"
        );
        assert!(content.is_empty() || !refused.contains(content), "{refused}");
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(Path::new("elsewhere"), &file).unwrap();
    let refused = provision(&running, LIST).await.unwrap_err().to_string();
    assert!(refused.contains("symbolic link"), "{refused}");
    fs::remove_file(&file).unwrap();

    // A key of somebody else's is not taken over.
    let ben = running.tenant("ben@example.com").await;
    made(ben.key.expose(), 0o600);
    let refused = provision(&running, LIST).await.unwrap_err().to_string();
    assert!(refused.contains("somebody else's"), "{refused}");
    made(crate::support::same_id_other_secret(&ben.key).expose(), 0o600);
    let refused = provision(&running, LIST).await.unwrap_err().to_string();
    assert!(refused.contains("id of another"), "{refused}");
    ben.get("/users/me/").await.expect(200);
}

stories![
    what_is_declared_is_there_and_again_nothing_changes,
    without_its_file_a_key_gets_a_successor_and_a_file_with_a_key_is_adopted,
    a_list_that_is_another_is_followed_but_never_widens_a_key,
    a_wrong_list_is_refused_with_its_line_and_nothing_of_it_is_done,
    a_hostile_file_is_refused,
];
