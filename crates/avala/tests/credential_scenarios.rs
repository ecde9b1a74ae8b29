//! Which key goes where, told in directories that need no Rust to be read: see `credential_scenarios/README.md`.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    collections::VecDeque,
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use avala::{
    Client, ClientBuilder, Environment, Error, Tried,
    transport::{Limits, Transport, TransportFuture},
};
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

/// Part of every key in these stories, and of nothing that anybody may see.
const SECRET: &str = "SECRET";

/// One directory of `credential_scenarios`, with a copy of its files.
struct Scenario {
    given: Value,
    expected: Value,
    calls: Vec<Value>,
    folder: tempfile::TempDir,
}

impl Scenario {
    fn read(from: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shown = folder.path().canonicalize().unwrap();
        let read = |name: &str| {
            let text = fs::read_to_string(from.join(name)).ok()?;
            let text = text.replace("{fs}", shown.to_str().unwrap());
            Some(serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{name}: {error}")))
        };
        let given = read("env.json").expect("env.json");
        let expected = read("expect.json").expect("expect.json");
        let calls = read("http.json").map_or_else(Vec::new, |calls| calls.as_array().unwrap().clone());
        only(
            &given,
            &["story", "variables", "builder", "modes", "links", "folders"],
        );
        only(
            &expected,
            &[
                "key",
                "source",
                "base_url",
                "tried",
                "expires_at",
                "notes",
                "error",
                "hint",
            ],
        );
        if from.join("fs").is_dir() {
            copy(&from.join("fs"), folder.path(), &shown);
        }
        for path in list(&given["folders"]) {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        for (name, program) in read("exec.json").iter().filter_map(Value::as_object).flatten() {
            stand_in(&folder.path().join("bin"), name, program);
        }
        for (path, to) in pairs(&given["links"]) {
            symlink(to, folder.path().join(path)).unwrap();
        }
        for (path, mode) in pairs(&given["modes"]) {
            let mode = u32::from_str_radix(&mode, 8).unwrap();
            fs::set_permissions(folder.path().join(path), Permissions::from_mode(mode)).unwrap();
        }
        Self {
            given,
            expected,
            calls,
            folder,
        }
    }

    fn builder(&self, server: &Server) -> ClientBuilder {
        let environment: Environment = pairs(&self.given["variables"]).into_iter().collect();
        let mut builder = Client::builder()
            .environment(environment)
            .transport(server.clone());
        let asked = &self.given["builder"];
        only(asked, &["api_key", "profile", "base_url", "dotenv", "anonymous"]);
        let text = |name: &str| asked[name].as_str().map(str::to_owned);
        if let Some(key) = text("api_key") {
            builder = builder.api_key(key);
        }
        if let Some(name) = text("profile") {
            builder = builder.profile(name);
        }
        if let Some(url) = text("base_url") {
            builder = builder.base_url(url);
        }
        if let Some(path) = text("dotenv") {
            builder = builder.dotenv_file(path);
        }
        if asked["anonymous"] == json!(true) {
            builder = builder.anonymous();
        }
        builder
    }

    async fn run(&self) {
        let server = Server::default();
        let client = match self.builder(&server).build() {
            Ok(client) => client,
            Err(error) => return self.check_error(&error),
        };
        assert_eq!(self.expected["error"], Value::Null, "a client was built");
        let report = client.credential_report();
        let tried: Vec<String> = report
            .tried
            .iter()
            .map(|(source, outcome)| format!("{}: {source}", word(*outcome)))
            .collect();
        let shown = format!("{report:?} {client:?}");
        assert!(!shown.contains(SECRET), "{shown}");
        let mut seen = json!({
            "source": report.source.to_string(),
            "base_url": client.base_url().as_str().trim_end_matches('/'),
            "tried": tried,
        });
        if let Some(at) = report.expires_at {
            seen["expires_at"] = json!(at.to_string());
        }
        if !report.notes.is_empty() {
            seen["notes"] = json!(report.notes);
        }
        if self.given["builder"]["anonymous"] != json!(true) {
            seen["key"] = json!(server.key_of_a_call(&client).await);
        }
        assert_eq!(seen, self.expected);
        for call in &self.calls {
            self.call(call, &server, &client).await;
        }
    }

    fn check_error(&self, error: &Error) {
        let text = format!("{error} {error:?}");
        assert!(!text.contains(SECRET), "{text}");
        assert_eq!(error.kind(), avala::ErrorKind::Configuration);
        assert_eq!(json!(error.message()), self.expected["error"]);
        if let Some(hint) = self.expected["hint"].as_str() {
            assert_eq!(error.hint(), Some(hint));
        }
    }

    async fn call(&self, call: &Value, server: &Server, client: &Client) {
        only(call, &["after_seconds", "write", "requests", "ends"]);
        let wait = call["after_seconds"].as_u64().unwrap_or_default();
        tokio::time::sleep(Duration::from_secs(wait)).await;
        for (path, text) in pairs(&call["write"]) {
            fs::write(self.folder.path().join(path), text).unwrap();
        }
        let requests = call["requests"].as_array().unwrap();
        for request in requests {
            only(request, &["key", "status"]);
            let status = request["status"].as_u64().unwrap();
            server.0.answers.lock().unwrap().push_back(status);
        }
        server.0.keys.lock().unwrap().clear();
        let ended = match client.users().me().send().await {
            Ok(_) => "answer".to_owned(),
            Err(error) => error.message().to_owned(),
        };
        let keys: Vec<Value> = requests.iter().map(|request| request["key"].clone()).collect();
        assert_eq!(json!(*server.0.keys.lock().unwrap()), json!(keys));
        assert_eq!(json!(ended), call["ends"]);
    }
}

/// A server that notes the keys and answers as it is told.
#[derive(Clone, Debug, Default)]
struct Server(Arc<State>);

#[derive(Debug, Default)]
struct State {
    keys: Mutex<Vec<String>>,
    answers: Mutex<VecDeque<u64>>,
}

impl Server {
    async fn key_of_a_call(&self, client: &Client) -> String {
        client.users().me().send().await.unwrap();
        self.0.keys.lock().unwrap().pop().unwrap()
    }
}

impl Transport for Server {
    fn call(&self, request: http::Request<Bytes>, _limits: Limits) -> TransportFuture<'_> {
        let key = request.headers()["x-avala-api-key"].to_str().unwrap();
        self.0.keys.lock().unwrap().push(key.to_owned());
        let status = self.0.answers.lock().unwrap().pop_front().unwrap_or(200);
        let body = match status {
            200 => r#"{"uid":"u","username":"anna"}"#,
            _ => r#"{"detail":"Invalid API key."}"#,
        };
        let mut answer = http::Response::new(Bytes::from(body));
        *answer.status_mut() = StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
        Box::pin(async move { Ok(answer) })
    }
}

fn word(outcome: Tried) -> &'static str {
    match outcome {
        Tried::Used => "used",
        Tried::Chosen => "chosen",
        Tried::Absent => "absent",
        Tried::Shadowed => "shadowed",
        Tried::Failed => "failed",
        _ => "another outcome",
    }
}

