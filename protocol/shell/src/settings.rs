//! What an operator writes: `hub.toml` and `node.toml`. A key that is not known is an error, because
//! a misspelt one would silently do nothing.

use crate::{
    engine::Eviction,
    lan::{self, Files},
    transport,
};
use motcua_core::{
    replica::{Bounds, Quota},
    trust::renewal::Patience,
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// `hub.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubSettings {
    /// Holds `identity/` and everything the hub stores; relative to the file.
    pub data_dir: PathBuf,
    /// UDP address of the QUIC endpoint; TCP at the same port, unless [`Self::tcp_listen`] says
    /// otherwise.
    pub listen: SocketAddr,
    /// TCP address for links from networks that block UDP, such as `0.0.0.0:443`. The root
    /// document must name the port for the offices to try it.
    #[serde(default)]
    pub tcp_listen: Option<SocketAddr>,
    /// Address of the recovery ALPN, UDP and TCP; without it machines enrol and come back over TCP
    /// only, at the port of the links.
    #[serde(default)]
    pub recovery_listen: Option<SocketAddr>,
    /// TCP address of console, metrics and public look-up without TLS: this machine's own, unless
    /// [`PageSettings::plain_http`] says otherwise.
    pub http_listen: SocketAddr,
    /// Filter of log lines, such as `info` or `motcua_hub=debug`.
    #[serde(default = "info")]
    pub log: String,
    /// Minutes that a dossier may stand in files after this office was taken out of it; 60 if not
    /// said, at most a day.
    #[serde(default)]
    pub purge_after_minutes: Option<u32>,
    /// How links are set up, where the network needs it.
    #[serde(default)]
    pub links: LinkSettings,
    /// When this machine renews its certificate.
    #[serde(default)]
    pub renewal: RenewalSettings,
    /// What is kept for offices that do not read.
    #[serde(default)]
    pub retention: RetentionSettings,
    /// How the page is reached on the network.
    #[serde(default)]
    pub page: PageSettings,
    /// What each machine of an office may write at this hub.
    #[serde(default)]
    pub allowance: AllowanceSettings,
}

/// `node.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSettings {
    /// Holds `identity/` and everything the node stores; relative to the file.
    pub data_dir: PathBuf,
    /// TCP address of the office's page and API without TLS: this machine's own, unless
    /// [`PageSettings::plain_http`] says otherwise.
    pub http_listen: SocketAddr,
    /// Address on the local network, UDP and TCP, for the office's other machines.
    #[serde(default)]
    pub sibling_listen: Option<SocketAddr>,
    /// Places where this machine's own work should stand, its disk included. The page warns while
    /// there are fewer; saving never waits for the others.
    #[serde(default = "one")]
    pub copies: u8,
    /// A folder on a second disk or stick; relative to the file.
    #[serde(default)]
    pub second_copy: Option<PathBuf>,
    /// Counts that folder as a place although it is on the disk of the data.
    #[serde(default)]
    pub second_copy_same_disk: bool,
    /// Hours after which work that stands on this machine alone is an alarm.
    #[serde(default = "four")]
    pub only_copy_hours: u16,
    /// Addresses of the office's other machines, such as `192.168.1.12:7443`.
    #[serde(default)]
    pub siblings: Vec<String>,
    /// Filter of log lines, such as `info` or `motcua_node=debug`.
    #[serde(default = "info")]
    pub log: String,
    /// Minutes that a dossier may stand in files after this office was taken out of it; 60 if not
    /// said, at most a day.
    #[serde(default)]
    pub purge_after_minutes: Option<u32>,
    /// Days after the newest act in a closed dossier after which its history stands at the hub only
    /// and comes back when it is opened; 90 if not said, 0 for never. See [`EvictionSettings`].
    #[serde(default = "ninety")]
    pub evict_after_days: u32,
    /// The same in detail.
    #[serde(default)]
    pub eviction: EvictionSettings,
    /// How links are set up, where the network needs it.
    #[serde(default)]
    pub links: LinkSettings,
    /// When this machine renews its certificate.
    #[serde(default)]
    pub renewal: RenewalSettings,
    /// How the page is reached on the network.
    #[serde(default)]
    pub page: PageSettings,
    /// Where the office's scanner writes, if it writes where this machine can read.
    #[serde(default)]
    pub scan_folder: Option<ScanFolderSettings>,
}

/// The section `[scan_folder]` of `node.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanFolderSettings {
    /// The folder; relative to the file.
    pub path: PathBuf,
}

