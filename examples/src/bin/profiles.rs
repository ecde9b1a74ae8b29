//! One key for each environment, after `avala auth login --profile staging`. `cargo run -p avala-examples --bin profiles -- staging`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use avala::{Environment, profiles::Profiles};

fn main() -> Result<(), avala::Error> {
    for profile in Profiles::open(&Environment::Process)?.list() {
        println!("{}\t{}", profile.name, profile.url());
    }
    if let Some(name) = std::env::args().nth(1) {
        let client = avala::blocking::Client::builder().profile(name).build()?;
        println!("{}", client.users().me().send()?.username);
    }
    Ok(())
}
