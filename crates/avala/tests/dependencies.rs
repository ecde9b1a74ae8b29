//! What the library brings along: little by default, and nothing of a source that is not asked for.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, process::Command};

/// The crates of a build with these features, this library among them, by name and version; neither those of tests nor those of other systems.
fn crates(features: &[&str]) -> BTreeSet<String> {
    let answer = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--package",
            "avala",
            "--edges",
            "normal,build",
        ])
        .args([
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--features",
            &features.join(","),
        ])
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