/// How long a purged dossier may stand in files, where the settings do not say. What is revoked
/// within it goes together: rewriting costs by what is held.
pub const PURGE_DELAY: Duration = Duration::from_secs(3_600);

fn purge_delay(minutes: Option<u32>) -> Option<Duration> {
    minutes.map(|minutes| Duration::from_secs(u64::from(minutes.min(1_440)) * 60))
}

impl HubSettings {
    /// How long a purged dossier may stand in files, if the file says so.
    pub fn purge_delay(&self) -> Option<Duration> {
        purge_delay(self.purge_after_minutes)
    }
}

impl NodeSettings {
    /// How long a purged dossier may stand in files, if the file says so.
    pub fn purge_delay(&self) -> Option<Duration> {
        purge_delay(self.purge_after_minutes)
    }

    /// When closed dossiers leave this machine, if they do.
    pub fn evict(&self) -> Option<Eviction> {
        let EvictionSettings { after_seconds, every_seconds } = self.eviction;
        let days = u64::from(self.evict_after_days) * 86_400;
        let after = Duration::from_secs(after_seconds.unwrap_or(days));
        let every = Duration::from_secs(every_seconds.unwrap_or(3_600).clamp(1, 86_400));
        (days > 0).then_some(Eviction { after, every })
    }
}

/// The section `[eviction]` of `node.toml`, for trials; offices set `evict_after_days`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvictionSettings {
    /// Seconds since the newest act, in the place of days.
    pub after_seconds: Option<u64>,
    /// Seconds between two looks at all dossiers, 1 to 86,400; 3,600 if not said.
    pub every_seconds: Option<u64>,
}

/// The section `[links]` of either file. What is not given is as in
/// [`transport::Settings`], where the reasons stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkSettings {
    /// Seconds of silence after which a link is lost, 3 to 600. Whoever dials asks thrice within
    /// them.
    pub idle_seconds: Option<u64>,
    /// Milliseconds that QUIC has alone before TCP is dialled as well, at most 60,000.
    pub head_start_ms: Option<u64>,
    /// Seconds on TCP before QUIC is tried again where it was not heard for long, 1 to 86,400; at
    /// first it is tried sooner.
    pub quic_again_seconds: Option<u64>,
}

/// The section `[page]` of either file (design/page-tls.md).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageSettings {
    /// TCP address of the page for the PCs of the network, TLS 1.3, such as `192.168.1.10:443`.
    pub tls_listen: Option<SocketAddr>,
    /// TCP address where PCs are told how to trust it, without TLS, such as `192.168.1.10:80`.
    pub help_listen: Option<SocketAddr>,
    /// Names of the page beside addresses, `localhost` and those in the certificate.
    #[serde(default)]
    pub names: Vec<String>,
    /// The certificate, PEM; relative to the file. If not said, what `page install` has put in place.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM; relative to the file. If not said, that of `page request`.
    pub key: Option<PathBuf>,
    /// Lets `http_listen` be another address than this machine's own: TLS is somebody else's, in front.
    #[serde(default)]
    pub plain_http: bool,
}

impl PageSettings {
    /// Where certificate and key stand.
    pub fn files(&self, data_dir: &Path) -> Files {
        let or = |given: &Option<PathBuf>| {
            given.clone().unwrap_or_else(|| data_dir.join(lan::own::CURRENT))
        };
        Files { certificate: or(&self.certificate), key: or(&self.key) }
    }

    /// Whether somebody else keeps them.
    pub fn are_elsewhere(&self) -> bool {
        self.certificate.is_some() || self.key.is_some()
    }

    /// Paths beside the settings; what people type would otherwise go in the clear where nobody meant it.
    fn settle(&mut self, file: &Path, http_listen: SocketAddr) -> Result<(), SettingsError> {
        for path in [&mut self.certificate, &mut self.key] {
            *path = path.take().map(|path| beside(file, &path));
        }
        for name in &mut self.names {
            name.make_ascii_lowercase();
        }
        if http_listen.ip().to_canonical().is_loopback() || self.plain_http {
            return Ok(());
        }
        Err(SettingsError::Plain { file: file.to_owned(), address: http_listen })
    }
}

/// The section `[renewal]` of either file. What is not given is as in [`Patience`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewalSettings {
    /// Seconds within which machines whose certificates are due at one moment ask, at most 3,600.
    pub spread_seconds: Option<u64>,
    /// Seconds that the hub may be out of reach before other hubs are asked for newer documents,
    /// 1 to 86,400.
    pub away_seconds: Option<u64>,
}

