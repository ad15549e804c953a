//! Whole machines lost with their disks, and the written procedures of `docs/` carried out with the shipped
//! programs: what the next level had acknowledged is there again.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    city::{CITY, DISTRICT_1, DISTRICT_3, START, WARD_3, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait_for,
    procedure::Procedure,
    story::{Story, address_of},
};
use std::{fs, net::SocketAddr};

const OFFICE: &str = include_str!("../../docs/loss-of-an-office.md");
const DISTRICT: &str = include_str!("../../docs/loss-of-a-district-hub.md");
const THE_CITY: &str = include_str!("../../docs/loss-of-the-city-hub.md");

const WARDS: [&str; 3] = [WARDS_1[0], WARDS_1[1], WARD_3];

/// The page with what every procedure needs filled in.
fn procedure(story: &mut Story, page: &str) -> Procedure {
    let mut page = Procedure::read(page);
    page.fill_in("CITY_FOLDER", story.city.dir.join("city").display());
    page.fill_in("DISTRICT_CONSOLE", story.city.site(DISTRICT_1).page);
    page.fill_in("CITY_CONSOLE", story.city.site(CITY).page);
    page
}

/// The same for a hub that gets a new machine at its old address.
fn procedure_of_hub(story: &mut Story, page: &str, word: &'static str, code: &str) -> Procedure {
    let place = address_of(&story.city, code);
    let (address, recovery) = place.split_once(",recovery=").unwrap();
    let mut page = procedure(story, page);
    page.fill_in(word, code);
    page.fill_in("ADDRESS", address.strip_prefix(&format!("{code}=")).unwrap());
    page.fill_in("RECOVERY_ADDRESS", recovery);
    page.fill_in("DATA", story.city.site(code).data.display());
    page.fill_in("OPERATOR", "Nguyễn Thị Mẫu");
    page
}

/// What the page has people do by hand: the folder comes to the new machine with its settings.
fn install(story: &mut Story, code: &str, settings: &str) {
    let site = story.city.site(code);
    fs::write(site.data.join("hub.toml"), settings).unwrap();
    story.start(code);
    story.connected();
}

/// Registered with nobody else to know of it.
fn alone(story: &mut Story, at: &Desk) -> String {
    let made = at.register(&fresh_key(), &application(&mut story.seed)).unwrap();
    assert!(story.codes.insert(made.code.clone()), "{} was printed twice", made.code);
    made.id
}

/// The id of the machine that an office has now, as its hub says.
fn machine_of(story: &mut Story, office: &str) -> String {
    let machines = story.client(DISTRICT_1).get("/api/v1/machines").unwrap().json();
    let lines = machines["machines"].as_array().unwrap();
    let line = lines.iter().find(|line| line["code"] == office).unwrap();
    line["node"].as_str().unwrap().to_owned()
}

#[test]
fn an_office_that_burned_has_all_that_its_hub_had_and_prints_no_code_twice() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    story.work(one, two, 6);
    story.work(two, one, 4);
    story.settled("before");
    let lost = machine_of(&mut story, one);
    // A thief has the disk, with what nobody else knows.
    story.city.site(one).line.cut();
    let desk = story.desk(one);
    let unsent: Vec<String> = (0..3).map(|_| alone(&mut story, &desk)).collect();
    story.stop(one);
    let stolen = motcua_tests::copies::Copy::of(&mut story.city, one, "stolen").unwrap();
    let settings = story.lose(one);
    story.city.site(one).line.restore();

    let mut page = procedure(&mut story, OFFICE);
    let data = story.city.site(one).data.clone();
    page.fill_in("OFFICE", one);
    page.fill_in("JOIN", story.city.dir.join("join/new.join").display());
    page.fill_in("DATA", data.display());
    page.fill_in("LOST_MACHINE", &lost);
    page.take("").unwrap();
    page.take("").unwrap();
    fs::write(data.join("node.toml"), settings).unwrap();
    story.start(one);
    // Not waiting for anything: the counter is open again.
    story.work(one, two, 4);
    story.settled("replaced");
    page.take("verify").unwrap();
    page.take("").unwrap();
    page.finish(&["restore"]).unwrap();
    for id in &unsent {
        assert!(!story.desk(one).has(id), "what only the lost disk had cannot be here");
    }

    // The thief switches it on.
    let mut thief = stolen.clone_node(&story.city, one).unwrap();
    thief.start().unwrap();
    story.city.site(one).line.set_twin(thief.id().unwrap());
    thief.wait_ready(START).unwrap();
    let log = story.city.site(DISTRICT_1).process.log().to_owned();
    wait_for("the hub turns the lost machine away", || {
        fs::read_to_string(&log).unwrap().contains("not admitted")
    });
    assert_ne!(Desk::new(thief.client()).sync().unwrap()["link"], "connected");
    story.work(one, two, 2);
    story.settled("nothing of the thief's has come");
    story.checked();
}

