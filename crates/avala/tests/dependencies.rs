//! What the library brings along: little by default, and nothing of a source that is not asked for.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, process::Command};

/// The crates of a build with these features besides the default ones, by name and version, this library among them;
/// neither those of tests nor those of other systems.
fn crates(features: &[&str]) -> BTreeSet<String> {
    crates_with(&["--features", &features.join(",")])
}

fn crates_with(arguments: &[&str]) -> BTreeSet<String> {
    let answer = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--package",
            "avala",
            "--edges",
            "normal,build",
        ])
        .args(["--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "{errors}");
    let list = String::from_utf8(answer.stdout).unwrap();
    // A crate that was shown before is marked, and one of this workspace has its folder.
    list.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some(format!("{} {}", words.next()?, words.next()?))
        })
        .collect()
}

fn has(crates: &BTreeSet<String>, start: &str) -> bool {
    crates.iter().any(|one| one.starts_with(start))
}

#[test]
fn by_default_there_are_few_crates_and_no_cloud() {
    let crates = crates(&[]);
    assert!(crates.len() <= 120, "{}: {crates:?}", crates.len());
    for start in ["aws-", "google-cloud-", "reqwest "] {
        assert!(!has(&crates, start), "{start} in {crates:?}");
    }
}

#[test]
fn a_feature_that_is_off_brings_nothing() {
    // Given what each feature is there for.
    let brings: &[(&str, &[&str])] = &[
        ("ring", &["ring "]),
        ("http2", &["h2 "]),
        ("aws-lc", &["aws-lc-rs "]),
        ("aws", &["aws-config ", "aws-sdk-secretsmanager "]),
        ("gcp", &["google-cloud-secretmanager-v1 "]),
        (
            "keychain",
            &["keyring-core ", "dbus-secret-service-keyring-store "],
        ),
        ("edit-profiles", &["toml_edit "]),
        ("measure", &[]),
    ];
    let bare = crates_with(&["--no-default-features"]);
    for (feature, starts) in brings {
        let on = crates_with(&["--no-default-features", "--features", feature]);
        for start in *starts {
            assert!(has(&on, start), "{feature} brings {start}: {on:?}");
            assert!(!has(&bare, start), "{start} without {feature}: {bare:?}");
        }
        // Nor does it bring what another one is there for. Google's client wants aws-lc and HTTP/2 for itself.
        for (other, starts) in brings.iter().filter(|(other, _)| other != feature) {
            let is_googles = *feature == "gcp" && ["aws-lc", "http2"].contains(other);
            for start in starts.iter().filter(|_| !is_googles) {
                assert!(!has(&on, start), "{feature} brings {start} of {other}");
            }
        }
    }
    // And a feature that is new is not forgotten here.
    let manifest = include_str!("../Cargo.toml");
    let (_, features) = manifest.split_once("[features]\n").unwrap();
    let declared = features
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .filter(|name| *name != "default" && !name.starts_with([' ', '#']));
    let known: BTreeSet<&str> = brings.iter().map(|(feature, _)| *feature).collect();
    assert_eq!(declared.collect::<BTreeSet<_>>(), known);
}

#[test]
fn a_cloud_brings_its_own_and_not_the_others() {
    let aws = crates(&["aws"]);
    assert!(has(&aws, "aws-sdk-secretsmanager "));
    // Its requests go our way: no second HTTP client, no second TLS.
    for start in [
        "aws-smithy-http-client ",
        "reqwest ",
        "aws-lc-rs ",
        "hyper 0.14",
        "rustls 0.21",
        "google-cloud-",
    ] {
        assert!(!has(&aws, start), "{start} in {aws:?}");
    }
    let google = crates(&["gcp"]);
    assert!(has(&google, "google-cloud-secretmanager-v1 "));
    for start in [
        "aws-sdk-",
        "aws-config ",
        "hyper 0.14",
        "rustls 0.21",
        "tonic ",
        "native-tls ",
    ] {
        assert!(!has(&google, start), "{start} in {google:?}");
    }
    let all = crates(&["aws", "gcp"]);
    assert!(all.is_superset(&aws) && all.is_superset(&google));
}
