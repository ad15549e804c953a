//! The binary: hands the arguments to the library and returns its exit code.

use std::{io, process::ExitCode};

fn main() -> ExitCode {
    let exit = motcua_provision::run(std::env::args_os(), &mut io::stdout(), &mut io::stderr());
    ExitCode::from(exit as u8)
}