#[test]
fn an_office_with_a_second_copy_loses_nothing_that_was_in_two_places() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    let stick = story.city.dir.join("stick");
    fs::create_dir(&stick).unwrap();
    story.stop(one);
    let site = story.city.site(one);
    let plain = fs::read_to_string(site.data.join("node.toml")).unwrap();
    let copies = format!("second_copy = {stick:?}\nsecond_copy_same_disk = true\ncopies = 2\n");
    site.add_settings(&copies).unwrap();
    story.start(one);
    story.work(one, two, 4);
    story.settled("before");
    let lost = machine_of(&mut story, one);
    story.city.site(one).line.cut();
    let desk = story.desk(one);
    for _ in 0..3 {
        let id = alone(&mut story, &desk);
        story.expected.at(&story.city, &id, one);
    }
    wait_for("two places", || desk.sync().unwrap()["copies"] == 2);
    story.lose(one);
    story.city.site(one).line.restore();

    let mut page = procedure(&mut story, OFFICE);
    let data = story.city.site(one).data.clone();
    page.fill_in("OFFICE", one);
    page.fill_in("JOIN", story.city.dir.join("join/new.join").display());
    page.fill_in("DATA", data.display());
    page.fill_in("SECOND_COPY", stick.display());
    page.fill_in("LOST_MACHINE", &lost);
    page.take("").unwrap();
    page.take("").unwrap();
    page.take("restore").unwrap();
    fs::write(data.join("node.toml"), plain).unwrap();
    story.start(one);
    story.work(one, two, 2);
    story.settled("restored");
    page.take("verify").unwrap();
    wait_for("everything received", || desk.sync().unwrap()["unsent"] == 0);
    page.take("").unwrap();
    page.finish(&[]).unwrap();
    story.work(one, two, 2);
    story.settled("the lost machine is out, its work stays");
    story.checked();
}

#[test]
fn a_districts_lost_hub_is_made_anew_from_the_city_and_the_offices() {
    let mut story = Story::begin(&[CITY, DISTRICT_1, DISTRICT_3], &WARDS);
    let [one, two, three] = WARDS;
    ask_soon(&mut story, &[one, two]);
    story.work(one, three, 4);
    story.work(three, two, 4);
    story.settled("before");
    // What the hub acknowledges and the city never hears of.
    story.city.site(DISTRICT_1).line.cut();
    story.work(one, two, 4);
    story.city.wait_settled_acknowledgements(DISTRICT_1, motcua_tests::patience::PATIENCE).unwrap();
    let mut page = procedure_of_hub(&mut story, DISTRICT, "DISTRICT", DISTRICT_1);
    let settings = story.lose(DISTRICT_1);
    story.city.site(DISTRICT_1).line.restore();
    story.work(one, two, 2);
    story.work(two, three, 2);
    story.work(three, one, 2);

    page.take("").unwrap();
    install(&mut story, DISTRICT_1, &settings);
    story.settled("made anew");
    page.take("hub").unwrap();
    page.take("verify").unwrap();
    page.finish(&["meanwhile"]).unwrap();
    story.work(two, three, 2);
    story.settled("at work");
    story.checked();
    story.city.stop_all().unwrap();
    story.city.start_all().unwrap();
    story.settled("after a restart");
}

#[test]
fn offices_of_a_lost_hub_work_at_the_city_until_there_is_a_new_one() {
    let mut story = Story::begin(&[CITY, DISTRICT_1, DISTRICT_3], &WARDS);
    let [one, two, three] = WARDS;
    ask_soon(&mut story, &[one, two]);
    story.work(one, three, 4);
    story.settled("before");
    story.city.site(DISTRICT_1).line.cut();
    story.work(one, two, 4);
    story.city.wait_settled_acknowledgements(DISTRICT_1, motcua_tests::patience::PATIENCE).unwrap();
    let mut page = procedure_of_hub(&mut story, DISTRICT, "DISTRICT", DISTRICT_1);
    let settings = story.lose(DISTRICT_1);
    story.city.site(DISTRICT_1).line.restore();

    page.take("meanwhile").unwrap();
    story.city.follow_root().unwrap();
    story.connected();
    story.work(one, three, 2);
    story.work(three, two, 2);
    story.settled("at the city");

    page.take("").unwrap();
    story.city.follow_root().unwrap();
    install(&mut story, DISTRICT_1, &settings);
    // It holds what its offices hold.
    for (code, client) in [one, two].map(|code| (code, story.client(code))) {
        for id in motcua_tests::census::holdings(&client, false).unwrap().keys() {
            story.expected.at(&story.city, id, code);
        }
    }
    story.work(two, three, 2);
    story.settled("at the new hub");
    page.take("hub").unwrap();
    page.take("verify").unwrap();
    page.finish(&[]).unwrap();
    story.checked();
}

#[test]
fn a_lost_city_hub_is_filled_by_its_districts() {
    let mut story = Story::begin(&[CITY, DISTRICT_1, DISTRICT_3], &WARDS);
    let [one, two, three] = WARDS;
    story.work(one, three, 4);
    story.work(three, two, 4);
    story.settled("before");
    // The city lacks some of it.
    story.city.site(DISTRICT_3).line.cut();
    let desk = story.desk(three);
    for _ in 0..3 {
        let id = alone(&mut story, &desk);
        story.expected.at(&story.city, &id, three);
    }
    let mut page = procedure_of_hub(&mut story, THE_CITY, "CITY", CITY);
    let third: SocketAddr = story.city.site(DISTRICT_3).page;
    let settings = story.lose(CITY);
    story.city.site(DISTRICT_3).line.restore();
    story.work(one, two, 2);
    story.work(one, three, 2);

    page.fill_in("OTHER_DISTRICT_CONSOLE", third);
    page.take("").unwrap();
    install(&mut story, CITY, &settings);
    story.settled("made anew");
    page.take("hub").unwrap();
    page.take("verify").unwrap();
    page.finish(&[]).unwrap();
    story.work(three, one, 2);
    story.settled("at work");
    story.checked();
    story.city.stop_all().unwrap();
    story.city.start_all().unwrap();
    story.settled("after a restart");
}

/// Offices ask for newer documents after five minutes without a hub; here after a second.
fn ask_soon(story: &mut Story, offices: &[&str]) {
    for code in offices {
        story.stop(code);
        let site = story.city.site(code);
        site.add_settings("[links]\nidle_seconds = 4\n[renewal]\naway_seconds = 1\n").unwrap();
        story.start(code);
    }
    story.connected();
}
