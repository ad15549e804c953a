//! The demo: a small city on this machine, with clerks at work, lines that are cut and machines that
//! are killed, and at the end a restart and a count.

pub mod event;
pub mod feed;
pub mod keys;
pub mod script;
pub mod summary;

use crate::{
    binaries::Binaries,
    census::Census,
    city::{CITY, City, DISTRICT_1, DISTRICT_3, Site, WARD_3, WARDS_1},
    desk::Desk,
    seed::Seed,
};
use anyhow::Context;
use event::{Event, say};
use feed::{Counter, Fed, Switches};
use keys::Keys;
use script::{Deed, Step};
use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use summary::Summary;

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder to keep; a temporary one if not given.
    pub dir: Option<PathBuf>,
    /// What is to happen.
    pub script: Vec<Step>,
    /// Ends by itself after this; otherwise when told to.
    pub length: Option<Duration>,
    /// Time between two actions of the clerks.
    pub pace: Duration,
    /// Nobody watches: no keys.
    pub headless: bool,
}

/// How long the replicas may take to agree once every line is whole.
const SETTLE: Duration = Duration::from_secs(60);

/// Runs the demo. True if every dossier is where it belongs.
///
/// # Errors
/// If the city cannot be started, or does not come back.
pub fn run(options: Options) -> anyhow::Result<bool> {
    let interrupted = keys::interrupted()?;
    say("Dựng chương trình / building the programs (the first time takes minutes) ...");
    Binaries::ready()?;
    let temporary = match options.dir {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("motcua-demo-").tempdir()?),
    };
    let dir = match (&options.dir, &temporary) {
        (Some(dir), _) => fs::create_dir_all(dir).and_then(|()| fs::canonicalize(dir))?,
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => anyhow::bail!("no folder"),
    };
    say(format!("Dựng thành phố mẫu / making a sample city in {} ...", dir.display()));
    let wards: Vec<&str> = WARDS_1.into_iter().chain([WARD_3]).collect();
    let mut city = City::found(&dir, &[CITY, DISTRICT_1, DISTRICT_3], &wards)?;
    city.open(&mut |site| say(format!("  {} sẵn sàng / ready", site.name)))?;
    table(&city)?;

    let counters: Vec<Counter> = city.nodes.values().map(counter).collect();
    let (seed, number) = Seed::from_env();
    say(format!("MOTCUA_SEED={number}"));
    let mut show = Show::start(city, counters, seed, &options);
    show.watch(&options, &interrupted);
    let fed = show.stop()?;
    if interrupted.load(Relaxed) {
        say("Dừng giữa chừng, không tổng kết / interrupted: no summary");
        return Ok(false);
    }
    finish(show.city, &show.counters, fed)
}

/// Heals everything, restarts everything, asks everybody.
fn finish(mut city: City, counters: &[Counter], mut fed: Fed) -> anyhow::Result<bool> {
    say(
        "Nối lại mọi đường, khởi động lại mọi máy / healing every line, restarting every machine ...",
    );
    for site in city.sites() {
        site.line.restore();
        site.line.delay(Duration::ZERO);
    }
    city.stop_all()?;
    city.start_all()?;
    for doubt in std::mem::take(&mut fed.doubts) {
        let desk = Desk::new(counters[doubt.counter].client);
        let registered = desk
            .register_surely(&doubt.key, &doubt.body, SETTLE)
            .context("a registration in doubt got no answer after the restart")?;
        fed.tracks.push(feed::Track::registered(registered, doubt.counter));
    }
    let expected = summary::expected(&city, counters, &fed);
    // What is left at the end of the time is a fault; the summary names each.
    let settled = Census::settled(&city, &expected, SETTLE);
    let census = settled.or_else(|_| Census::take(&city))?;
    let summary = Summary::of(&city, counters, &fed, &expected, &census);
    summary.print(&city, &census);
    city.stop_all()?;
    Ok(summary.faults.is_empty())
}

fn counter(site: &Site) -> Counter {
    Counter {
        office_code: site.code.clone(),
        name: site.name.clone(),
        office: site.office.clone(),
        client: site.process.client(),
    }
}

fn table(city: &City) -> anyhow::Result<()> {
    say("");
    say("Số  Mã     Địa chỉ / address             Nơi / office");
    say("No. Code   Đường lên / line to");
    for site in city.hubs.values().filter(|site| site.above.is_none()) {
        say(format!("    {:<6} http://{:<22} {} (hub)", site.code, site.page, site.name));
    }
    for (number, site) in numbered(city) {
        let kind = if city.hubs.contains_key(&site.code) { "hub" } else { "trang / page" };
        let above = site.above.as_deref().unwrap_or("-");
        let (code, name) = (&site.code, &site.name);
        say(format!("{number:>2}  {code:<6} http://{:<22} {name} ({kind}) → {above}", site.page));
    }
    say("");
    say("Đăng nhập ở hub / log-in at a hub: tên / name demo");
    for site in city.hubs.values() {
        say(format!("    {:<6} mật khẩu / password {}", site.code, site.add_operator("demo")?));
    }
    say("");
    say(
        "Phím / keys: c + số: cắt hoặc nối đường / cut or restore line No.; dấu cách / space: tạm nghỉ / pause; q: tổng kết rồi thoát / summary and quit",
    );
    say("");
    Ok(())
}

