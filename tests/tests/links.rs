//! Lines as they are: lossy, far, thin, deaf, doubled, disordered, narrow, moved, filtered. What is
//! saved at the desk reaches the hub, and what is forwarded reaches the desk, over each of them,
//! within a bound; and over TCP only where UDP does not pass.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    census::holdings,
    city::{CITY, City, DISTRICT_1, DISTRICT_3, START, WARD_3},
    desk::{Desk, application, fresh_key},
    line::Line,
    patience::until,
    seed::Seed,
    shaper::Shape,
};
use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::Write,
    sync::{Arc, Mutex, atomic::AtomicBool, atomic::Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// Ten wards of Quận 1, one line each.
const WARDS: [&str; 10] =
    ["26734", "26737", "26740", "26743", "26746", "26749", "26752", "26755", "26758", "26761"];
/// Dossiers registered over each line at a time.
const DOSSIERS: usize = 20;

const SECOND: Duration = Duration::from_secs(1);

/// One office with its line, and what the hub is seen to hold.
struct Place {
    desk: Desk,
    office: String,
    line: Arc<Line>,
    seed: Seed,
    neighbour: Arc<Desk>,
    hub: Arc<Mutex<BTreeSet<String>>>,
}

impl Place {
    /// Registers dossiers here and has one forwarded to here; waits until the hub has applied the
    /// former and this office the latter, and gives the time it took.
    fn exchange(&mut self, what: &str, bound: Duration) -> Duration {
        let began = Instant::now();
        let given = self.neighbour.register(&fresh_key(), &application(&mut self.seed)).unwrap();
        self.neighbour.forward(&given.id, &self.office, "Nhờ xác minh").unwrap();
        let own: Vec<String> = (0..DOSSIERS)
            .map(|_| self.desk.register(&fresh_key(), &application(&mut self.seed)).unwrap().id)
            .collect();
        let (mut up, mut down) = (None, None);
        let left = bound.saturating_sub(began.elapsed());
        let both = until(left, || {
            let took = began.elapsed();
            let held = self.hub.lock().unwrap();
            if up.is_none() && own.iter().all(|id| held.contains(id)) {
                up = Some(took);
            }
            drop(held);
            if down.is_none() && self.desk.has(&given.id) {
                down = Some(took);
            }
            up.zip(down)
        });
        let both = both
            .unwrap_or_else(|| panic!("{what}: not within {bound:?}: up {up:?}, down {down:?}"));
        let (up, down) = both;
        println!("{what}: {DOSSIERS} up in {up:.2?}, 1 down in {down:.2?}, of {bound:?}");
        up.max(down)
    }

    fn carrier(&self) -> String {
        let sync = self.desk.sync().unwrap();
        sync["carrier"].as_str().unwrap_or("none").to_owned()
    }

    fn blames_udp(&self) -> bool {
        self.desk.sync().unwrap()["udp_blocked"].as_bool().unwrap()
    }

    fn wait_carrier(&self, what: &str, wanted: &str, bound: Duration) {
        let began = Instant::now();
        let mut now = String::new();
        let came = until(bound, || {
            now = self.carrier();
            (now == wanted).then(|| began.elapsed())
        });
        let came = came.unwrap_or_else(|| panic!("{what}: {now}, not {wanted} within {bound:?}"));
        println!("{what}: {wanted} after {came:.2?}");
    }

    /// A line that is bad and lets UDP through: QUIC bears it.
    fn bears(&mut self, what: &str, shape: Shape, bound: Duration) {
        self.line.shape(shape);
        self.exchange(what, bound);
        assert_eq!((self.carrier().as_str(), self.line.tcp_bytes()), ("quic", 0), "{what}");
    }
}

fn moved(place: &mut Place) {
    for _ in 0..3 {
        place.line.change_address();
        place.exchange("address change", 15 * SECOND);
    }
    assert_eq!((place.carrier().as_str(), place.line.tcp_bytes()), ("quic", 0));
}

fn deaf(place: &mut Place) {
    place.line.shape(Shape { no_down: true, ..Shape::default() });
    place.exchange("one way", 215 * SECOND);
    assert_eq!(place.carrier(), "tcp");
}

fn dropped_after_the_handshake(place: &mut Place) {
    let what = "UDP dropped after the handshake";
    place.line.shape(Shape { udp_ends_after: 30, ..Shape::default() });
    place.exchange(what, 215 * SECOND);
    place.wait_carrier(what, "tcp", 215 * SECOND);
    place.exchange(what, 15 * SECOND);
    place.line.shape(Shape::default());
    place.wait_carrier("UDP is back", "quic", 40 * SECOND);
    place.exchange("UDP is back", 15 * SECOND);
}

fn blocked_from_the_start(place: &mut Place) {
    let what = "UDP blocked from the start";
    assert_eq!(place.carrier(), "tcp", "{what}");
    place.exchange(what, 15 * SECOND);
    // Said once it has been found out, and not of a line over which QUIC is heard.
    until(120 * SECOND, || place.blames_udp().then_some(()))
        .expect("UDP is not found to be blocked");
    // Over a poor line as well: an acknowledgement overtakes what waits.
    let shape = Shape { rate: 16_000, delay: Duration::from_millis(100), ..Shape::udp_blocked() };
    place.line.shape(shape);
    place.exchange("TCP at 128 kbit/s", 20 * SECOND);
    place.line.shape(Shape::default());
    place.wait_carrier("UDP is let through", "quic", 20 * SECOND);
    assert!(!place.blames_udp());
    place.exchange("UDP is let through", 15 * SECOND);
}

type Story = Box<dyn FnOnce(&mut Place) + Send>;

fn stories() -> Vec<Story> {
    let millis = Duration::from_millis;
    let bears = |what: &'static str, shape: Shape, bound: Duration| {
        Box::new(move |place: &mut Place| place.bears(what, shape, bound)) as Story
    };
    let plain = Shape::default();
    vec![
        bears("20 % loss", Shape { loss: 200, ..plain }, 20 * SECOND),
        bears("600 ms", Shape { delay: millis(300), jitter: millis(20), ..plain }, 20 * SECOND),
        bears("64 kbit/s", Shape { rate: 8_000, queue: 16_000, ..plain }, 30 * SECOND),
        bears("duplicates", Shape { duplicates: 500, ..plain }, 15 * SECOND),
        bears("reordering", Shape { reordered: 300, late: millis(60), ..plain }, 20 * SECOND),
        // 1,280 less the headers of IPv4 and UDP.
        bears("MTU 1280", Shape { mtu: 1_252, ..plain }, 15 * SECOND),
        Box::new(moved),
        Box::new(deaf),
        Box::new(dropped_after_the_handshake),
        Box::new(blocked_from_the_start),
    ]
}

