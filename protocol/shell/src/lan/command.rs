//! `page request`, `page install` and `page status` of node and hub (docs/page-tls.md). They work on files: the
//! service may run or not.

use super::{
    certificate::fingerprint,
    own::{self, OwnError, Status},
};
use crate::{
    carry::command::{Exit, Outcome},
    clock::{Clock, SystemClock},
    identity::Identity,
    program::Common,
    settings::PageSettings,
};
use serde_json::{Value, json};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// What is to be done.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum PageVerb {
    /// Makes a key and writes a request for its certificate, to be handed to central IT.
    Request {
        /// The file, which must not exist.
        #[arg(long)]
        out: PathBuf,
        /// A name or address of the page beside those in the settings; several by repeating it.
        #[arg(long)]
        name: Vec<String>,
        /// Settings and form of the answer.
        #[command(flatten)]
        common: Common,
    },
    /// Puts the certificate in use that central IT has issued for the request.
    Install {
        /// The file.
        file: PathBuf,
        /// Settings and form of the answer.
        #[command(flatten)]
        common: Common,
    },
    /// Says what the certificate is for, how long it lasts, and the fingerprint of its root.
    Status {
        /// Settings and form of the answer.
        #[command(flatten)]
        common: Common,
    },
}

impl PageVerb {
    /// Which service is meant, and how it is answered.
    pub fn common(&self) -> &Common {
        match self {
            Self::Request { common, .. }
            | Self::Install { common, .. }
            | Self::Status { common } => common,
        }
    }
}

/// Does it, on the data folder of the service with these settings.
pub fn run(verb: &PageVerb, data_dir: &Path, settings: &PageSettings, json: bool) -> Outcome {
    let done = match verb {
        PageVerb::Request { .. } | PageVerb::Install { .. } if settings.are_elsewhere() => {
            Err(OwnError::Elsewhere)
        }
        PageVerb::Request { out, name, .. } => request(data_dir, settings, out, name),
        PageVerb::Install { file, .. } => install(data_dir, file),
        PageVerb::Status { .. } => Ok(status(data_dir, settings)),
    };
    let (exit, value, words) = match done {
        Ok(done) => done,
        Err(error) => {
            let exit = match error {
                OwnError::File { .. } => Exit::Failed,
                _ => Exit::Refused,
            };
            (exit, json!({ "error": error.to_string() }), format!("error: {error}"))
        }
    };
    Outcome { exit, text: if json { shown(value, exit) } else { words } }
}

type Done = (Exit, Value, String);

fn request(
    data_dir: &Path,
    settings: &PageSettings,
    out: &Path,
    more: &[String],
) -> Result<Done, OwnError> {
    let failed = |source| OwnError::File { file: out.to_owned(), source };
    let identity = Identity::load(data_dir).map_err(|error| failed(io::Error::other(error)))?;
    let own = own::default_name(identity.device.public().node_id());
    let listened = settings.tls_listen.map(|at| at.ip()).filter(|ip| !ip.is_unspecified());
    let names: Vec<String> = std::iter::once(own)
        .chain(listened.filter(|ip| !ip.is_loopback()).map(|ip| ip.to_string()))
        .chain(settings.names.iter().cloned())
        .chain(more.iter().cloned())
        .collect();
    let asked = own::request(data_dir, &names)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(out).map_err(failed)?;
    file.write_all(asked.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    let (shown, list) = (out.display(), names.join(", "));
    let words = format!(
        "{shown}: yêu cầu chứng thư cho {list}.\nĐưa tệp này cho bộ phận CNTT; khóa không rời máy.\n\
         {shown}: request for {list}.\nHand this file to central IT; the key stays on this machine."
    );
    Ok((Exit::Done, json!({ "file": out, "names": names }), words))
}

fn install(data_dir: &Path, file: &Path) -> Result<Done, OwnError> {
    let failed = |source| OwnError::File { file: file.to_owned(), source };
    let chain = fs::read_to_string(file).map_err(failed)?;
    let Some(seen) = own::install(data_dir, &chain)? else {
        let words = "Chứng thư này đang dùng rồi.\nThis certificate is in use already.".to_owned();
        return Ok((Exit::Nothing, json!({ "installed": false }), words));
    };
    let days = seen.days_left(SystemClock::default().wall());
    let (names, root) = (seen.names.join(", "), seen.root.as_deref().map(fingerprint));
    let words = format!(
        "Đã cài chứng thư cho {names}, còn {days} ngày; dịch vụ đang chạy dùng ngay.\n\
         Installed for {names}, {days} days left; a running service takes it up at once.\n\
         Root, SHA-256: {}",
        root.as_deref().unwrap_or("-")
    );
    let value = json!({ "installed": true, "names": seen.names, "days_left": days, "root": root });
    Ok((Exit::Done, value, words))
}

fn status(data_dir: &Path, settings: &PageSettings) -> Done {
    let status = Status::of(&settings.files(data_dir), SystemClock::default().wall());
    let listened = settings.tls_listen.map_or_else(
        || {
            "không phục vụ mạng (không có tls_listen) / not served to the network (no tls_listen)"
                .to_owned()
        },
        |at| format!("tls_listen {at}"),
    );
    let (exit, about) = match (&status.trouble, status.days_left) {
        (Some(trouble), _) => (
            Exit::Failed,
            format!("Không có chứng thư dùng được / no usable certificate: {trouble}"),
        ),
        (None, days) => (
            if status.ending { Exit::Partly } else { Exit::Done },
            format!(
                "{}\ncòn {days} ngày / {days} days left\nroot, SHA-256: {}",
                status.names.join(", "),
                status.root.as_deref().unwrap_or("-"),
                days = days.unwrap_or_default(),
            ),
        ),
    };
    (exit, json!(status), format!("{listened}\n{about}"))
}

fn shown(mut value: Value, exit: Exit) -> String {
    value["ok"] = json!(matches!(exit, Exit::Done | Exit::Nothing | Exit::Partly));
    format!("{value:#}")
}
