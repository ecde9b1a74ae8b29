//! Prints the parity table: every operation of the API, and where it stands in the client, the command and the server.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "printing is all it does")]

fn main() {
    print!("{}", avala_tests::parity::table());
}
