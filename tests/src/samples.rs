//! The samples of the README and of the book run: each in a process of its own, in the environment and the folder that the
//! pages tell to make, against a real server with a few rows.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use avala::Error;
use avala_keys::Secret;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::Site;

/// Set where a sample is to run.
const SET_UP: &str = "AVALA_TEST_SAMPLE";

/// A project that samples name.
const PROJECT: &str = "6f9619ff-8b86-d011-b42d-00c04fc964ff";

/// Runs a sample as somebody who followed the page: with `AVALA_API_KEY` and `AVALA_BASE_URL` in the environment.
pub fn run<Told: Future<Output = Result<(), Error>>>(sample: impl FnOnce() -> Told) {
    run_blocking(|| runtime().block_on(sample()));
}

/// Runs one that is not async.
pub fn run_blocking(sample: impl FnOnce() -> Result<(), Error>) {
    if is_set_up() {
        sample().expect("the sample runs to its end");
    }
}

/// Runs one that takes its key from the file `.env`: `AVALA_API_KEY` is not set.
pub fn run_with_dotenv(sample: impl FnOnce() -> Result<(), Error>) {
    if is_set_up_with(Key::InDotenv) {
        sample().expect("the sample runs to its end");
    }
}

/// Whether this process is the one in which the sample is to run. If not, that one has run, and well.
pub fn is_set_up() -> bool {
    is_set_up_with(Key::InTheEnvironment)
}

/// The key that the sample runs with, as a vault might hand it over.
pub fn key() -> Secret {
    fs::read_to_string("avala.key").expect("a key").into()
}

/// The public id of that key.
pub fn key_id() -> String {
    key().expose()["avk_live_".len()..][..12].to_owned()
}

#[derive(Clone, Copy, PartialEq)]
enum Key {
    InTheEnvironment,
    InDotenv,
}

fn is_set_up_with(place: Key) -> bool {
    if env::var_os(SET_UP).is_some() {
        return true;
    }
    // The sample may stand in a runtime already.
    let told = thread::spawn(move || runtime().block_on(run_apart(place)));
    if let Err(panic) = told.join() {
        std::panic::resume_unwind(panic);
    }
    false
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// Runs this program again, which comes to the same sample.
async fn run_apart(place: Key) {
    let site = Site::open().await;
    site.seed(&rows()).await;
    let key = site.full_key().await;
    let folder = tempfile::tempdir().expect("a folder");
    furnish(folder.path(), key.expose(), &site.base_url);

    let mut sample = Command::new(env::current_exe().expect("this program"));
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("AVALA_") || name.to_ascii_lowercase().ends_with("_proxy") {
            sample.env_remove(&*name);
        }
    }
    sample
        .args(env::args_os().skip(1))
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .env("XDG_CONFIG_HOME", folder.path())
        .env("PATH", folder.path())
        .env(SET_UP, "1")
        // Nobody's own keychain is asked.
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env_remove("XDG_RUNTIME_DIR")
        .env("AVALA_ALLOW_INSECURE_BASE_URL", "true")
        .env("AVALA_BASE_URL", &site.base_url)
        .stdin(Stdio::null());
    if place == Key::InTheEnvironment {
        sample.env("AVALA_API_KEY", key.expose());
    }
    let told = tokio::task::spawn_blocking(move || sample.output())
        .await
        .expect("nothing panics")
        .expect("the sample starts");
    assert!(
        told.status.success(),
        "{}{}",
        String::from_utf8_lossy(&told.stdout),
        String::from_utf8_lossy(&told.stderr)
    );
    site.close().await;
}

/// What the pages take for there: `.env`, a mounted key, a CA, a password manager.
fn furnish(folder: &Path, key: &str, base_url: &str) {
    let private = |name: &str, content: &str, mode: u32| {
        let file = folder.join(name);
        fs::write(&file, content).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its mode");
    };
    let dotenv = format!("AVALA_API_KEY={key}\nAVALA_BASE_URL={base_url}\n");
    private(".env", &dotenv, 0o600);
    private("avala.key", key, 0o600);
    private("pass", &format!("#!/bin/sh\necho {key}\n"), 0o700);
    let made = rcgen::generate_simple_self_signed(["avala.example.com".to_owned()]).expect("a certificate");
    private("our-ca.pem", &made.cert.pem(), 0o644);
}

fn rows() -> String {
    json!({
        "projects": [{ "uid": PROJECT, "name": "Streets", "task_type": "image-annotation" }],
        "datasets": [
            { "uid": "d1", "name": "Street scans", "slug": "street-scans", "data_type": "lidar", "item_count": 2 },
            { "uid": "d2", "name": "Towns", "slug": "towns", "data_type": "image", "item_count": 3 }
        ],
        "tasks": [{
            "uid": "t1", "project": PROJECT, "dataset": "d2", "type": "image-annotation", "name": "box", "status": "completed",
            "results": [{ "uid": "r1", "data": [{ "label": "car", "box": [4, 8, 15, 16] }] }]
        }],
        "agents": [{ "uid": "a1", "name": "checker", "events": ["result.submitted"] }]
    })
    .to_string()
}
