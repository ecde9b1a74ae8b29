//! Where the key came from: from `./.env`, or from the environment if that has one.
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
