//! Sign-up: the password's way in and the key's way out.

use super::{
    avala::avala,
    server::{TestServer, server},
};

#[test]
fn in_a_pipe_the_key_is_the_only_thing_on_stdout_and_it_works() {
    let server = server();
    let outcome = avala("signup ada@example.com --first-name Ada --password-stdin")
        .server(&server.base_url)
        .stdin("correct horse battery\n")
        .run();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let key = outcome.stdout.trim_end();
    assert!(avala_keys::ApiKey::parse(key.as_bytes()).is_ok(), "{outcome:?}");
    assert!(!outcome.stderr.contains(key));
    let text = avala("whoami").on(&server.base_url, key).run().printed();
    assert!(text.contains("user\tada@example.com\n"), "{text}");
}

#[test]
fn a_key_file_is_private_and_never_overwritten() {
    let server = server();
    let path = server.directory.path().join("ada.key");
    let sign_up = |email: &str| {
        avala("signup --password-stdin --out")
            .arg(path.to_str().unwrap())
            .arg(email)
            .server(&server.base_url)
            .stdin("correct horse battery")
            .run()
    };
    let outcome = sign_up("ada@example.com");
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(0), ""),
        "{outcome:?}"
    );
    let key = std::fs::read_to_string(&path).unwrap();
    assert!(avala_keys::ApiKey::parse(key.trim_end().as_bytes()).is_ok());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    let text = sign_up("bob@example.com").failed(2);
    assert!(text.contains("never overwritten"), "{text}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), key);
}

#[test]
fn a_sign_up_that_fails_leaves_no_file() {
    let server = TestServer::start(|config| config.sign_up = false);
    let path = server.directory.path().join("ada.key");
    avala("signup ada@example.com --password-stdin --out")
        .arg(path.to_str().unwrap())
        .server(&server.base_url)
        .stdin("correct horse battery")
        .run()
        .failed(5);
    assert!(!path.exists());
}

#[test]
fn a_password_is_asked_for_only_when_somebody_is_there() {
    let text = avala("signup ada@example.com")
        .server("http://127.0.0.1:9/api/v1")
        .run()
        .failed(2);
    assert!(text.contains("--password-stdin"), "{text}");
}