/// The section `[retention]` of `hub.toml`. What is not given is as in [`Bounds`], where the
/// reasons stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSettings {
    /// Days that rows stay which every machine of an office has, at most 3,650.
    pub read_days: Option<u64>,
    /// Days that rows stay for a machine that is silent, 1 to 3,650.
    pub unread_days: Option<u64>,
    /// Rows that stay for a machine that is silent, 64 to 10,000,000.
    pub unread_rows: Option<u64>,
    /// Seconds after which a machine that is not linked is silent, at most 2,592,000.
    pub silent_seconds: Option<u64>,
    /// Seconds between two looks at what can go, 1 to 86,400.
    pub look_seconds: Option<u64>,
}

/// The section `[allowance]` of `hub.toml`: what each machine of an office may write here before it is
/// read more slowly. What is not given is as in [`Quota`], where the reasons stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowanceSettings {
    /// Entries at once, 100 to 1,000,000,000.
    pub entries: Option<u64>,
    /// Entries more a second, 1 to 100,000.
    pub entries_a_second: Option<u64>,
    /// Megabytes of frames at once, 1 to 1,048,576.
    pub megabytes: Option<u64>,
    /// Kilobytes of frames more a second, 1 to 1,048,576.
    pub kilobytes_a_second: Option<u64>,
}

impl AllowanceSettings {
    /// For the replica; values outside their range are drawn into it.
    pub fn quota(&self) -> Quota {
        let default = Quota::default();
        let given = |given: Option<u64>, low, high, unit, default| {
            given.map_or(default, |given: u64| given.clamp(low, high) * unit)
        };
        Quota {
            entries: given(self.entries, 100, 1_000_000_000, 1, default.entries),
            entries_a_second: given(self.entries_a_second, 1, 100_000, 1, default.entries_a_second),
            bytes: given(self.megabytes, 1, 1 << 20, 1_000_000, default.bytes),
            bytes_a_second: given(
                self.kilobytes_a_second,
                1,
                1 << 20,
                1_000,
                default.bytes_a_second,
            ),
        }
    }
}

impl RetentionSettings {
    /// For the replica; values outside their range are drawn into it.
    pub fn bounds(&self) -> Bounds {
        const DAY: u64 = 86_400_000;
        let default = Bounds::default();
        let given = |given: Option<u64>, low, high, unit, default| {
            given.map_or(default, |given: u64| given.clamp(low, high) * unit)
        };
        Bounds {
            read: given(self.read_days, 0, 3_650, DAY, default.read),
            unread: given(self.unread_days, 1, 3_650, DAY, default.unread),
            rows: given(self.unread_rows, 64, 10_000_000, 1, default.rows),
            silent: given(self.silent_seconds, 0, 2_592_000, 1_000, default.silent),
            look: given(self.look_seconds, 1, 86_400, 1_000, default.look),
        }
    }
}

impl RenewalSettings {
    /// For the plan; values outside their range are drawn into it.
    pub fn patience(&self) -> Patience {
        let default = Patience::default();
        let millis = |given: Option<u64>, low, high, default| {
            given.map_or(default, |given: u64| given.clamp(low, high) * 1_000)
        };
        Patience {
            spread: millis(self.spread_seconds, 0, 3_600, default.spread),
            away: millis(self.away_seconds, 1, 86_400, default.away),
        }
    }
}

impl LinkSettings {
    /// For the endpoint; values outside their range are drawn into it.
    pub fn transport(&self) -> transport::Settings {
        let default = transport::Settings::default();
        let seconds = |given: Option<u64>, low, high, default| {
            given.map_or(default, |given| Duration::from_secs(given.clamp(low, high)))
        };
        let idle = seconds(self.idle_seconds, 3, 600, default.idle);
        let head_start = self.head_start_ms.map(|given| Duration::from_millis(given.min(60_000)));
        transport::Settings {
            idle,
            keep_alive: idle / 3,
            head_start: head_start.unwrap_or(default.head_start),
            quic_again: seconds(self.quic_again_seconds, 1, 86_400, default.quic_again),
            ..default
        }
    }
}

fn one() -> u8 {
    1
}

fn four() -> u16 {
    4
}

fn ninety() -> u32 {
    90
}

fn info() -> String {
    "info".to_owned()
}

