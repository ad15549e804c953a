//! A small city of real processes: provisioned by the shipped tool from real offices, hubs and nodes
//! with a line between each two that can be cut. Everything on loopback, everything ended on drop.

use crate::{
    binaries::Binaries,
    patience::until,
    ports,
    process::{Process, Recipe},
    relay::{Line, Relay, STRANGERS},
};
use anyhow::{Context, bail, ensure};
use motcua_core::{id::OfficeId, trust::OfficeRecord};
use motcua_provision::folder;
use motcua_shell::program::TOKEN_FILE;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    net::{SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Code of the city's own office.
pub const CITY: &str = "79";
/// Code of Quận 1, with four wards.
pub const DISTRICT_1: &str = "760";
/// Code of Quận 3, with one ward.
pub const DISTRICT_3: &str = "770";
/// Wards of Quận 1: Tân Định, Đa Kao, Bến Nghé, Bến Thành.
pub const WARDS_1: [&str; 4] = ["26734", "26737", "26740", "26743"];
/// A ward of Quận 3.
pub const WARD_3: &str = "27127";

const OFFICES: &str = include_str!("../data/offices-hcmc-three-tier.csv");

/// The first wards of a district, by code, as the list of offices has them.
pub fn wards_of(district: &str, count: usize) -> Vec<&'static str> {
    let rows = OFFICES.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let below = rows.filter(|row| row.get(3) == Some(&district));
    below.filter_map(|row| row.first().copied()).take(count).collect()
}

/// How long a process may take to become ready, on a machine that is busy with other tests.
pub const START: Duration = Duration::from_secs(60);
/// How long a process may take to end after SIGTERM.
pub const GRACE: Duration = Duration::from_secs(15);

/// One office's machine.
#[derive(Debug)]
pub struct Site {
    /// Code of the office.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its immutable id, as the APIs write it.
    pub office: String,
    /// Code of the hub above.
    pub above: Option<String>,
    /// Its process.
    pub process: Process,
    /// Its line to the hub above; not used by the city's hub.
    pub line: Arc<Line>,
    /// Its data directory.
    pub data: PathBuf,
    /// Where its page is.
    pub page: SocketAddr,
}

impl Site {
    /// Starts the process; the line knows it from now on.
    ///
    /// # Errors
    /// See [`Process::start`].
    pub fn start(&mut self) -> anyhow::Result<()> {
        self.process.start()?;
        self.line.set_owner(self.process.id().unwrap_or_default());
        Ok(())
    }

    /// Starts and waits until ready.
    ///
    /// # Errors
    /// See [`Process::wait_ready`].
    pub fn start_ready(&mut self) -> anyhow::Result<()> {
        self.start()?;
        self.process.wait_ready(START)
    }

    /// SIGTERM, which must lead to exit code 0 within [`GRACE`].
    ///
    /// # Errors
    /// If it does not.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let status = self.process.stop(GRACE)?;
        ensure!(status.success(), "{} ended with {status}\n{}", self.name, self.process.tail());
        Ok(())
    }

    /// Lets somebody log in at the console of this hub; gives the password.
    ///
    /// # Errors
    /// What the program says.
    pub fn add_operator(&self, name: &str) -> anyhow::Result<String> {
        let output = Command::new(&Binaries::ready()?.hub)
            .args(["operator", "add", name, "--config"])
            .arg(self.data.join("hub.toml"))
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let password = said.lines().last().filter(|_| output.status.success());
        password
            .map(str::to_owned)
            .with_context(|| format!("{}: {}", self.name, String::from_utf8_lossy(&output.stderr)))
    }

    /// Adds to the settings, for the next start; a section comes last.
    ///
    /// # Errors
    /// What the system says.
    pub fn add_settings(&self, text: &str) -> anyhow::Result<()> {
        let files = ["hub.toml", "node.toml"].map(|name| self.data.join(name));
        let file = files.iter().find(|file| file.exists()).context("no settings")?;
        let before = fs::read_to_string(file)?;
        fs::write(file, before + text).with_context(|| format!("{}", file.display()))
    }

    /// The folder of the state store, which can be rebuilt.
    pub fn state_dir(&self) -> PathBuf {
        self.data.join("state")
    }
}

