//! A secret that the platform mounts as a file. `cargo run -p avala-examples --bin mounted_file -- /run/secrets/avala`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use avala::KeyFile;

fn main() -> Result<(), avala::Error> {
    let Some(file) = std::env::args().nth(1) else {
        println!("usage: mounted_file FILE");
        return Ok(());
    };
    let client = avala::blocking::Client::builder()
        .credentials(KeyFile::new(file))
        .build()?;
    println!("{}", client.users().me().send()?.username);
    Ok(())
}
