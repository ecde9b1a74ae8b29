//! Whose keys are: the first administrator, a declared list, service accounts, members, and users who are switched off.

use std::fs;

use serde_json::{Value, json};

use super::{
    avala::avala,
    serve::{Served, serve},
    server::server,
};

const LIST: &str = r#"
[[users]]
email = "ada@example.com"

[[organizations]]
slug = "acme"
members = [{ user = "ada@example.com", role = "owner" }]

[[keys]]
organization = "acme"
user = "ada@example.com"
name = "admin"
access = "full"
file = "admin.key"
"#;

fn as_holder(server: &Served, line: &str, key: &str) -> super::avala::Typed {
    avala(line).on(server.text("base_url"), key)
}

#[test]
fn the_first_administrator_is_made_with_the_token_from_the_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    let server = serve(&directory, "");
    let token = server.text("setup_token_file").to_owned();
    let set_up = || {
        avala(&format!(
            "setup ada@example.com --token-file {token} --password-stdin --output json"
        ))
        .server(server.text("base_url"))
        .stdin("correct horse\n")
        .run()
    };
    let account = set_up().json();
    let key = account["api_key"].as_str().unwrap();
    let me = as_holder(&server, "whoami --output json", key).run().json();
    assert_eq!(me["user"]["email"], json!("ada@example.com"));
    // The file is gone, and so is what it was good for.
    let again = set_up();
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(!fs::exists(&token).unwrap());
    server.stop();
    let again = serve(&directory, "");
    assert_eq!(again.ready["setup_token_file"], Value::Null);
    again.stop();
}

#[test]
fn a_declared_list_is_there_when_the_server_is() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("list.toml");
    fs::write(&list, LIST).unwrap();
    let server = serve(&directory, "--provision list.toml");
    let key = fs::read_to_string(directory.path().join("admin.key")).unwrap();
    let members = as_holder(&server, "organizations members acme", key.trim())
        .run()
        .printed();
    assert!(members.contains("ada@example.com"), "{members}");
    server.stop();

    // One that is wrong keeps the server from starting, and says where.
    fs::write(&list, LIST.replace("owner", "boss")).unwrap();
    let refused = avala("serve --bind 127.0.0.1:0 --until-stdin-ends --provision")
        .arg(list.to_str().unwrap())
        .arg("--data-dir")
        .arg(directory.path().join("data").to_str().unwrap())
        .run()
        .failed(1);
    assert!(
        refused.contains("list.toml: line 5: ") && refused.contains("role"),
        "{refused}"
    );
}

#[test]
fn a_service_account_is_made_given_a_key_and_switched_off() {
    let server = server();
    let made = server
        .avala("service-accounts create --name nightly --output json")
        .run()
        .json();
    let uid = made["uid"].as_str().unwrap();
    let create = format!("keys create --name n --owner {uid} --scope agents.read");
    let key = server.avala(&create).run().stdout;
    let whoami = || {
        avala("whoami --output json")
            .on(&server.base_url, key.trim())
            .run()
    };
    assert_eq!(whoami().json()["user"]["username"], json!("nightly"));
    let listed = server.avala("service-accounts list").run().printed();
    assert_eq!(listed.split('\t').next(), Some(uid));

    let disabled = server
        .avala(&format!("service-accounts disable {uid} --output json"))
        .run()
        .json();
    assert!(disabled["disabled_at"].is_string());
    assert_eq!(whoami().code, Some(4));
    server
        .avala(&format!("service-accounts enable {uid}"))
        .run()
        .printed();
    assert_eq!(whoami().code, Some(0));
}

#[test]
fn users_are_listed_and_switched_off_on_the_servers_machine() {
    let server = server();
    let data = server.data_dir();
    let users = |rest: &str| avala(&format!("server users {rest} --data-dir {data}")).run();
    let listed = users("list").printed();
    assert!(
        listed.contains("developer@localhost") && listed.contains("(owner)"),
        "{listed}"
    );
    let switched = users("disable developer@localhost --output json").json();
    assert_eq!(switched["keys"], json!(1));
    let within = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while server.avala("whoami").run().code != Some(4) {
        assert!(std::time::Instant::now() < within, "the key still opens");
    }
    users("enable developer@localhost").printed();
    let failed = users("disable nobody@example.com").failed(1);
    assert!(failed.contains("No such user"), "{failed}");
}
