//! The key in the environment. `AVALA_API_KEY=… cargo run -p avala-examples --bin environment`
#![allow(clippy::print_stdout, reason = "an example shows something")]

fn main() -> Result<(), avala::Error> {
    let client = avala::blocking::Client::new()?;
    println!("{}", client.users().me().send()?.username);
    Ok(())
}
