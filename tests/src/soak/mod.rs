//! Soak: a city of real processes at work for hours while things go wrong at random, and a look every half
//! minute at what each process takes. Ends with every machine restarted and everything counted.

mod fault;
mod watch;

pub use fault::Kind;
pub use watch::{Bound, Trend};

use crate::{
    census::Census,
    city::{CITY, DISTRICT_1, DISTRICT_3, wards_of},
    clerk::{Clerk, Pace, Promise, miscounted},
    story::Story,
};
use fault::Faults;
use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};
use watch::Watch;

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How long things go wrong.
    pub length: Duration,
    /// Nodes, half of them in each of two districts.
    pub nodes: usize,
    /// Acts a second, of all clerks together.
    pub rate: f64,
    /// From the end of one fault to the next, at most.
    pub calm: Duration,
    /// Where every sample goes, a line of JSON each.
    pub samples: PathBuf,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What chance began with.
    pub seed: u64,
    /// Dossiers that were answered as saved.
    pub dossiers: usize,
    /// Entries that were answered as saved.
    pub entries: u64,
    /// How often what went wrong.
    pub faults: BTreeMap<Kind, u32>,
    /// What each process that was left alone took.
    pub trends: Vec<Trend>,
    /// What is not as it was promised, in words.
    pub wrong: Vec<String>,
}

/// How often the processes are looked at.
const SAMPLES: Duration = Duration::from_secs(30);
/// Longest until all is level at the end, and until a clerk has an answer.
const PATIENCE: Duration = Duration::from_secs(900);
/// Between two looks at the clock.
const TICK: Duration = Duration::from_millis(200);

/// Runs it.
///
/// # Errors
/// If the city does not start, or a clerk is refused something.
///
/// # Panics
/// If a process does not come back: its name and the end of its log.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let half = plan.nodes.div_ceil(2);
    let (one, three) = (wards_of(DISTRICT_1, half), wards_of(DISTRICT_3, plan.nodes - half));
    let wards = [one.clone(), three.clone()].concat();
    let mut story = Story::begin(&[CITY, DISTRICT_1, DISTRICT_3], &wards);
    // What is never killed shows whether anything grows.
    let alone = [CITY, DISTRICT_3, one[0], three[0]];
    let mut watch = Watch::new(&alone, &plan.samples)?;
    let mut faults = Faults::new(story.seed.clone(), &alone, plan.calm);
    let stop = AtomicBool::new(false);
    // An act and its pause; half of the pause at least, one and a half at most.
    let pause = (plan.nodes as f64 / plan.rate * 1_000.0) as u64;
    let pace = Pace { from: pause / 2, to: pause * 3 / 2 };

    let promises = thread::scope(|scope| -> anyhow::Result<Vec<Promise>> {
        let clerks: Vec<_> = Clerk::of_all(&story.city, story.number)
            .into_iter()
            .map(|clerk| scope.spawn(|| clerk.work(pace, PATIENCE, &stop)))
            .collect();
        let still = || !clerks.iter().any(|clerk| clerk.is_finished());
        let ended = while_at_work(plan, &mut story, &mut watch, &mut faults, still);
        // Whatever happened, the clerks come to an end.
        faults.heal(&mut story);
        stop.store(true, Relaxed);
        let mut promises = Vec::new();
        for clerk in clerks {
            promises.extend(clerk.join().map_err(|_| anyhow::anyhow!("a clerk panicked"))??);
        }
        ended?;
        Ok(promises)
    })?;
    let trends = watch.trends();
    let wrong = account(&mut story, &promises, &trends)?;
    Ok(Outcome {
        seed: story.number,
        dossiers: promises.len(),
        entries: promises.iter().map(|one| one.places.len() as u64 + one.remarks).sum(),
        faults: faults.counts,
        trends,
        wrong,
    })
}

fn while_at_work(
    plan: &Plan,
    story: &mut Story,
    watch: &mut Watch,
    faults: &mut Faults,
    still: impl Fn() -> bool,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut next_sample = began;
    while began.elapsed() < plan.length && still() {
        if Instant::now() >= next_sample {
            watch.look(&story.city, began.elapsed())?;
            next_sample += SAMPLES;
        }
        faults.tick(story)?;
        thread::sleep(TICK);
    }
    Ok(())
}

/// Everything that is not as promised, after all machines were restarted.
fn account(
    story: &mut Story,
    promises: &[Promise],
    trends: &[Trend],
) -> anyhow::Result<Vec<String>> {
    for promise in promises {
        promise.count_on(&mut story.expected, &story.city);
    }
    let mut wrong = Vec::new();
    let mut codes: Vec<&str> = promises.iter().map(|promise| &*promise.code).collect();
    codes.sort_unstable();
    let twice = codes.windows(2).filter(|pair| pair[0] == pair[1]);
    wrong.extend(twice.map(|pair| format!("{} was printed twice", pair[0])));
    story.city.wait_connected(PATIENCE)?;
    story.city.stop_all()?;
    story.city.start_all()?;
    if let Err(error) = Census::settled(&story.city, &story.expected, PATIENCE) {
        wrong.push(format!("{error:#}"));
    }
    wrong.extend(miscounted(&story.city, promises)?);
    story.checked();
    wrong.extend(trends.iter().flat_map(Trend::beyond));
    Ok(wrong)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: {} dossiers, {} entries saved",
            self.seed, self.dossiers, self.entries
        )?;
        let faults: Vec<String> =
            self.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        writeln!(f, "faults: {}\n", faults.join(", "))?;
        writeln!(
            f,
            "| left alone | memory, second quarter | last quarter | descriptors | threads |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|")?;
        self.trends.iter().try_for_each(|trend| writeln!(f, "{trend}"))?;
        match self.wrong.len() {
            0 => write!(f, "\nevery entry is where it belongs"),
            count => write!(f, "\n{count} WRONG:\n{}", self.wrong.join("\n")),
        }
    }
}
