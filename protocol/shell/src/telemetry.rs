//! Logs: to the journal of the system where its socket is ours, else to stderr.

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// Set by systemd when stderr is its journal's.
const JOURNAL_STREAM: &str = "JOURNAL_STREAM";

/// Sets up logging once a process; a filter that cannot be read becomes `info`, and says so.
pub fn init(filter: &str) {
    let (filter, complaint) = match EnvFilter::try_new(filter) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error.to_string())),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let journald = std::env::var_os(JOURNAL_STREAM).and_then(|_| tracing_journald::layer().ok());
    let set = match journald {
        Some(layer) => registry.with(layer).try_init(),
        None => {
            let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
            registry.with(lines.with_ansi(false)).try_init()
        }
    };
    if let Err(error) = set {
        tracing::debug!(%error, "logging was set up before");
    }
    if let Some(complaint) = complaint {
        tracing::warn!(%complaint, "the log filter in the settings cannot be read; using info");
    }
}
