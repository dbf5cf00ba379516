//! `kenmai init`: a ledger of one's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use ledger_spec::ids::{LedgerId, PersonId, Seq};
use ledger_spec::kinds::{Approve, Body, KeyRegister, Name, Role};
use ledger_spec::statement::Core;
use ledger_spec::time::Day;
use sha2::{Digest, Sha256};

use super::console::say;
use super::outcome::{CliError, ExitStatus, Outcome};
use super::sign;
use crate::clock::{Clock, ClockPolicy, SystemClock};
use crate::config::{LedgerFile, LedgerName, check_origin, write_new};
use crate::engine::{Accepted, Engine, EngineConfig, Environment};
use crate::keys::{self, KeyError, LedgerKeys};
use crate::log::disk::RealDisk;
use crate::metrics::Metrics;

/// The few statements of a fresh ledger never wait in a queue.
const QUEUE_ENTRIES: usize = 16;

/// Make a ledger: its keys, its configuration, and its first entries.
#[derive(clap::Args)]
#[command(
    after_help = "Two persons hold a root key each; every rule, budget and key that comes later is proposed by one and approved by another. \
                        A root key that does not exist is made: give it to its person, and take it off this machine.\n\n\
                        Example:\n  \
                        kenmai init --dir city --origin ledger.example.jp/city --root-key-1 a.pem --root-key-2 b.pem\n  \
                        kenmai serve --config city/kenmai.toml"
)]
pub struct Args {
    /// The folder to make: kenmai.toml, data/ and keys/.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The log's name for ever: a URL without scheme.
    #[arg(long, value_name = "HOST/NAME")]
    origin: String,
    /// The root key of the first person (PKCS#8 PEM).
    #[arg(long, value_name = "FILE")]
    root_key_1: PathBuf,
    /// The root key of the second person.
    #[arg(long, value_name = "FILE")]
    root_key_2: PathBuf,
    /// The public name of the first root key.
    #[arg(long, value_name = "NAME", default_value = "Root key 1")]
    root_name_1: String,
    /// The public name of the second root key.
    #[arg(long, value_name = "NAME", default_value = "Root key 2")]
    root_name_2: String,
    /// The ledger's name in addresses; the last part of the origin unless told otherwise.
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
}

/// A person with a root key.
struct Root {
    key: SigningKey,
    person: PersonId,
    name: Name,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]; what exists is never written over.
pub fn run(args: &Args) -> Outcome {
    check_origin(&args.origin).map_err(|text| CliError::Refused(text.to_owned()))?;
    let id = args.id.as_deref().or(args.origin.rsplit('/').next()).unwrap_or_default();
    let id = LedgerName::try_from(id.to_owned())
        .map_err(|text| CliError::Refused(format!("{text}; choose one with --id")))?;
    let [config, data, keys_folder] = ["kenmai.toml", "data", "keys"].map(|n| args.dir.join(n));
    for path in [&config, &data, &keys_folder] {
        if fs::symlink_metadata(path).is_ok() {
            return Err(CliError::Refused(format!(
                "{} exists, and nothing is written over; choose another --dir",
                path.display()
            )));
        }
    }
    let roots =
        [root(&args.root_key_1, &args.root_name_1)?, root(&args.root_key_2, &args.root_name_2)?];
    if let [first, second] = &roots
        && first.key == second.key
    {
        let text = "the two root keys are one; each of two persons needs a key of their own";
        return Err(CliError::Refused(text.to_owned()));
    }
    fs::create_dir_all(&data).map_err(CliError::file("make", &data))?;
    let keys = LedgerKeys::create(&keys_folder)?;
    let file = LedgerFile::new(&args.origin, false, &keys)
        .map_err(|error| CliError::Refused(format!("the verifier key: {error}")))?;
    file.write(&data)?;
    found(&data, &args.origin, keys, &roots)?;
    // Last, so that a ledger which was only begun is not taken for one.
    write_new(&config, &config_text(&id, &args.origin))?;
    tell(args, &config, &keys_folder, &file.vkey);
    Ok(ExitStatus::Well)
}

fn root(path: &Path, name: &str) -> Result<Root, CliError> {
    let key = match keys::load_actor_key(path) {
        Err(KeyError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            let key = keys::create_actor_key(path)?;
            let path = path.display();
            say(format_args!("made {path}: give it to its person, and take it off this machine"));
            key
        }
        read => read?,
    };
    let mut person = [0; 16];
    getrandom::fill(&mut person)?;
    let name = Name::new(name).ok_or_else(|| {
        CliError::Refused("a root key's name has 1 to 120 bytes without control characters".into())
    })?;
    Ok(Root { key, person: PersonId(person), name })
}