#[test]
fn dossiers_go_up_and_come_down_over_every_bad_line() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut dir = tempfile::Builder::new().prefix("motcua-").tempdir().unwrap();
    dir.disable_cleanup(std::env::var_os("MOTCUA_KEEP").is_some());
    let wards: Vec<&str> = WARDS.into_iter().chain([WARD_3]).collect();
    let mut city = City::found(dir.path(), &[CITY, DISTRICT_1, DISTRICT_3], &wards).unwrap();
    for site in city.sites() {
        let is_hub = city.hubs.contains_key(&site.code);
        let file = site.data.join(if is_hub { "hub.toml" } else { "node.toml" });
        let mut file = OpenOptions::new().append(true).open(file).unwrap();
        writeln!(file, "[links]\nidle_seconds = 4\nquic_again_seconds = 4").unwrap();
    }
    city.site(WARDS[9]).line.shape(Shape::udp_blocked());
    city.open(&mut |_| {}).unwrap();
    city.wait_connected(START).unwrap();

    let hub = city.site(DISTRICT_1).process.client();
    let neighbour = Arc::new(Desk::new(city.site(WARD_3).process.client()));
    let held = Arc::<Mutex<BTreeSet<String>>>::default();
    let over = Arc::<AtomicBool>::default();
    let watch = {
        let (held, over) = (Arc::clone(&held), Arc::clone(&over));
        thread::spawn(move || {
            // Longer than every story; the answer to the last question is of no use to anybody.
            until(600 * SECOND, || {
                let ids = holdings(&hub, false).unwrap().into_keys().collect();
                *held.lock().unwrap() = ids;
                over.load(Relaxed).then_some(())
            })
        })
    };
    let tellers: Vec<_> = WARDS
        .into_iter()
        .zip(stories())
        .map(|(code, story)| {
            let site = city.site(code);
            let mut place = Place {
                desk: Desk::new(site.process.client()),
                office: site.office.clone(),
                line: Arc::clone(&site.line),
                seed: Seed::new(seed.bits()),
                neighbour: Arc::clone(&neighbour),
                hub: Arc::clone(&held),
            };
            thread::spawn(move || story(&mut place))
        })
        .collect();
    let failed: Vec<_> = tellers.into_iter().filter_map(|teller| teller.join().err()).collect();
    over.store(true, Relaxed);
    watch.join().unwrap();
    assert!(failed.is_empty(), "seed {number}: {} lines did not bear it", failed.len());
    let metrics = hub.get("/metrics").unwrap().text();
    assert!(metrics.contains("motcua_links{carrier=\"tcp\"} 1"), "one way is on TCP: {metrics}");
}
