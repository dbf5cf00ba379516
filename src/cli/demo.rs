//! `kenmai demo`: a fictitious city to play with.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{CliError, Outcome};

/// Start the demo city, made at the first start. All persons and shops are fictitious.
#[derive(clap::Args)]
pub struct Args {
    /// Where the city is kept; delete the folder to begin anew.
    #[arg(long, value_name = "DIR", default_value = "./kenmai-data")]
    pub data: PathBuf,
    /// The address to listen on; port 0 takes any that is free.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}

impl Default for Args {
    fn default() -> Self {
        Self { data: "./kenmai-data".into(), listen: ([127, 0, 0, 1], 8080).into() }
    }
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    let Args { data, listen } = args;
    Err(CliError::Refused(format!(
        "this build has no demo city: nothing was made in {} and nobody listens on {listen}",
        data.display()
    )))
}
