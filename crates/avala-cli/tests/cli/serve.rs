//! `avala serve`: ready lines, restarts, refusals, and leaving.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdin, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use super::avala::{Outcome, avala};

/// A server as a child process, stopped when it is dropped.
pub(crate) struct Served {
    child: Child,
    stdin: Option<ChildStdin>,
    pub(crate) ready: Value,
}

pub(crate) fn serve(directory: &TempDir, options: &str) -> Served {
    let mut child = Command::new(env!("CARGO_BIN_EXE_avala"))
        .args([
            "serve",
            "--bind",
            "127.0.0.1:0",
            "--output",
            "json",
            "--until-stdin-ends",
            "--data-dir",
        ])
        .arg(directory.path().join("data"))
        .args(options.split(' ').filter(|word| !word.is_empty()))
        .current_dir(directory.path())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let stdin = child.stdin.take();
    Served {
        child,
        stdin,
        ready: serde_json::from_str(&line).expect(&line),
    }
}

impl Served {
    pub(crate) fn text(&self, member: &str) -> &str {
        self.ready[member].as_str().unwrap()
    }

    pub(crate) fn stop(mut self) {
        drop(self.stdin.take());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ended = self.child.wait();
    }
}

#[test]
fn a_development_server_prints_the_same_key_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let first = serve(&directory, "--dev");
    let key = first.text("api_key").to_owned();
    assert!(key.starts_with("avk_test_"));
    avala("whoami").on(first.text("base_url"), &key).run().printed();
    first.stop();

    let second = serve(&directory, "--dev");
    assert_eq!(second.text("api_key"), key);
    avala("whoami").on(second.text("base_url"), &key).run().printed();
    second.stop();
}

#[test]
fn the_printed_lines_are_all_a_shell_needs() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = {
        let mut typed = avala("serve --dev --bind 127.0.0.1:0 --until-stdin-ends --data-dir data");
        typed.command.current_dir(directory.path());
        // Its stdin ends at once, so it stops as soon as it has started.
        typed.run()
    };
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(
        lines[0].starts_with("export AVALA_API_KEY=avk_test_"),
        "{outcome:?}"
    );
    assert!(lines[1].starts_with("export AVALA_BASE_URL=http://127.0.0.1:") && lines[1].ends_with("/api/v1"));
    assert_eq!(lines[2..], ["export AVALA_ALLOW_INSECURE_BASE_URL=true"]);
    assert!(
        outcome.stderr.contains("Serving http://127.0.0.1:"),
        "{outcome:?}"
    );
}

#[test]
fn a_development_server_listens_on_this_machine_only() {
    for address in ["0.0.0.0:0", "[::]:0", "10.0.0.1:8000"] {
        let directory = tempfile::tempdir().unwrap();
        let mut typed = avala(&format!("serve --dev --bind {address}"));
        typed.command.current_dir(directory.path());
        let text = typed.run().failed(2);
        assert!(text.contains("this machine only"), "{text}");
        assert!(!directory.path().join(".avala").exists(), "nothing was made");
    }
}

#[test]
fn metrics_are_for_this_machine_unless_it_is_said_that_they_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let mut typed = avala("serve --bind 127.0.0.1:0 --metrics 0.0.0.0:0");
    typed.command.current_dir(directory.path());
    let text = typed.run().failed(2);
    assert!(text.contains("--metrics-allow-remote"), "{text}");
    assert!(!directory.path().join(".avala").exists(), "nothing was made");

    // There are none unless they are asked for.
    let served = serve(&directory, "");
    assert_eq!(served.ready.get("metrics_url"), None);
    served.stop();
    for options in [
        "--metrics 127.0.0.1:0",
        "--metrics 0.0.0.0:0 --metrics-allow-remote",
    ] {
        let served = serve(&directory, options);
        let url: url::Url = served.text("metrics_url").parse().unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", url.port().unwrap())).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.contains("\navala_keys 0\n"), "{answer}");
        served.stop();
    }
}

#[test]
fn a_port_in_use_is_a_plain_error_and_nothing_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut typed = avala(&format!("serve --dev --bind {}", taken.local_addr().unwrap()));
    typed.command.current_dir(directory.path());
    let text = typed.run().failed(1);
    assert!(text.contains("is in use") && text.contains("hint: "), "{text}");
    assert!(!directory.path().join(".avala").exists());
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _first = serve(&directory, "--dev");
    let mut typed = avala("serve --dev --bind 127.0.0.1:0 --data-dir data");
    typed.command.current_dir(directory.path());
    let text = typed.run().failed(1);
    assert!(text.contains("nother server"), "{text}");
}

#[test]
fn without_dev_there_is_no_sign_up_and_a_first_key_goes_to_a_private_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("first.key");
    let served = serve(&directory, "--bootstrap-key-file first.key");
    assert_eq!(served.ready.get("api_key"), None);
    let key = std::fs::read_to_string(&file).unwrap();
    assert!(key.starts_with("avk_live_"));
    avala("whoami")
        .on(served.text("base_url"), key.trim_end())
        .run()
        .printed();
    avala("signup ada@example.com --password-stdin")
        .server(served.text("base_url"))
        .stdin("correct horse battery")
        .run()
        .failed(5);
    served.stop();

    serve(&directory, "--bootstrap-key-file first.key").stop();
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        key,
        "an earlier key is left alone"
    );
}

