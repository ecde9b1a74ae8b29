//! The real command with a certificate: our client and the official one reach it over TLS, and nobody does without.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use avala_tests::{ServeProcess, avala, python, run};
use tempfile::TempDir;

/// A server with a certificate that signs itself, and that certificate.
fn serve(dir: &TempDir) -> (ServeProcess, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (dir.path().join("certificate.pem"), dir.path().join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let files = [
        "--tls-cert",
        certificate.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ];
    let served = ServeProcess::start_by(&mut avala(&[]), &dir.path().join("data"), &files);
    assert!(
        served.base_url.starts_with("https://127.0.0.1:"),
        "{}",
        served.base_url
    );
    (served, certificate)
}

fn whoami(served: &ServeProcess, base_url: &str) -> Command {
    let mut command = avala(&["whoami"]);
    command
        .env("AVALA_API_KEY", served.key.expose())
        .env("AVALA_BASE_URL", base_url)
        .env("AVALA_ALLOW_INSECURE_BASE_URL", "true");
    command
}

#[test]
fn the_command_reaches_it_when_it_knows_the_certificate_and_only_then() {
    let dir = tempfile::tempdir().unwrap();
    let (served, certificate) = serve(&dir);
    let known = run(whoami(&served, &served.base_url).env("AVALA_CA_BUNDLE", &certificate));
    assert_eq!(known.code, Some(0), "{known:?}");
    let unknown = run(&mut whoami(&served, &served.base_url));
    assert_ne!(unknown.code, Some(0), "{unknown:?}");
    let plain = run(&mut whoami(&served, &served.base_url.replace("https", "http")));
    assert!(plain.stderr.contains("https://"), "{plain:?}");
    served.stop();
}

#[test]
fn the_official_client_reaches_it() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (served, certificate) = serve(&dir);
    let script = "import avala; print(len(list(avala.Client().organizations.list())))";
    let said = run(Command::new(python)
        .args(["-c", script])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AVALA_API_KEY", served.key.expose())
        .env("AVALA_BASE_URL", &served.base_url)
        .env("SSL_CERT_FILE", certificate));
    assert_eq!((said.code, said.stdout.trim()), (Some(0), "1"), "{said:?}");
    served.stop();
}
