//! A first key by an account of one's own, on servers that let anybody sign up. `AVALA_BASE_URL=… cargo run -p avala-examples --bin sign_up -- EMAIL < password`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use std::io;

fn main() -> Result<(), avala::Error> {
    let Some(email) = std::env::args().nth(1) else {
        println!("usage: sign_up EMAIL < password");
        return Ok(());
    };
    let password = io::read_to_string(io::stdin()).unwrap_or_default();
    let client = avala::blocking::Client::builder().anonymous().build()?;
    let account = client.signup().create(email, password.trim_end()).send()?;
    // Nothing shows the key again: hand it to what keeps your secrets.
    println!(
        "{} has a key of {} characters",
        account.user.username,
        account.api_key.expose().len()
    );
    Ok(())
}
