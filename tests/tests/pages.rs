//! The pages that are made from the code say what it says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::{collections::BTreeSet, path::Path};

use avala_tests::{python_names, requirements, troubleshooting};

fn written(page: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join("docs").join(page)).unwrap()
}

#[test]
fn the_pages_are_current() {
    for (page, made) in [
        ("requirements.md", requirements::page()),
        ("troubleshooting.md", troubleshooting::page()),
        ("python-names.md", python_names::page()),
    ] {
        assert!(written(page) == made, "{page}: run `cargo xtask gen`");
    }
}

#[test]
fn no_test_covers_what_is_no_requirement() {
    let numbers: BTreeSet<String> = requirements::all()
        .into_iter()
        .map(|(number, _)| number)
        .collect();
    let covered = requirements::covered();
    let unknown: Vec<&String> = covered
        .keys()
        .filter(|number| !numbers.contains(*number))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

// Covers: R31, R32, R33, R34
#[test]
fn the_four_troubles_of_the_official_page_are_on_ours() {
    let page = troubleshooting::page();
    for text in [
        "No API key provided.",
        "Invalid API key.",
        "API key has expired.",
        "Invalid base_url",
    ] {
        assert!(page.contains(&format!("| {text} |")), "{text}");
    }
}

#[test]
fn every_exception_of_the_official_client_has_a_name_here() {
    let names = python_names::names();
    for (there, here) in [
        ("AsyncClient", "Client"),
        ("Avala", "blocking::Client"),
        ("ValueError", "ErrorKind::Configuration"),
        ("AvalaError", "Error"),
        ("AuthenticationError", "ErrorKind::Authentication"),
        ("ForbiddenError", "ErrorKind::Forbidden"),
        ("NotFoundError", "ErrorKind::NotFound"),
        ("ValidationError", "ErrorKind::Validation"),
        ("RateLimitError", "ErrorKind::RateLimited"),
        ("QuotaExceededError", "ErrorKind::QuotaExceeded"),
        ("ServerError", "ErrorKind::Server"),
        ("TimeoutError", "ErrorKind::Timeout"),
        ("CursorPage", "Page"),
        ("status_code", "Error::status"),
        ("details", "Error::field_errors"),
        ("max_retries", "ClientBuilder::retry"),
    ] {
        let is_named = names
            .iter()
            .any(|(a, b, _)| (a.as_str(), b.as_str()) == (there, here));
        assert!(is_named, "{there}: {names:?}");
    }
}
