//! Prints the page of requirements.
#![allow(clippy::print_stdout, reason = "printing is all it does")]

fn main() {
    print!("{}", avala_tests::requirements::page());
}