/// The city; see the module.
#[derive(Debug)]
pub struct City {
    /// Hubs by code.
    pub hubs: BTreeMap<String, Site>,
    /// Nodes by code.
    pub nodes: BTreeMap<String, Site>,
    /// Folder of everything.
    pub dir: PathBuf,
    relays: Vec<Relay>,
    // Removed last, after everything that writes into it has ended.
    _temporary: Option<tempfile::TempDir>,
    _turn: Option<MutexGuard<'static, ()>>,
}

impl City {
    /// Three hubs and five nodes in a temporary folder, all started and connected. One such city at
    /// a time in a process, however many tests run side by side: the machine is to be measured by
    /// one city's load.
    ///
    /// # Errors
    /// What did not work, with the end of the log concerned.
    pub fn start() -> anyhow::Result<Self> {
        let wards: Vec<&str> = WARDS_1.into_iter().chain([WARD_3]).collect();
        Self::start_with(&[CITY, DISTRICT_1, DISTRICT_3], &wards)
    }

    /// The same with chosen hubs and wards.
    ///
    /// # Errors
    /// What did not work, with the end of the log concerned.
    pub fn start_with(hubs: &[&str], wards: &[&str]) -> anyhow::Result<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        // A test that failed held it; the next one starts anew all the same.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut temporary = tempfile::Builder::new().prefix("motcua-").tempdir()?;
        // To look at the logs of a run that failed.
        temporary.disable_cleanup(std::env::var_os("MOTCUA_KEEP").is_some());
        let dir = temporary.path().to_owned();
        let mut city = Self::found(&dir, hubs, wards)?;
        (city._temporary, city._turn) = (Some(temporary), Some(turn));
        city.open(&mut |_| {})?;
        Ok(city)
    }

    /// Provisions a city in `dir`, which must be empty; nothing is started yet.
    ///
    /// # Errors
    /// What did not work.
    pub fn found(dir: &Path, hubs: &[&str], wards: &[&str]) -> anyhow::Result<Self> {
        let programs = Binaries::ready()?;
        for folder in ["logs", "join", "nodes"] {
            let folder = dir.join(folder);
            fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
        }
        fs::write(dir.join("offices.csv"), OFFICES)?;
        let mut plots = Vec::new();
        for code in hubs {
            plots.push(Plot::choose(code)?);
        }
        let mut arguments: Vec<String> =
            ["city", "create", "--name", "Thành phố Hồ Chí Minh (mẫu)"].map(String::from).into();
        arguments.push(format!("--offices={}", dir.join("offices.csv").display()));
        arguments.push(format!("--out={}", dir.join("city").display()));
        arguments.push(format!("--only={}", [hubs, wards].concat().join(",")));
        for plot in &plots {
            let (links, recovery) = (plot.front.0.local_addr()?, plot.desk_front.0.local_addr()?);
            arguments.push(format!("--hub={}={links},recovery={recovery}", plot.code));
        }
        provision(programs, &arguments)?;
        let offices = Offices::read(&dir.join("city"))?;

        let mut city = Self {
            hubs: BTreeMap::new(),
            nodes: BTreeMap::new(),
            dir: dir.to_owned(),
            relays: Vec::new(),
            _temporary: None,
            _turn: None,
        };
        for plot in &plots {
            let site = plot.site(dir, programs, &offices)?;
            city.hubs.insert(plot.code.clone(), site);
        }
        for code in wards {
            let site = node_site(code, dir, programs, &offices)?;
            city.nodes.insert((*code).to_owned(), site);
        }
        // Every relay knows every line: an office may be served by another hub one day.
        let lines: BTreeMap<String, Arc<Line>> =
            city.sites().map(|site| (site.code.clone(), Arc::clone(&site.line))).collect();
        for plot in plots {
            city.relays.push(Relay::start(plot.front, plot.links, lines.clone())?);
            // A machine that enrols is of no line yet, unless a test sees to it.
            let mut all = lines.clone();
            all.insert(STRANGERS.to_owned(), Arc::default());
            city.relays.push(Relay::start(plot.desk_front, plot.recovery, all)?);
        }
        Ok(city)
    }

    /// Starts hubs, enrols the nodes, starts them, and waits until every line is up. `tell` hears
    /// the name of each that is ready.
    ///
    /// # Errors
    /// What did not work, with the end of the log concerned.
    pub fn open(&mut self, tell: &mut dyn FnMut(&Site)) -> anyhow::Result<()> {
        let programs = Binaries::ready()?;
        for hub in self.hubs.values_mut() {
            hub.start()?;
        }
        for hub in self.hubs.values_mut() {
            hub.process.wait_ready(START)?;
            tell(hub);
        }
        for node in self.nodes.values_mut() {
            enrol(programs, &self.dir, node)?;
            node.start()?;
        }
        for node in self.nodes.values_mut() {
            node.process.wait_ready(START)?;
            tell(node);
        }
        self.wait_connected(START)
    }

    /// Hubs, then nodes.
    pub fn sites(&self) -> impl Iterator<Item = &Site> {
        self.hubs.values().chain(self.nodes.values())
    }

    /// The same, to start and stop.
    pub fn sites_mut(&mut self) -> impl Iterator<Item = &mut Site> {
        self.hubs.values_mut().chain(self.nodes.values_mut())
    }

    /// A hub or a node by its code.
    ///
    /// # Panics
    /// If there is none: the caller's mistake.
    pub fn site(&mut self, code: &str) -> &mut Site {
        self.find(code).unwrap_or_else(|| panic!("no machine of the office {code} in this city"))
    }

    /// A hub or a node by its code.
    pub fn find(&mut self, code: &str) -> Option<&mut Site> {
        self.hubs.get_mut(code).or_else(|| self.nodes.get_mut(code))
    }

    /// Codes of the hubs above an office, nearest first.
    pub fn above(&self, code: &str) -> Vec<String> {
        let mut codes = Vec::new();
        let mut at = self.nodes.get(code).or_else(|| self.hubs.get(code));
        while let Some(above) = at.and_then(|site| site.above.clone()) {
            at = self.hubs.get(&above);
            codes.push(above);
        }
        codes
    }

    /// Stops all by SIGTERM at once, nodes and hubs alike; each must end well.
    ///
    /// # Errors
    /// If one does not.
    pub fn stop_all(&mut self) -> anyhow::Result<()> {
        let running = |site: &&mut Site| site.process.id().is_some();
        for site in self.sites_mut().filter(running) {
            site.process.terminate()?;
        }
        for site in self.sites_mut().filter(running) {
            let status = site.process.wait_end(GRACE)?;
            ensure!(status.success(), "{} ended with {status}", site.name);
        }
        Ok(())
    }

    /// Starts all that do not run, and waits until they are ready and connected.
    ///
    /// # Errors
    /// If one is not.
    pub fn start_all(&mut self) -> anyhow::Result<()> {
        for site in self.sites_mut() {
            site.start()?;
        }
        for site in self.sites_mut() {
            site.process.wait_ready(START)?;
        }
        self.wait_connected(START)
    }

    /// Runs `motcua-provision` on this city's folder; the JSON that it answers.
    ///
    /// # Errors
    /// What it says when it does not end well.
    pub fn provision(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let folder = format!("--city={}", self.dir.join("city").display());
        let all: Vec<String> =
            arguments.iter().copied().chain(["--json", &folder]).map(str::to_owned).collect();
        let said = provision(Binaries::ready()?, &all)?;
        serde_json::from_slice(&said).context("motcua-provision answered no JSON")
    }

    /// The hubs above each office as the root document in the city's folder says now.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn follow_root(&mut self) -> anyhow::Result<()> {
        let offices = Offices::read(&self.dir.join("city"))?;
        for site in self.sites_mut() {
            site.above = offices.0.get(&site.code).and_then(|office| office.above.clone());
        }
        Ok(())
    }

    /// Waits until every node and hub that runs says that its line is up.
    ///
    /// # Errors
    /// Which one is not, when the time is over.
    pub fn wait_connected(&self, patience: Duration) -> anyhow::Result<()> {
        let dials = |site: &&Site| site.above.is_some() && site.process.id().is_some();
        let mut waiting: Vec<&Site> = self.sites().filter(dials).collect();
        let all = until(patience, || {
            waiting.retain(|site| !is_connected(site));
            waiting.is_empty().then_some(())
        });
        let Some(first) = waiting.first().filter(|_| all.is_none()) else { return Ok(()) };
        let (name, tail) = (&first.name, first.process.tail());
        bail!("{name} did not reach its hub within {patience:?}\n{tail}")
    }

    /// Waits until a hub says that every office below it has taken everything of its inbox.
    ///
    /// # Errors
    /// What it says when the time is over.
    pub fn wait_settled_acknowledgements(
        &self,
        hub: &str,
        patience: Duration,
    ) -> anyhow::Result<()> {
        let site = self.hubs.get(hub).with_context(|| format!("no hub {hub}"))?;
        let below: Vec<&str> =
            self.sites().filter(|s| s.above.as_deref() == Some(hub)).map(|s| &*s.code).collect();
        let mut last = Value::Null;
        let level = until(patience, || {
            last = match site.process.client().get("/api/v1/offices") {
                Ok(answer) => answer.json(),
                Err(error) => return Some(Err(error)),
            };
            let lines = last["offices"].as_array().cloned().unwrap_or_default();
            let is_level = |code: &&str| {
                let line = lines.iter().find(|line| line["code"] == **code);
                line.is_some_and(|line| line["behind_down"] == 0 && line["behind_up"] == 0)
            };
            below.iter().all(is_level).then_some(Ok(()))
        });
        let level =
            level.with_context(|| format!("{hub} is not level with those below: {last}"))?;
        Ok(level?)
    }
}

