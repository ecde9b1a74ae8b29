//! The page of threats is the one its rows make, and every test that it names is there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};

use avala_tests::threats::{all, is_told, page};

/// What is not shown by a test has a reason; more would be a plan, and not a page of what holds.
const MOST_REASONS: usize = 8;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_page_of_threats_is_current() {
    let written = std::fs::read_to_string(root().join("docs/threats.md")).unwrap();
    assert!(written == page(), "run `cargo xtask gen`");
}

#[test]
fn every_threat_has_its_tests_or_one_of_a_few_reasons() {
    let threats = all();
    let numbers: Vec<u64> = threats.iter().map(|threat| threat.number).collect();
    let expected: Vec<u64> = [1..=13, 24..=41, 44..=50, 52..=56, 62..=63, 71..=71, 74..=75]
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(numbers, expected);
    for threat in &threats {
        assert!(!threat.attack.is_empty() && !threat.holds.is_empty());
        assert_ne!(
            threat.tests.is_empty(),
            threat.reason.is_none(),
            "{}",
            threat.number
        );
    }
    let reasons = threats.iter().filter(|threat| threat.reason.is_some());
    assert!(reasons.count() <= MOST_REASONS);
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let missing: Vec<String> = all()
        .iter()
        .flat_map(|threat| &threat.tests)
        .flat_map(|(file, names)| names.iter().map(move |name| (file, name)))
        .filter(|(file, name)| !is_told(&root(), file, name))
        .map(|(file, name)| format!("{file}::{name}"))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_test_that_is_not_there_is_not_told() {
    let stories = "crates/avala-server/tests/stories";
    for (file, name) in [
        ("keys.rs", "every_route_takes_a_full"),
        ("keys.rs", "request"),
        ("support.rs", "start"),
        ("no_such_file.rs", "every_route_takes_a_full_key"),
    ] {
        assert!(!is_told(&root(), &format!("{stories}/{file}"), name), "{name}");
    }
    assert!(is_told(
        &root(),
        &format!("{stories}/keys.rs"),
        "every_route_takes_a_full_key"
    ));
}
