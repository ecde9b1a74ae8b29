//! A key in Google Cloud Secret Manager. `cargo run -p avala-examples --features gcp --bin gcp_secrets`
#![allow(clippy::print_stdout, reason = "an example shows something")]

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), avala::Error> {
    let secret = avala::GcpSecret::new("projects/acme/secrets/avala/versions/latest")?;
    let client = avala::Client::builder().credentials(secret).build()?;
    println!("{}", client.users().me().send().await?.username);
    Ok(())
}
