//! A server on this machine, as `avala serve --dev` starts one. `AVALA_API_KEY=… cargo run -p avala-examples --bin local_development`
#![allow(clippy::print_stdout, reason = "an example shows something")]

fn main() -> Result<(), avala::Error> {
    let url = std::env::args().nth(1);
    let client = avala::blocking::Client::builder()
        .base_url(url.as_deref().unwrap_or("http://localhost:8000/api/v1"))
        .allow_insecure_loopback()
        .build()?;
    println!("{}", client.users().me().send()?.username);
    Ok(())
}