fn is_connected(site: &Site) -> bool {
    let client = site.process.client().patient(Duration::from_secs(3));
    let is_hub = client.get("/api/v1/hub").ok().filter(|answer| answer.is_success());
    let link = match is_hub {
        Some(answer) => answer.json()["parent"]["link"].clone(),
        None => match client.get("/api/v1/sync") {
            Ok(answer) => answer.json()["link"].clone(),
            Err(_) => return false,
        },
    };
    link == "connected"
}

/// Where a hub will stand.
struct Plot {
    code: String,
    front: (UdpSocket, TcpListener),
    /// The same for the recovery ALPN.
    desk_front: (UdpSocket, TcpListener),
    links: SocketAddr,
    recovery: SocketAddr,
    http: SocketAddr,
}

impl Plot {
    fn choose(code: &str) -> anyhow::Result<Self> {
        let bound = || -> anyhow::Result<(UdpSocket, TcpListener)> {
            let at = ports::free()?;
            Ok((UdpSocket::bind(at)?, TcpListener::bind(at)?))
        };
        let (front, desk_front) = (bound()?, bound()?);
        let (links, recovery, http) = (ports::free()?, ports::free()?, ports::free()?);
        Ok(Self { code: code.to_owned(), front, desk_front, links, recovery, http })
    }