/// A misspelt name would be a condition that nobody checks.
fn only(object: &Value, known: &[&str]) {
    for name in object.as_object().into_iter().flat_map(|object| object.keys()) {
        assert!(known.contains(&name.as_str()), "{name} means nothing here");
    }
}

fn list(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let all = value.as_object().into_iter().flatten();
    all.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

/// A program that says what it is told to say.
fn stand_in(folder: &Path, name: &str, program: &Value) {
    only(program, &["prints", "status"]);
    fs::create_dir_all(folder).unwrap();
    let prints = program["prints"]
        .as_str()
        .unwrap_or_default()
        .replace('\'', r"'\''");
    let script = format!("#!/bin/sh\nprintf %s '{prints}'\nexit {}\n", program["status"]);
    fs::write(folder.join(name), script).unwrap();
    fs::set_permissions(folder.join(name), Permissions::from_mode(0o700)).unwrap();
}

/// Git keeps no modes: files begin as 0600 and folders as 0700.
fn copy(from: &Path, to: &Path, shown: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            fs::set_permissions(&target, Permissions::from_mode(0o700)).unwrap();
            copy(&entry.path(), &target, shown);
        } else {
            let text = fs::read_to_string(entry.path()).unwrap();
            fs::write(&target, text.replace("{fs}", shown.to_str().unwrap())).unwrap();
            fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
        }
    }
}

// Covers: R7, R8, R9, R10, R11, R12, R16, R17, R20, R23, R26, R27, R31, W5, W8, W9, W17
#[test]
fn every_scenario_ends_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/credential_scenarios");
    let mut scenarios: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    scenarios.sort();
    assert!(scenarios.len() >= 25);
    let failed: Vec<&PathBuf> = scenarios
        .iter()
        .filter(|path| {
            let path = (*path).clone();
            // A thread for each, so that all that fail are told.
            std::thread::spawn(move || {
                let scenario = Scenario::read(&path);
                tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .start_paused(true)
                    .build()
                    .unwrap()
                    .block_on(scenario.run());
            })
            .join()
            .is_err()
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
