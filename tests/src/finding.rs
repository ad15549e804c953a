//! How long a search takes in an office with many dossiers: the index rows of invented people, as the node
//! writes them, in a state store of its own; then what clerks type.

use crate::seed::Seed;
use anyhow::ensure;
use motcua_core::{id::DossierId, state::KvWrite};
use motcua_dossier::fact::Applicant;
use motcua_shell::{find, store::SledStore};
use std::time::{Duration, Instant};

/// Family names with how many of a hundred people have them, after public counts.
const FAMILIES: [(&str, usize); 14] = [
    ("Nguyễn", 38),
    ("Trần", 11),
    ("Lê", 9),
    ("Phạm", 7),
    ("Huỳnh", 5),
    ("Phan", 5),
    ("Vũ", 4),
    ("Võ", 4),
    ("Đặng", 4),
    ("Bùi", 3),
    ("Đỗ", 3),
    ("Hồ", 3),
    ("Ngô", 2),
    ("Dương", 2),
];
const MIDDLES: [&str; 8] = ["Văn", "Thị", "Minh", "Ngọc", "Đức", "Thanh", "Hữu", "Kim"];
const GIVEN: [&str; 24] = [
    "An", "Anh", "Bình", "Châu", "Chi", "Dũng", "Giang", "Hà", "Hạnh", "Hoa", "Hòa", "Hùng",
    "Khánh", "Lan", "Linh", "Long", "Mai", "Nam", "Phúc", "Quỳnh", "Sơn", "Tâm", "Tuấn", "Yến",
];
/// Searches of each kind; the slowest but two is the 99th of a hundred.
const TIMES: usize = 200;
/// Dossiers written at once.
const BATCH: u32 = 1_000;

/// Writes so many and prints a row for each kind of search.
///
/// # Errors
/// What the store says, or if a search does not find what is there.
#[expect(clippy::print_stdout, reason = "the answer")]
pub fn run(dossiers: u32) -> anyhow::Result<()> {
    let dir = tempfile::Builder::new().prefix("motcua-finding-").tempdir()?;
    let (mut store, _) = SledStore::open(dir.path(), 0)?;
    let mut seed = Seed::new(1);
    for from in (0..dossiers).step_by(BATCH as usize) {
        let mut batch = Vec::new();
        for number in from..dossiers.min(from + BATCH) {
            let applicant = person(&mut seed, number);
            let code = format!("H29.30.05-26{:04}-{:04}", 101 + number / 9_999, 1 + number % 9_999);
            let rows = find::rows(id(number), &code, &applicant, i64::from(number));
            batch.extend(rows.into_iter().map(|(key, value)| (key, Some(value))));
        }
        store.write_batch(batch.into_iter().collect())?;
    }
    let one = person(&mut Seed::new(7), dossiers / 2);
    println!("{dossiers} dossiers\n| typed | found | p50 | p99 |\n|---|--:|--:|--:|");
    for typed in [
        "nguyen",
        "nguyễn thị lan",
        "tran van quynh",
        "h",
        "le hoà",
        "0901",
        &one.id_number[8..],
        &one.id_number,
        "lan 0042",
        "H29.30.05-260101-0007",
        "không có ai",
    ] {
        let mut took = Vec::new();
        let mut hits = find::Hits::default();
        for _ in 0..TIMES {
            let began = Instant::now();
            hits = find::find(&store, typed)?;
            took.push(began.elapsed());
        }
        took.sort_unstable();
        let more = if hits.more { "+" } else { "" };
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let (p50, p99) = (millis(took[TIMES / 2]), millis(took[TIMES - 3]));
        println!("| {typed} | {}{more} | {p50:.2} ms | {p99:.2} ms |", hits.dossiers.len());
    }
    let hits = find::find(&store, &one.id_number)?;
    ensure!(hits.dossiers.contains(&id(dossiers / 2)), "who is there is found");
    Ok(())
}

fn id(number: u32) -> DossierId {
    let mut id = DossierId::ZERO;
    id.0[2..6].copy_from_slice(&number.to_be_bytes());
    // What follows the time is as good as random.
    id.0[6..].copy_from_slice(&Seed::new(u64::from(number)).bits().to_be_bytes().repeat(2)[..10]);
    id
}

/// Somebody who never was: a name as common as names are, and numbers that are nobody else's.
pub(crate) fn person(seed: &mut Seed, number: u32) -> Applicant {
    let mut place = seed.below(100);
    let family = FAMILIES.iter().find(|(_, share)| {
        let here = place < *share;
        place = place.saturating_sub(*share);
        here
    });
    let (family, _) = family.unwrap_or(&FAMILIES[0]);
    Applicant {
        name: format!("{family} {} {}", seed.pick(&MIDDLES), seed.pick(&GIVEN)),
        // A woman of the city, born between 1940 and 1999.
        id_number: format!(
            "0791{:02}{:06}",
            40 + number % 60,
            u64::from(number) * 4_999 % 1_000_000
        ),
        phone: format!("09{:08}", seed.below(100_000_000)),
        ..Applicant::default()
    }
}
