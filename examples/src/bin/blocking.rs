//! Who am I, blocking. `AVALA_API_KEY=… cargo run -p avala-examples --bin blocking`
#![allow(clippy::print_stdout, reason = "an example shows something")]

fn main() -> Result<(), avala::Error> {
    let client = avala::blocking::Client::new()?;
    println!("{}", client.users().me().send()?.username);
    for agent in client.agents().list().items() {
        println!("{}", agent?.name);
    }
    Ok(())
}