/// The lines that can be cut, from 1.
fn numbered(city: &City) -> impl Iterator<Item = (usize, &Site)> {
    (1..).zip(city.sites().filter(|site| site.above.is_some()))
}

struct Show {
    city: City,
    counters: Vec<Counter>,
    switches: Arc<Switches>,
    feeder: Option<thread::JoinHandle<Fed>>,
    events: mpsc::Receiver<Event>,
    began: Instant,
}

impl Show {
    fn start(city: City, counters: Vec<Counter>, seed: Seed, options: &Options) -> Self {
        let switches = Arc::new(Switches::default());
        let (tell, events) = mpsc::channel();
        let work = Arc::clone(&switches);
        let feeder = feed::start(counters.clone(), seed, options.pace, work, tell);
        Self { city, counters, switches, feeder: Some(feeder), events, began: Instant::now() }
    }

    /// Until the time is over, somebody presses q, or a signal comes.
    fn watch(&mut self, options: &Options, interrupted: &AtomicBool) {
        let keys = if options.headless { None } else { Keys::of_terminal() };
        let mut steps = options.script.iter().peekable();
        let mut is_choosing = false;
        let is_over = |began: Instant| {
            interrupted.load(Relaxed)
                || options.length.is_some_and(|length| began.elapsed() >= length)
        };
        while !is_over(self.began) {
            self.show_events();
            while let Some(step) = steps.next_if(|step| step.at <= self.began.elapsed()) {
                self.do_deed(&step.deed);
            }
            match keys.as_ref().and_then(Keys::next) {
                Some(b'q') => return,
                Some(b' ') => {
                    let paused = !self.switches.paused.fetch_xor(true, Relaxed);
                    let words =
                        if paused { "tạm nghỉ / paused" } else { "làm tiếp / going on" };
                    self.line(&Event::Deed(words.into()));
                }
                Some(b'c') => is_choosing = true,
                Some(digit @ b'1'..=b'9') if is_choosing => {
                    is_choosing = false;
                    self.toggle(usize::from(digit - b'0'));
                }
                _ => {}
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn toggle(&mut self, number: usize) {
        let chosen = numbered(&self.city)
            .find(|(own, _)| *own == number)
            .map(|(_, site)| (site.code.clone(), site.line.is_cut()));
        match chosen {
            Some((code, true)) => self.do_deed(&Deed::Restore(code)),
            Some((code, false)) => self.do_deed(&Deed::Cut(code)),
            None => {}
        }
    }

    fn do_deed(&mut self, deed: &Deed) {
        let (Deed::Cut(code)
        | Deed::Restore(code)
        | Deed::Delay(code, _)
        | Deed::Kill(code)
        | Deed::Start(code)) = deed;
        let Some(site) = self.city.find(code) else {
            return self.line(&Event::Deed(format!("không có / there is no {code}")));
        };
        let name = site.name.clone();
        let mut down = self.switches.down.lock().unwrap_or_else(PoisonError::into_inner);
        let words = match deed {
            Deed::Cut(_) => {
                site.line.cut();
                format!("đứt đường / line cut: {name}")
            }
            Deed::Restore(_) => {
                site.line.restore();
                format!("nối lại đường / line restored: {name}")
            }
            Deed::Delay(_, by) => {
                site.line.delay(*by);
                format!("đường chậm thêm / line slower by {} ms: {name}", by.as_millis())
            }
            Deed::Kill(_) => {
                down.insert(code.clone());
                match site.process.kill() {
                    Ok(()) => format!("kill -9: {name}"),
                    Err(error) => format!("kill -9 {name}: {error}"),
                }
            }
            Deed::Start(_) => {
                let started = site.start_ready();
                down.remove(code);
                match started {
                    Ok(()) => format!("khởi động lại / started again: {name}"),
                    Err(error) => format!("{name}: {error:#}"),
                }
            }
        };
        drop(down);
        self.line(&Event::Deed(words));
    }

    fn show_events(&self) {
        while let Ok(event) = self.events.try_recv() {
            self.line(&event);
        }
    }

    fn line(&self, event: &Event) {
        let time = self.began.elapsed();
        say(format!("{:>3}.{:01}s {event}", time.as_secs(), time.subsec_millis() / 100));
    }

    fn stop(&mut self) -> anyhow::Result<Fed> {
        self.switches.stop.store(true, Relaxed);
        let feeder = self.feeder.take().context("stopped twice")?;
        let fed = feeder.join().map_err(|_| anyhow::anyhow!("the feeding thread panicked"))?;
        self.show_events();
        Ok(fed)
    }
}
