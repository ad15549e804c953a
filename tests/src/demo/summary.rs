//! The end of a demo: what each replica says it holds after all were restarted.

use super::{event::say, feed::Fed};
use crate::{
    census::{Census, Expected, Fault, words},
    city::{CITY, City},
    demo::feed::Counter,
};
use std::{collections::BTreeMap, time::Duration};

/// Numbers of a run, taken from the replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Dossiers that a node promised and still has.
    pub registered: usize,
    /// Those at every district hub they belong to.
    pub at_hubs: usize,
    /// Those at the city's hub.
    pub at_city: usize,
    /// Hand-overs to another office that this office has.
    pub forwarded: usize,
    /// How many were promised, and how many forwards answered.
    pub promised: (usize, usize),
    /// Middle and largest delay from saved to seen at the other office.
    pub delays: Option<(Duration, Duration)>,
    /// How often a line was cut.
    pub cuts: u64,
    /// What is not where it belongs, or is where it does not.
    pub faults: Vec<Fault>,
}

/// Where everything that was promised belongs.
pub fn expected(city: &City, counters: &[Counter], fed: &Fed) -> Expected {
    let mut expected = Expected::default();
    for track in &fed.tracks {
        for &counter in &track.at {
            expected.at(city, &track.id, &counters[counter].office_code);
        }
    }
    for doubt in &fed.doubts {
        expected.doubtful_at(city, &counters[doubt.counter].office_code);
    }
    for (id, counter) in &fed.maybe {
        expected.maybe_at(city, id, &counters[*counter].office_code);
    }
    expected
}

impl Summary {
    /// Folds what the replicas said.
    pub fn of(
        city: &City,
        counters: &[Counter],
        fed: &Fed,
        expected: &Expected,
        census: &Census,
    ) -> Self {
        let code = |counter: usize| counters[counter].office_code.as_str();
        let everywhere = |id: &str, tier: &dyn Fn(&str) -> bool| {
            expected.places(id).filter(|at| tier(at)).all(|at| census.has(at, id))
        };
        let count = |tier: &dyn Fn(&str) -> bool| {
            fed.tracks.iter().filter(|track| everywhere(&track.id, tier)).count()
        };
        let mut delays = fed.delays.clone();
        delays.sort();
        let delays = delays.last().map(|worst| (delays[delays.len() / 2], *worst));
        Self {
            registered: fed
                .tracks
                .iter()
                .filter(|track| census.has(code(track.at[0]), &track.id))
                .count(),
            at_hubs: count(&|at| at != CITY && city.hubs.contains_key(at)),
            at_city: count(&|at| at == CITY),
            forwarded: fed
                .tracks
                .iter()
                .flat_map(|track| track.at[1..].iter().map(move |to| (track, *to)))
                .filter(|(track, to)| census.has(code(*to), &track.id))
                .count(),
            promised: (fed.tracks.len(), fed.forwards),
            delays,
            cuts: city.sites().map(|site| site.line.cuts()).sum(),
            faults: census.faults(expected),
        }
    }

    /// Prints it.
    pub fn print(&self, city: &City, census: &Census) {
        let (promised, forwards) = self.promised;
        say("");
        say(
            "Tổng kết, theo lời từng máy sau khi khởi động lại / Summary, as each machine says after its restart",
        );
        say(format!(
            "  đã đăng ký / registered                {:>6} / {promised}",
            self.registered
        ));
        say(format!("  hub quận đã nhận / at district hubs    {:>6} / {promised}", self.at_hubs));
        say(format!("  hub thành phố đã nhận / at the city    {:>6} / {promised}", self.at_city));
        say(format!("  đã chuyển và đến nơi / forwarded       {:>6} / {forwards}", self.forwarded));
        if let Some((middle, worst)) = self.delays {
            say(format!(
                "  từ lưu đến thấy / saved to seen        {} ms (giữa / median), {} ms (lâu nhất / worst, with the cuts)",
                middle.as_millis(),
                worst.as_millis()
            ));
        }
        say(format!("  số lần đứt đường / cuts of a line      {:>6}", self.cuts));
        for site in city.sites() {
            let held = census.count(&site.code);
            say(format!("  {:<6} {}: {held} hồ sơ / dossiers", site.code, site.name));
        }
        if self.faults.is_empty() {
            say(
                "ĐỦ: mọi hồ sơ ở đúng nơi, không ở nơi khác / WHOLE: every dossier is where it belongs and nowhere else",
            );
        } else {
            let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
            for fault in &self.faults {
                let kind = match fault {
                    Fault::Missing { .. } => "missing",
                    Fault::Stray { .. } => "stray",
                    Fault::Different { .. } => "different",
                };
                *kinds.entry(kind).or_default() += 1;
            }
            say(format!("SAI / WRONG {kinds:?}\n{}", words(&self.faults)));
        }
    }
}