/// Why settings were not taken.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the settings {file} cannot be read: {source}; give the path of the file")]
    Read {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something that is not understood; the source names line and key.
    #[error("the settings {file} are not understood: {source}")]
    Parse {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// The page would be served to a network without TLS.
    #[error(
        "the settings {file} would serve the page in the clear on {address}; let http_listen be 127.0.0.1 and name \
         {address} as tls_listen under [page], or set plain_http = true there if TLS is in front of it"
    )]
    Plain {
        /// Which file.
        file: PathBuf,
        /// Where.
        address: SocketAddr,
    },
}

impl HubSettings {
    /// Reads `hub.toml`.
    ///
    /// # Errors
    /// [`SettingsError`] naming the file and what is wrong in it.
    pub fn load(file: &Path) -> Result<Self, SettingsError> {
        let mut settings: Self = load(file)?;
        settings.data_dir = beside(file, &settings.data_dir);
        settings.page.settle(file, settings.http_listen)?;
        Ok(settings)
    }
}

impl NodeSettings {
    /// Reads `node.toml`.
    ///
    /// # Errors
    /// [`SettingsError`] naming the file and what is wrong in it.
    pub fn load(file: &Path) -> Result<Self, SettingsError> {
        let mut settings: Self = load(file)?;
        settings.data_dir = beside(file, &settings.data_dir);
        settings.second_copy = settings.second_copy.map(|dir| beside(file, &dir));
        settings.page.settle(file, settings.http_listen)?;
        if let Some(folder) = &mut settings.scan_folder {
            folder.path = beside(file, &folder.path);
        }
        Ok(settings)
    }
}

fn load<T: DeserializeOwned>(file: &Path) -> Result<T, SettingsError> {
    let text = fs::read_to_string(file)
        .map_err(|source| SettingsError::Read { file: file.to_owned(), source })?;
    // Windows editors put a byte order mark.
    toml::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|source| SettingsError::Parse { file: file.to_owned(), source: Box::new(source) })
}

fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub.toml");
        fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn settings_are_read_and_the_data_folder_is_beside_the_file() {
        let (dir, path) = file(
            "\u{feff}data_dir = \"data\"\nlisten = \"0.0.0.0:4433\"\nhttp_listen = \"[::1]:80\"\n",
        );
        let settings = HubSettings::load(&path).unwrap();
        assert_eq!(settings.data_dir, dir.path().join("data"));
        assert_eq!((settings.recovery_listen, settings.log.as_str()), (None, "info"));
    }

    #[test]
    fn links_are_as_the_section_says_and_otherwise_as_ever() {
        let text = "data_dir = \"d\"\nlisten = \"0.0.0.0:1\"\nhttp_listen = \"127.0.0.1:2\"\n\
                    tcp_listen = \"0.0.0.0:443\"\n[links]\nidle_seconds = 1\nhead_start_ms = 250\n";
        let (_dir, path) = file(text);
        let settings = HubSettings::load(&path).unwrap();
        assert_eq!(settings.tcp_listen.unwrap().port(), 443);
        let links = settings.links.transport();
        assert_eq!(
            (links.idle, links.keep_alive),
            (Duration::from_secs(3), Duration::from_secs(1))
        );
        assert_eq!(links.head_start, Duration::from_millis(250));
        let default = transport::Settings::default();
        assert_eq!(links.quic_again, default.quic_again);
        assert_eq!(LinkSettings::default().transport().keep_alive, default.keep_alive);
    }

    #[test]
    fn renewal_is_as_the_section_says_and_otherwise_as_ever() {
        let text = "data_dir = \"d\"\nhttp_listen = \"127.0.0.1:2\"\n[renewal]\naway_seconds = 0\n";
        let (_dir, path) = file(text);
        let patience = NodeSettings::load(&path).unwrap().renewal.patience();
        assert_eq!(patience, Patience { away: 1_000, ..Patience::default() });
    }

    #[test]
    fn what_is_kept_is_as_the_section_says_within_its_range() {
        let text = "data_dir = \"d\"\nlisten = \"0.0.0.0:1\"\nhttp_listen = \"127.0.0.1:2\"\n\
                    [retention]\nread_days = 7\nunread_rows = 1\nlook_seconds = 0\n";
        let (_dir, path) = file(text);
        let bounds = HubSettings::load(&path).unwrap().retention.bounds();
        let expected = Bounds { read: 7 * 86_400_000, rows: 64, look: 1_000, ..Bounds::default() };
        assert_eq!(bounds, expected);
    }

    #[test]
    fn what_a_machine_may_write_is_as_the_section_says_within_its_range() {
        let text = "data_dir = \"d\"\nlisten = \"0.0.0.0:1\"\nhttp_listen = \"127.0.0.1:2\"\n\
                    [allowance]\nentries = 0\nentries_a_second = 0\nmegabytes = 2\n";
        let (_dir, path) = file(text);
        let quota = HubSettings::load(&path).unwrap().allowance.quota();
        let default = Quota::default();
        let expected = Quota { entries: 100, entries_a_second: 1, bytes: 2_000_000, ..default };
        assert_eq!(quota, expected);
        assert_eq!(AllowanceSettings::default().quota(), default);
    }

    #[test]
    fn closed_dossiers_leave_after_ninety_days_and_never_where_the_file_says_so() {
        let base = "data_dir = \"d\"\nhttp_listen = \"127.0.0.1:2\"\n";
        let evict = |more: &str| {
            let (_dir, path) = file(&format!("{base}{more}"));
            NodeSettings::load(&path).unwrap().evict()
        };
        let hour = Duration::from_secs(3_600);
        assert_eq!(evict(""), Some(Eviction { after: 90 * 24 * hour, every: hour }));
        assert_eq!(evict("evict_after_days = 0\n"), None);
        let second = Duration::from_secs(1);
        let trial = "[eviction]\nafter_seconds = 2\nevery_seconds = 0\n";
        assert_eq!(evict(trial), Some(Eviction { after: 2 * second, every: second }));
    }

    #[test]
    fn a_page_in_the_clear_is_served_to_this_machine_alone_unless_the_file_says_so() {
        let base = "data_dir = \"d\"\nhttp_listen = \"192.168.1.10:80\"\n";
        let (_dir, path) = file(base);
        let words = NodeSettings::load(&path).unwrap_err().to_string();
        assert!(words.contains("192.168.1.10:80 as tls_listen"), "{words}");
        let (_dir, path) = file(&format!("{base}[page]\nplain_http = true\n"));
        assert!(NodeSettings::load(&path).is_ok());
        let tls = "data_dir = \"d\"\nhttp_listen = \"[::1]:80\"\n[page]\ntls_listen = \"192.168.1.10:443\"\n\
                   key = \"k.pem\"\nnames = [\"Mot-Cua.motcua.internal\"]\n";
        let (dir, path) = file(tls);
        let settings = NodeSettings::load(&path).unwrap();
        let files = settings.page.files(&settings.data_dir);
        assert_eq!(files.key, dir.path().join("k.pem"));
        assert_eq!(files.certificate, dir.path().join("d/page/current.pem"));
        assert_eq!(settings.page.names, ["mot-cua.motcua.internal"]);
    }

    #[test]
    fn the_folder_of_scans_is_beside_the_file_and_none_where_nothing_is_said() {
        let base = "data_dir = \"d\"\nhttp_listen = \"127.0.0.1:2\"\n";
        let (_dir, path) = file(base);
        assert_eq!(NodeSettings::load(&path).unwrap().scan_folder, None);
        let (dir, path) = file(&format!("{base}[scan_folder]\npath = \"quet\"\n"));
        let folder = NodeSettings::load(&path).unwrap().scan_folder.unwrap();
        assert_eq!(folder.path, dir.path().join("quet"));
        let (_dir, path) = file(&format!("{base}[scan_folder]\nfolder = \"quet\"\n"));
        assert!(NodeSettings::load(&path).unwrap_err().to_string().contains("folder"));
    }

    #[test]
    fn a_misspelt_key_a_bad_address_and_a_missing_file_are_named() {
        let good = "data_dir = \"/d\"\nlisten = \"0.0.0.0:1\"\nhttp_listen = \"127.0.0.1:2\"\n";
        let (_dir, path) = file(&format!("{good}lgo = \"debug\"\n"));
        let words = HubSettings::load(&path).unwrap_err().to_string();
        assert!(words.contains("lgo") && words.contains("line 4"), "{words}");
        let (_dir, path) = file(&good.replace("0.0.0.0:1", "everywhere"));
        assert!(HubSettings::load(&path).unwrap_err().to_string().contains("listen"));
        let words = NodeSettings::load(Path::new("/nowhere/node.toml")).unwrap_err().to_string();
        assert!(words.contains("/nowhere/node.toml"), "{words}");
    }
}
