//! A key that the program has from elsewhere, here from stdin. `your-vault read avala | cargo run -p avala-examples --bin explicit_key`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use std::io;

fn main() -> Result<(), avala::Error> {
    let from_your_vault = io::read_to_string(io::stdin()).unwrap_or_default();
    let client = avala::blocking::Client::builder()
        .api_key(from_your_vault)
        .build()?;
    println!("{}", client.users().me().send()?.username);
    Ok(())
}
