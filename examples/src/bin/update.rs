//! Leave, clear, set. `AVALA_API_KEY=… cargo run -p avala-examples --bin update -- AGENT_UID`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use avala::Patch;

fn main() -> Result<(), avala::Error> {
    let Some(uid) = std::env::args().nth(1) else {
        println!("usage: update AGENT_UID");
        return Ok(());
    };
    let client = avala::blocking::Client::new()?;
    let agent = client
        .agents()
        .update(uid)
        .is_active(false)
        .callback_url(Patch::Null)
        .send()?;
    println!("{} is inactive and polls", agent.name);
    Ok(())
}
