//! All webhooks, async. `AVALA_API_KEY=… cargo run -p avala-examples --bin asynchronous`
#![allow(clippy::print_stdout, reason = "an example shows something")]

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), avala::Error> {
    let client = avala::Client::new()?;
    let mut all = client.webhooks().list().limit(50).items();
    while let Some(webhook) = all.next().await {
        let webhook = webhook?;
        println!("{}\t{}", webhook.uid, webhook.target_url);
    }
    Ok(())
}
