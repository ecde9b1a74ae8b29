//! Whose key it is, what it may do, and where it came from. `AVALA_API_KEY=… cargo run -p avala-examples --bin whoami`
#![allow(clippy::print_stdout, reason = "an example shows something")]

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), avala::Error> {
    let client = avala::Client::new()?;
    let who = client.whoami().await?;
    println!("{} by {} at {}", who.user.username, who.source, who.origin);
    println!("{} scopes", who.permissions.scopes.len());
    for (source, outcome) in &client.credential_report().tried {
        println!("  {source}: {outcome:?}");
    }
    Ok(())
}
