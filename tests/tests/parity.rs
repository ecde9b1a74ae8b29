//! The parity table in the book is the one the code makes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::path::Path;

#[test]
fn the_parity_table_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/parity.md");
    let written = std::fs::read_to_string(path).unwrap();
    assert!(written == avala_tests::parity::table(), "run `cargo xtask gen`");
}
