//! Exports through the client, from the real server: the file arrives, also when the server is killed while it makes it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use avala::{
    api::exports::{Export, ExportStatus},
    blocking::Client,
};
use avala_api::Timestamp;
use avala_tests::{ServeProcess, seed};
use serde_json::{Value, json};

const TASKS: u32 = 30_000;

/// A project, `big`, with its tasks and a result for each.
fn with_a_big_project(data_dir: &Path) {
    let tasks: Vec<Value> = (1..=TASKS)
        .map(|number| {
            let result = json!({ "uid": format!("r-t-{number}"), "data": [{ "label": "car", "box": [0.25, 0.5, 1.75, 2.5] }] });
            json!({ "uid": format!("t-{number}"), "project": "big", "name": "box", "status": "completed",
                    "created_at": Timestamp::from_unix_millis(number.into()), "results": [result] })
        })
        .collect();
    let rows = json!({ "projects": [{ "uid": "big", "name": "Big" }], "tasks": tasks });
    seed(data_dir, &rows.to_string());
}

/// What a browser gets that knows nothing but the link.
fn download(export: &Export) -> Value {
    let link = export.download_url.as_deref().expect("a link");
    let (host, path) = link
        .strip_prefix("http://")
        .and_then(|link| link.split_once('/'))
        .unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 200 "),
        "{}",
        String::from_utf8_lossy(&answer[..end])
    );
    serde_json::from_slice(&answer[end + 4..]).expect("the file is whole")
}

/// Every task in its place, each with its result.
fn is_whole(file: &Value) {
    let tasks = file["tasks"].as_array().unwrap();
    assert_eq!(tasks.len() as u64, u64::from(TASKS));
    for (number, task) in (1..).zip(tasks) {
        assert_eq!(task["uid"], format!("t-{number}"));
        assert_eq!(task["results"][0]["uid"], format!("r-t-{number}"));
    }
}

/// Waits until so many tasks are in the file that is being made.
fn under_way(client: &Client, export: &Export, tasks: i64) {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let now = client.exports().get(export.uid.clone()).send().unwrap();
        let is_processing = now.status == Some(ExportStatus::Processing);
        if is_processing && now.exported_task_count.is_some_and(|count| count >= tasks) {
            return;
        }
        assert_ne!(
            now.status,
            Some(ExportStatus::Exported),
            "the export was too quick for this test"
        );
        assert!(Instant::now() < deadline, "the export does not go on: {now:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_client_asks_waits_and_downloads() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let server = ServeProcess::start(&data_dir);
    with_a_big_project(&data_dir);
    let client = server.client();

    let asked = client.exports().create().project("big").send().unwrap();
    let made = client
        .exports()
        .wait(asked.uid)
        .with_interval(Duration::from_millis(100))
        .with_timeout(Duration::from_mins(1))
        .send()
        .unwrap();

    assert_eq!(made.exported_task_count, Some(TASKS.into()));
    is_whole(&download(&made));
    server.stop();
}

#[test]
fn an_export_whose_server_is_killed_twice_is_made_whole() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut server = ServeProcess::start(&data_dir);
    with_a_big_project(&data_dir);

    let asked = server.client().exports().create().project("big").send().unwrap();
    for tasks in [1, i64::from(TASKS) / 2] {
        under_way(&server.client(), &asked, tasks);
        server.kill();
        assert!(
            !data_dir
                .join("exports")
                .join(format!("{}.json", asked.uid))
                .exists()
        );
        server = ServeProcess::start(&data_dir);
    }
    let made = server
        .client()
        .exports()
        .wait(asked.uid)
        .with_interval(Duration::from_millis(100))
        .with_timeout(Duration::from_mins(1))
        .send()
        .unwrap();

    is_whole(&download(&made));
    let files = std::fs::read_dir(data_dir.join("exports")).unwrap().count();
    assert_eq!(files, 1, "nothing half made is left");
    server.stop();
}
