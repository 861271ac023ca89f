//! The `akguard` program: parse, run, show the error, return the exit code.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    akguard::cli::main()
}