    fn site(&self, dir: &Path, programs: &Binaries, offices: &Offices) -> anyhow::Result<Site> {
        let data = dir.join("city/hubs").join(&self.code);
        let file = data.join("hub.toml");
        let text = format!(
            "data_dir = \".\"\nlisten = \"{}\"\nrecovery_listen = \"{}\"\nhttp_listen = \"{}\"\n\
             log = \"info\"\n",
            self.links, self.recovery, self.http
        );
        fs::write(&file, text).with_context(|| format!("{} is not writable", file.display()))?;
        site(&self.code, dir, &programs.hub, data, &file, self.http, offices)
    }
}

fn node_site(
    code: &str,
    dir: &Path,
    programs: &Binaries,
    offices: &Offices,
) -> anyhow::Result<Site> {
    let data = dir.join("nodes").join(code);
    fs::create_dir_all(&data)?;
    let file = data.join("node.toml");
    let http = ports::free()?;
    let text = format!("data_dir = \".\"\nhttp_listen = \"{http}\"\nlog = \"info\"\n");
    fs::write(&file, text).with_context(|| format!("{} is not writable", file.display()))?;
    site(code, dir, &programs.node, data, &file, http, offices)
}

fn site(
    code: &str,
    dir: &Path,
    program: &Path,
    data: PathBuf,
    settings: &Path,
    page: SocketAddr,
    offices: &Offices,
) -> anyhow::Result<Site> {
    let office = offices.0.get(code).with_context(|| format!("no office {code} in the city"))?;
    let recipe = Recipe {
        name: office.name.clone(),
        program: program.to_owned(),
        args: vec!["run".into(), "--config".into(), settings.display().to_string()],
        http: page,
        log: dir.join("logs").join(format!("{code}.log")),
        token: Some(data.join(TOKEN_FILE)),
    };
    Ok(Site {
        code: code.to_owned(),
        name: office.name.clone(),
        office: office.id.clone(),
        above: office.above.clone(),
        process: Process::new(recipe),
        line: Arc::default(),
        data,
        page,
    })
}

