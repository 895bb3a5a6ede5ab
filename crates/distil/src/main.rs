//! The command line of distil.

use std::process::ExitCode;

fn main() -> ExitCode {
    distil::run()
}
