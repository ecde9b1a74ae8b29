//! Prints the page of names of the Python client.
#![allow(clippy::print_stdout, reason = "printing is all it does")]

fn main() {
    print!("{}", avala_tests::python_names::page());
}
