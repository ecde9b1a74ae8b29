//! Prints the page of threats.
#![allow(clippy::print_stdout, reason = "printing is all it does")]

fn main() {
    print!("{}", avala_tests::threats::page());
}
