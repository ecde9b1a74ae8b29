//! A server of your own, whose certificate a CA of your own signed. `AVALA_API_KEY=… cargo run -p avala-examples --bin on_premises -- URL CA.pem`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use std::time::Duration;

fn main() -> Result<(), avala::Error> {
    let (Some(url), Some(ca)) = (std::env::args().nth(1), std::env::args().nth(2)) else {
        println!("usage: on_premises URL CA.pem");
        return Ok(());
    };
    let client = avala::blocking::Client::builder()
        .base_url(url)
        .ca_bundle(ca)
        .connect_timeout(Duration::from_secs(3))
        .user_agent_suffix("nightly-export/1.4")
        .build()?;
    println!("{}", client.users().me().send()?.username);
    Ok(())
}
