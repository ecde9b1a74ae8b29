//! A key in the operating system's keychain. `cargo run -p avala-examples --features keychain --bin keychain`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use avala::keychain::KeychainKey;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), avala::Error> {
    // `avala auth login --profile staging` put it there, or `avala::keychain::store("staging", &key)`.
    let client = avala::Client::builder()
        .credentials(KeychainKey::new("staging"))
        .build()?;
    println!("{}", client.users().me().send().await?.username);
    Ok(())
}