/// Makes the first entries: two roots, each signed by itself, then the server's own keys by both.
///
/// # Errors
/// [`CliError`]; then the folder holds a ledger that was only begun, and is to be deleted.
fn found(data: &Path, origin: &str, keys: LedgerKeys, roots: &[Root; 2]) -> Result<(), CliError> {
    let [first, second] = roots;
    let server_keys = [
        (Role::System, keys.system.verifying_key(), "System"),
        (Role::Pin, keys.pin.verifying_key(), "PIN check"),
    ];
    let metrics = Metrics::new()
        .map_err(|error| CliError::Refused(format!("the metrics cannot be made: {error}")))?;
    let environment = Environment {
        disk: Arc::new(RealDisk),
        clock: Arc::new(SystemClock),
        metrics: metrics.ledger("init"),
    };
    let config = EngineConfig {
        origin: origin.to_owned(),
        data_folder: data.to_owned(),
        queue_entries: QUEUE_ENTRIES,
        clock_policy: ClockPolicy::AlwaysAccept,
    };
    let (engine, _) = Engine::open(&config, keys, environment)?;
    for root in roots {
        let public_key = root.key.verifying_key().to_bytes();
        let (role, person, name) = (Role::Root, root.person, root.name.clone());
        let body = Body::KeyRegister(KeyRegister { public_key, role, person, place: None, name });
        submit(&engine, &root.key, body)?;
    }
    for (role, public_key, name) in server_keys {
        let mut person = [0; 16];
        getrandom::fill(&mut person)?;
        let name = Name::new(name).ok_or_else(|| CliError::Refused("a key has no name".into()))?;
        let (public_key, person) = (public_key.to_bytes(), PersonId(person));
        let body = Body::KeyRegister(KeyRegister { public_key, role, person, place: None, name });
        let (proposal, statement) = submit(&engine, &first.key, body)?;
        let statement_hash = Sha256::digest(&statement).into();
        submit(&engine, &second.key, Body::Approve(Approve { proposal, statement_hash }))?;
    }
    engine.stop();
    Ok(())
}

/// Signs and submits; gives the entry and the statement as it is kept.
fn submit(engine: &Engine, key: &SigningKey, body: Body) -> Result<(Seq, Vec<u8>), CliError> {
    let refused = |reason: &dyn std::fmt::Display| {
        CliError::Refused(format!("a first entry was refused: {reason}"))
    };
    let core = Core {
        ledger: engine.ledger(),
        op_id: sign::random_op_id()?,
        day: Day::of_ms(SystemClock.wall_ms()),
        programme: None,
        not_after_s: None,
        body,
        sealed: None,
    };
    let statement = engine.open_statement(&core.sign(key, None)).map_err(|e| refused(&e))?;
    let verdict = engine.enqueue(statement).map_err(|e| refused(&e))?.wait_blocking();
    let Accepted { accounting, .. } = verdict.map_err(|e| refused(&e))?;
    Ok((accounting.seq, accounting.statement.0.clone()))
}

fn config_text(id: &LedgerName, origin: &str) -> String {
    let origin = origin.replace('\\', r"\\").replace('"', r#"\""#);
    format!(
        "# The configuration of `kenmai serve --config FILE`. Relative paths start at this file's folder.\n\n\
         # Where residents, shops and stations connect; put a server with TLS in front of it.\n\
         listen = \"127.0.0.1:8080\"\n\
         # Where Prometheus connects; never a public address. Without this line there are no metrics.\n\
         # metrics_listen = \"127.0.0.1:9090\"\n\n\
         # Reaching a limit is a clear answer, never a crash. These are the defaults.\n\
         # [limits]\n\
         # queue_entries = 1024\n\
         # body_bytes = 65536\n\
         # request_timeout_ms = 10000\n\n\
         [[ledger]]\n\
         # The name in addresses.\n\
         id = \"{id}\"\n\
         # The log's name, for ever: a log under another origin is another log.\n\
         origin = \"{origin}\"\n\
         data = \"data\"\n\
         # The ledger's own secrets. Move them to a place that a copy of the data does not carry along, and keep a\n\
         # backup: without them nobody can read what is sealed, and the log cannot go on.\n\
         keys = \"keys\"\n\
         # So many hours after the last entry the server asks a person whether the clock is right.\n\
         clock_gap_hours = 72\n"
    )
}

fn tell(args: &Args, config: &Path, keys_folder: &Path, vkey: &str) {
    let (config, keys) = (config.display(), keys_folder.display());
    say(format_args!("made the ledger {} ({})", args.origin, LedgerId::of_origin(&args.origin)));
    say(format_args!("  configuration  {config}"));
    say(format_args!("  secrets        {keys}: move them out of reach of backups of the data"));
    say(format_args!("  verifier key   {vkey}"));
    say(
        "Publish the verifier key, in the city's gazette for example: whoever has it can check the log.",
    );
    say(
        "Then propose and approve a programme (kenmai sign --kind programme.publish) and start the server:",
    );
    say(format_args!("  kenmai serve --config {config}"));
}
