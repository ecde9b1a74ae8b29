//! What an error knows. `AVALA_API_KEY=… cargo run -p avala-examples --bin errors`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use avala::{ErrorKind, KeyProblem};

fn main() -> Result<(), avala::Error> {
    let client = avala::blocking::Client::new()?;
    match client
        .webhooks()
        .get("6f9619ff-8b86-d011-b42d-00c04fc964ff")
        .send()
    {
        Ok(webhook) => println!("{}", webhook.target_url),
        Err(error) if error.kind() == ErrorKind::NotFound => println!("no such webhook"),
        Err(error) if error.key_problem() == Some(KeyProblem::Expired) => println!("make a new key: {error}"),
        Err(error) => {
            println!("{error}");
            println!(
                "kind {}, key {:?}, code {:?}, request {:?}",
                error.kind().as_str(),
                error.key_problem(),
                error.code(),
                error.request_id()
            );
        }
    }
    Ok(())
}
