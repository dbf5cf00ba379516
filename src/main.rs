//! The `kenmai` command.

fn main() -> std::process::ExitCode {
    kenmai::cli::main()
}
