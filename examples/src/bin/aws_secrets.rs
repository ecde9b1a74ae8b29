//! A key in AWS Secrets Manager. `cargo run -p avala-examples --features aws --bin aws_secrets`
#![allow(clippy::print_stdout, reason = "an example shows something")]

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), avala::Error> {
    let secret = avala::AwsSecret::new("prod/avala")
        .region("eu-central-1")
        .field("api_key");
    let client = avala::Client::builder().credentials(secret).build()?;
    println!("{}", client.users().me().send().await?.username);
    Ok(())
}
