//! A city at work and what it promised: dossiers registered and forwarded, machines copied, put back,
//! lost and replaced, and a look at the end at whether everything is where it belongs.
//!
//! For tests: what does not work is a panic that names the seed.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a story that cannot go on is a test that failed; its seed is printed for the next run"
)]

use crate::{
    census::{Census, Expected},
    city::City,
    copies::Copy,
    desk::{Desk, application, fresh_key},
    http::Client,
    patience::{PATIENCE, wait_for},
    seed::Seed,
};
use std::{collections::BTreeSet, fs};

/// A city at work, and what it promised.
#[derive(Debug)]
pub struct Story {
    /// The machines.
    pub city: City,
    /// Chance.
    pub seed: Seed,
    /// What chance began with.
    pub number: u64,
    /// Where every dossier belongs.
    pub expected: Expected,
    /// Every receipt code that was printed.
    pub codes: BTreeSet<String>,
}

impl Story {
    /// Starts a city.
    pub fn begin(hubs: &[&str], wards: &[&str]) -> Self {
        let (seed, number) = Seed::from_env();
        println!("MOTCUA_SEED={number}");
        let city = City::start_with(hubs, wards).unwrap();
        Self { city, seed, number, expected: Expected::default(), codes: BTreeSet::new() }
    }

    /// A machine's HTTP.
    pub fn client(&mut self, code: &str) -> Client {
        self.city.site(code).process.client()
    }

    /// A node's counter.
    pub fn desk(&mut self, code: &str) -> Desk {
        Desk::new(self.client(code))
    }

    /// Registers dossiers at an office, every second one forwarded to another.
    pub fn work(&mut self, from: &str, to: &str, count: usize) -> Vec<String> {
        let desk = self.desk(from);
        self.work_at(&desk, from, to, count)
    }

    /// The same at a counter of its own, such as that of a second machine.
    pub fn work_at(&mut self, desk: &Desk, from: &str, to: &str, count: usize) -> Vec<String> {
        let office = self.city.site(to).office.clone();
        let mut made = Vec::new();
        for number in 0..count {
            let one = desk.register(&fresh_key(), &application(&mut self.seed)).unwrap();
            assert!(self.codes.insert(one.code.clone()), "{} was printed twice", one.code);
            self.expected.at(&self.city, &one.id, from);
            if number % 2 == 0 {
                desk.forward(&one.id, &office, "").unwrap();
                self.expected.at(&self.city, &one.id, to);
            }
            made.push(one.id);
        }
        made
    }

    /// Everywhere what belongs there, in the same version.
    pub fn settled(&self, what: &str) -> Census {
        Census::settled(&self.city, &self.expected, PATIENCE)
            .unwrap_or_else(|error| panic!("{what}, seed {}: {error:#}", self.number))
    }

    /// The entries of a dossier that a replica holds, as its own API counts them.
    pub fn changes(&mut self, at: &str, id: &str) -> u64 {
        let detail = self.desk(at).detail(id).unwrap();
        detail["changes"].as_u64().unwrap()
    }

    /// SIGTERM.
    pub fn stop(&mut self, code: &str) {
        self.city.site(code).stop().unwrap();
    }

    /// Starts and waits until ready.
    pub fn start(&mut self, code: &str) {
        self.city.site(code).start_ready().unwrap();
    }

    /// Stopped, copied, started again.
    pub fn copy(&mut self, code: &str, name: &str) -> Copy {
        self.stop(code);
        let copy = Copy::of(&mut self.city, code, name).unwrap();
        self.start(code);
        self.connected();
        copy
    }

    /// Killed, and put back behind its back.
    pub fn put_back(&mut self, code: &str, copy: &Copy) {
        let site = self.city.site(code);
        site.process.kill().unwrap();
        copy.put_back(site).unwrap();
    }

    /// The machine is gone with its disk: `kill -9`, and nothing is left but the address. Gives its
    /// settings, which are to be typed again.
    pub fn lose(&mut self, code: &str) -> String {
        let site = self.city.site(code);
        site.process.kill().unwrap();
        let files = ["hub.toml", "node.toml"].map(|name| site.data.join(name));
        let settings = files.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap();
        fs::remove_dir_all(&site.data).unwrap();
        settings
    }

    /// A copy that stood by takes the place of a hub, at an address of its own. The operators reach
    /// the hubs; no office is told.
    pub fn promote(&mut self, copy: Copy, code: &str, hubs: &[&str]) {
        let place = copy.promote(&mut self.city, code).unwrap();
        self.start(code);
        let pages: Vec<String> =
            hubs.iter().map(|hub| self.city.site(hub).page.to_string()).collect();
        let told = pages.iter().flat_map(|page| ["--hub", page]);
        let arguments: Vec<&str> = ["hub", "set", &place].into_iter().chain(told).collect();
        let done = self.city.provision(&arguments).unwrap();
        assert_eq!(done["number"], 2, "{done}");
        self.connected();
        self.settled("promoted");
        assert_eq!(self.metric(code, "motcua_set_back_total "), 1.0);
    }

    /// Waits until every line is up.
    pub fn connected(&self) {
        self.city.wait_connected(PATIENCE).unwrap();
    }

    /// A sample of `/metrics`, 0 where there is none.
    pub fn metric(&mut self, code: &str, name: &str) -> f64 {
        metric(self.client(code), name)
    }

    /// Every machine that dials compares what it holds; what they find is repaired already.
    pub fn checked(&mut self) {
        let dials: Vec<String> = self
            .city
            .sites()
            .filter(|site| site.above.is_some())
            .map(|site| site.code.clone())
            .collect();
        for code in dials {
            let before = self.metric(&code, "motcua_checks_total ");
            let client = self.client(&code);
            assert!(
                client.post("/api/v1/verify", &[], &serde_json::json!({})).unwrap().is_success()
            );
            wait_for("a check", || metric(client, "motcua_checks_total ") > before);
            let left = metric(client, "motcua_check_unrepaired_total ");
            assert_eq!(left, 0.0, "{code}, seed {}", self.number);
        }
    }

    /// The numbering of a hub's inboxes.
    pub fn epoch(&mut self, hub: &str) -> String {
        let hub = self.client(hub).get("/api/v1/hub").unwrap().json();
        hub["epoch"].as_str().unwrap().to_owned()
    }

    /// Logs of an office's machines that a hub has.
    pub fn logs(&mut self, hub: &str, office: &str) -> usize {
        let machines = self.client(hub).get("/api/v1/machines").unwrap().json();
        let lines = machines["machines"].as_array().unwrap();
        lines.iter().filter(|line| line["code"] == office).count()
    }
}

/// The first sample whose name and labels begin so, 0 where there is none.
pub fn metric(client: Client, name: &str) -> f64 {
    let text = client.get("/metrics").unwrap().text();
    let line = text.lines().find(|line| line.starts_with(name));
    let found = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    found.unwrap_or_default()
}

/// The addresses of a hub in the newest root document, as `hub set` takes them.
pub fn address_of(city: &City, code: &str) -> String {
    let shown = city.provision(&["city", "show"]).unwrap();
    let hub = shown["hubs"].as_array().unwrap().iter().find(|hub| hub["code"] == code).unwrap();
    let text = |name: &str| hub[name][0].as_str().unwrap().to_owned();
    format!("{code}={},recovery={}", text("addresses"), text("recovery_addresses"))
}
