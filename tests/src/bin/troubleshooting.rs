//! Prints the page of troubleshooting.
#![allow(clippy::print_stdout, reason = "printing is all it does")]

fn main() {
    print!("{}", avala_tests::troubleshooting::page());
}
