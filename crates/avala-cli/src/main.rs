//! The command `avala`.

use std::process::ExitCode;

fn main() -> ExitCode {
    avala_cli::main(std::env::args_os())
}
