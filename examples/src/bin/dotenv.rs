//! The key in `./.env`, unless the environment has one. `cargo run -p avala-examples --bin dotenv`
#![allow(clippy::print_stdout, reason = "an example shows something")]

fn main() -> Result<(), avala::Error> {
    let client = avala::blocking::Client::builder().dotenv().build()?;
    let report = client.credential_report();
    println!("{} gave the key; it is sent to {}", report.source, report.origin);
    for (source, outcome) in &report.tried {
        println!("  {source}: {outcome:?}");
    }
    Ok(())
}