#[test]
fn a_lost_first_key_is_issued_anew_and_the_lost_one_opens_nothing_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("first.key");
    let read = || std::fs::read_to_string(&file).unwrap().trim_end().to_owned();
    let uid = |served: &Served, key: &str| {
        let whoami = avala("whoami -o json")
            .on(served.text("base_url"), key)
            .run()
            .json();
        whoami["user"]["uid"].as_str().unwrap().to_owned()
    };
    let first = serve(&directory, "--bootstrap-key-file first.key");
    let lost = read();
    let user = uid(&first, &lost);
    first.stop();

    std::fs::remove_file(&file).unwrap();
    let second = serve(&directory, "--bootstrap-key-file first.key");
    assert_eq!(uid(&second, &read()), user);
    avala("whoami").on(second.text("base_url"), &lost).run().failed(4);
    second.stop();
}

#[test]
fn an_empty_first_key_file_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("first.key");
    for start in ["the first", "a later one that was killed half-way"] {
        std::fs::write(&file, "").unwrap();
        let served = serve(&directory, "--bootstrap-key-file first.key");
        let key = std::fs::read_to_string(&file).unwrap();
        assert!(key.starts_with("avk_live_"), "{start}");
        avala("whoami")
            .on(served.text("base_url"), key.trim_end())
            .run()
            .printed();
        served.stop();
    }
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        2,
        "the key and the data, and no passing file"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[cfg(unix)]
#[test]
fn a_server_that_is_told_to_stop_ends_well() {
    for signal in ["-TERM", "-INT"] {
        let directory = tempfile::tempdir().unwrap();
        let mut served = serve(&directory, "--dev");
        let told = Command::new("kill")
            .args([signal, &served.child.id().to_string()])
            .status()
            .unwrap();
        assert!(told.success());
        assert_eq!(served.child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[test]
fn limits_are_as_they_were_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let served = serve(&directory, "--dev --rate-limit 7");
    let outcome: Outcome = avala("status --output json")
        .on(served.text("base_url"), served.text("api_key"))
        .run();
    assert_eq!(outcome.json()["rate_limit"]["limit"], 7);
}

/// What a server says that stops as soon as it has started.
fn started(directory: &TempDir, options: &str) -> Outcome {
    let mut typed = avala(&format!(
        "serve --bind 127.0.0.1:0 --until-stdin-ends --data-dir data {options}"
    ));
    typed.command.current_dir(directory.path());
    typed.run()
}

#[test]
fn a_server_without_accounts_says_how_to_get_one() {
    const HINT: &str = "the token in data/setup-token makes the first administrator:";
    let directory = tempfile::tempdir().unwrap();
    let told = started(&directory, "").stderr;
    assert!(told.contains("Nobody has") && told.contains(HINT), "{told}");
    let command = "AVALA_ALLOW_INSECURE_BASE_URL=true avala setup EMAIL --base-url http://127.0.0.1:";
    assert!(told.contains(command), "{told}");
    assert!(
        told.contains(" --token-file data/setup-token --out FILE"),
        "{told}"
    );
    for options in ["--sign-up", "--bootstrap-key-file first.key", ""] {
        let outcome = started(&directory, options);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(!outcome.stderr.contains("Nobody has"), "{outcome:?}");
        assert!(!directory.path().join("data/setup-token").exists(), "{options}");
    }
}

#[cfg(unix)]
#[test]
fn a_database_url_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("url");
    std::fs::write(&file, "postgres://avala:hunter2@127.0.0.1:1/avala").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    for line in ["serve --bind 127.0.0.1:0", "server seed -"] {
        let mut typed = avala(&format!("{line} --database-file url")).stdin("{}");
        typed.command.current_dir(directory.path());
        let text = typed.run().failed(2);
        assert!(
            text.contains("url can be reached by other users (mode 644); run: chmod go-rwx url"),
            "{text}"
        );
        assert!(!text.contains("hunter2"));
    }
    assert!(!directory.path().join(".avala").exists(), "nothing was made");
}

#[cfg(unix)]
#[test]
fn a_file_that_is_refused_keeps_its_name() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).unwrap();
    let text = started(&directory, "").failed(1);
    assert!(
        text.contains("The path data can be reached by other users (mode 755)"),
        "{text}"
    );
}

#[test]
fn a_value_that_cannot_be_read_is_answered_with_an_example() {
    for (options, example) in [
        ("--trusted-proxy proxy", "expected a network such as 10.0.0.0/8"),
        (
            "--public-url avala",
            "expected a URL such as https://avala.example",
        ),
        (
            "--s3-endpoint localhost:9000",
            "expected a URL such as https://avala.example",
        ),
        ("--aws-account-id 12", "expected the 12 digits of an AWS account"),
    ] {
        let text = avala(&format!("serve {options}")).run().failed(2);
        assert!(text.contains(example), "{text}");
    }
}
