//! A key that another program prints, here `pass`. `cargo run -p avala-examples --bin password_manager -- avala/staging`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use avala::Preset;

fn main() -> Result<(), avala::Error> {
    let Some(name) = std::env::args().nth(1) else {
        println!("usage: password_manager ENTRY");
        return Ok(());
    };
    let client = avala::blocking::Client::builder()
        .credentials(Preset::Pass { name }.key()?)
        .build()?;
    println!("{}", client.users().me().send()?.username);
    Ok(())
}
