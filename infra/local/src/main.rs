//! `cargo run`: see [`bestow_local::commands`].
//!
//! Started as a Lambda process, it is the function of that name instead, so that whoever has the local cloud has
//! processes of its functions too, of the same build.

use std::process::ExitCode;

use bestow_functions::Function;

fn main() -> ExitCode {
    match Function::of_this_process() {
        Some(function) => serve(function),
        None => local_cloud(),
    }
}

/// On one thread, as in the function's own `main`.
#[tokio::main(flavor = "current_thread")]
async fn serve(function: &Function) -> ExitCode {
    function.serve().await
}

#[tokio::main]
async fn local_cloud() -> ExitCode {
    bestow_local::commands::run().await
}