struct Office {
    id: String,
    name: String,
    above: Option<String>,
}

/// The provisioned offices by code.
struct Offices(BTreeMap<String, Office>);

impl Offices {
    fn read(city: &Path) -> anyhow::Result<Self> {
        let city = folder::City::open(city).map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
        let catalogue = city.trust.catalogue().context("a city without a catalogue")?;
        // The nearest office above that has a hub; one without is passed by.
        let above = |office: &OfficeRecord| {
            let parent = |id: Option<OfficeId>| id.and_then(|id| city.trust.office(id));
            let mut above = std::iter::successors(parent(office.parent), |at| parent(at.parent));
            let hubs = &city.trust.root().hubs;
            above.find(|at| hubs.iter().any(|hub| hub.office == at.id)).map(|at| at.code.clone())
        };
        let office = |office: &OfficeRecord| {
            let (id, name) = (office.id.to_string(), office.name.clone());
            (office.code.clone(), Office { id, name, above: above(office) })
        };
        Ok(Self(catalogue.offices.iter().map(office).collect()))
    }
}

fn enrol(programs: &Binaries, dir: &Path, node: &Site) -> anyhow::Result<()> {
    let bundle = dir.join("join").join(format!("{}.join", node.code));
    let token = [
        "token".to_owned(),
        "create".to_owned(),
        format!("--city={}", dir.join("city").display()),
        format!("--office={}", node.code),
        format!("--out={}", bundle.display()),
    ];
    provision(programs, &token)?;
    // It waits for a word before it becomes the program, so that the line knows it from its first
    // packet on.
    let mut child = Command::new("sh")
        .args(["-c", "read -r go && exec \"$@\"", "sh"])
        .arg(&programs.node)
        .arg("enrol")
        .arg(format!("--join={}", bundle.display()))
        .arg(format!("--data={}", node.data.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} does not start", programs.node.display()))?;
    node.line.set_owner(child.id());
    let mut word = child.stdin.take().context("no way to say go")?;
    writeln!(word, "go")?;
    drop(word);
    let output = child.wait_with_output()?;
    node.line.set_owner(0);
    ensure!(
        output.status.success(),
        "{} was not enrolled: {}\n{}",
        node.name,
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn provision(programs: &Binaries, arguments: &[String]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new(&programs.provision)
        .args(arguments)
        .output()
        .with_context(|| format!("{} does not start", programs.provision.display()))?;
    ensure!(
        output.status.success(),
        "motcua-provision {}: {}\n{}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}
