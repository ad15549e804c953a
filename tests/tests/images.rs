//! A new machine in an office with much to read: the counter works before it has read it, over a line
//! that takes its time.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    census::holdings,
    city::{CITY, City, DISTRICT_1, START, WARDS_1},
    desk::{Desk, application, fresh_key},
    machines::second_machine,
    patience::wait_for,
    process::Process,
    relay::Line,
    seed::Seed,
    shaper::Shape,
};
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const CLERKS: usize = 4;
const DOSSIERS: usize = 240;
const NOTES: usize = 5;

/// What an office has written before its second machine comes.
fn fill(desk: &Desk, seed: &mut Seed) -> Vec<String> {
    let applications: Vec<Value> = (0..DOSSIERS).map(|_| application(seed)).collect();
    std::thread::scope(|scope| {
        let clerks: Vec<_> = applications
            .chunks(DOSSIERS / CLERKS)
            .map(|some| {
                let desk = Desk::new(desk.client);
                scope.spawn(move || {
                    let registered =
                        some.iter().map(|body| desk.register(&fresh_key(), body).unwrap().id);
                    let ids: Vec<String> = registered.collect();
                    for id in &ids {
                        (0..NOTES).for_each(|at| {
                            desk.note(id, &format!("đã xem lần {at}")).unwrap();
                        });
                    }
                    ids
                })
            })
            .collect();
        clerks.into_iter().flat_map(|clerk| clerk.join().unwrap()).collect()
    })
}

fn lines(desk: &Desk) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/dossiers?limit=200{after}");
        let page = desk.client.get(&path).unwrap().json();
        all.extend(page["dossiers"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

fn unchecked(desk: &Desk) -> u64 {
    desk.sync().unwrap()["unchecked"].as_u64().unwrap()
}

/// The office, filled and with everything at the city, and its second machine on the same line.
fn office(seed: &mut Seed) -> (City, Process, Vec<String>) {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let ward = city.site(WARDS_1[0]);
    let ids = fill(&Desk::new(ward.process.client()), seed);
    let first = Desk::new(ward.process.client());
    wait_for("the hub has it", || first.sync().unwrap()["unsent_changes"] == 0);
    let second = second_machine(&city, WARDS_1[0], "").unwrap();
    (city, second, ids)
}

/// Starts the second machine on a line that takes some seconds for the images, and more for the
/// histories.
fn start_slowly(city: &mut City, second: &mut Process) -> Arc<Line> {
    let line = Arc::clone(&city.site(WARDS_1[0]).line);
    line.shape(Shape { rate: 30_000, queue: 60_000, ..Shape::default() });
    second.start().unwrap();
    line.set_twin(second.id().unwrap());
    second.wait_ready(START).unwrap();
    line
}

#[test]
fn the_counter_works_before_the_histories_have_come() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let (mut city, mut second, ids) = office(&mut seed);
    let line = start_slowly(&mut city, &mut second);
    let (one, two) =
        (Desk::new(city.site(WARDS_1[0]).process.client()), Desk::new(second.client()));

    let shown = wait_for("every dossier is shown", || lines(&two).len() == ids.len());
    let left = unchecked(&two);
    println!("{} shown after {shown:?}, {left} of them unchecked", ids.len());
    assert!(left > 0, "the histories are not here yet");

    // What is not checked can be read, and says so; whoever acts on it waits for its history only.
    let of_hub = lines(&two).into_iter().rfind(|line| line["sync"] == "unchecked").unwrap();
    let id = of_hub["id"].as_str().unwrap();
    let detail = two.detail(id).unwrap();
    assert_eq!(detail["applicant"], one.detail(id).unwrap()["applicant"]);
    let began = Instant::now();
    let new = two.register(&fresh_key(), &application(&mut seed)).unwrap();
    println!("registered after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(1), "registering waits for nothing");
    let began = Instant::now();
    two.note(id, "quầy 2 xử lý").unwrap();
    println!("worked on after {:?}, {} unchecked", began.elapsed(), unchecked(&two));
    assert!(unchecked(&two) > 0, "the others are still to come");

    line.shape(Shape::default());
    wait_for("everything is checked", || unchecked(&two) == 0);
    wait_for("both hold the same", || {
        let held = |desk: &Desk| holdings(&desk.client, true).unwrap();
        held(&one).len() == ids.len() + 1 && held(&one) == held(&two)
    });
    assert!(two.has(&new.id) && one.has(&new.id));
    let words = one.detail(id).unwrap().to_string();
    assert!(words.contains("quầy 2 xử lý"), "the work reached the first machine");
}

#[test]
fn a_machine_killed_while_images_come_goes_on_where_it_was() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let (mut city, mut second, ids) = office(&mut seed);
    let line = start_slowly(&mut city, &mut second);
    let two = Desk::new(second.client());
    wait_for("some dossiers are shown", || !lines(&two).is_empty());
    second.kill().unwrap();
    let before = line.bytes().1;
    line.shape(Shape::default());
    second.start().unwrap();
    line.set_twin(second.id().unwrap());
    second.wait_ready(START).unwrap();
    assert!(!lines(&two).is_empty(), "what was shown is shown");
    wait_for("everything is there and checked", || {
        lines(&two).len() == ids.len() && unchecked(&two) == 0
    });
    println!("{before} bytes came before it was killed, {} after", line.bytes().1 - before);
    let one = Desk::new(city.site(WARDS_1[0]).process.client());
    wait_for("both hold the same", || {
        holdings(&one.client, true).unwrap() == holdings(&two.client, true).unwrap()
    });
}
