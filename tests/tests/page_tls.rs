//! The page on the office's network: a certificate is asked for, issued, installed and renewed while the node
//! runs; browsers that trust the city's root take it, others do not; and what is called by another's name is
//! refused.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use motcua_core::time::Timestamp;
use motcua_shell::lan::{fingerprint, issue};
use motcua_tests::{
    binaries::Binaries,
    browser_tls::{Pc, connect_from},
    city::{CITY, City, DISTRICT_1, Site, WARDS_1},
    http::{Answer, parse},
    patience::{PATIENCE, wait},
    people::first_account,
    ports,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    time::Instant,
};

/// Exit code and what was said.
fn run(program: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `motcua-node page VERB` of a site, as JSON.
fn page(site: &Site, arguments: &[&str]) -> (i32, Value) {
    let config = site.data.join("node.toml");
    let common = ["--config", text(&config), "--json"];
    let node = &Binaries::ready().unwrap().node;
    let (code, said) = run(node, &[&["page"], arguments, &common].concat());
    (code, serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}")))
}

fn serves_network(site: &mut Site) -> (SocketAddr, SocketAddr) {
    let (tls, help) = (ports::free().unwrap(), ports::free().unwrap());
    site.stop().unwrap();
    site.add_settings(&format!("[page]\ntls_listen = \"{tls}\"\nhelp_listen = \"{help}\"\n"))
        .unwrap();
    site.start_ready().unwrap();
    (tls, help)
}

fn ask(at: SocketAddr, host: &str, path: &str) -> Answer {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    parse(&bytes).unwrap()
}

#[test]
fn the_network_is_served_with_a_certificate_that_comes_and_is_renewed_while_the_node_runs() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let dir = city.dir.clone();
    let (folder, out) = (dir.join("city"), dir.join("issued"));
    let provision = Binaries::ready().unwrap().provision.clone();
    let sign = |request: &Path, more: &[&str]| {
        let all = ["page", "issue", "--city", text(&folder), "--out", text(&out), text(request)];
        run(&provision, &[&all, more].concat())
    };
    let site = city.site(WARDS_1[0]);
    let (tls, help) = serves_network(site);
    let root = folder.join("page-root.pem");

    // Without a certificate the machine itself is served; the page and the network's PCs are told what is missing.
    let line = site.process.client().get("/api/v1/sync").unwrap().json();
    assert!(line["words_en"].as_str().unwrap().contains("no certificate"), "{line}");
    assert_eq!(line["page_certificate_days"], Value::Null);
    assert!(ask(help, "localhost", "/").text().contains("Máy này chưa có chứng thư"));
    assert_eq!(ask(help, "localhost", "/mot-cua-root.crt").status, 404);
    assert_eq!(page(site, &["status"]).0, 1);
    assert_eq!(run(&provision, &["page", "root", "--city", text(&folder)]).0, 0);
    assert_eq!(run(&provision, &["page", "root", "--city", text(&folder)]).0, 5, "one for a city");
    let pc = Pc::trusting(&root, tls).unwrap();

    // Asked for, issued, installed; nothing is started again.
    let request = dir.join("tan-dinh.csr");
    let (code, asked) = page(site, &["request", "--out", text(&request)]);
    assert_eq!(code, 0, "{asked}");
    let name = asked["names"][0].as_str().unwrap().to_owned();
    assert!(name.ends_with(".motcua.internal"), "{name}");
    assert!(pc.get(&name, "/").is_err(), "there is no certificate yet");
    assert_eq!(page(site, &["request", "--out", text(&request)]).0, 1, "no file is overwritten");
    let (code, said) = sign(&request, &[]);
    assert_eq!(code, 0, "{said}");
    let issued = out.join("tan-dinh.crt.pem");
    let (code, installed) = page(site, &["install", text(&issued)]);
    assert_eq!((code, &installed["days_left"]), (0, &json!(396)), "{installed}");
    assert_eq!(page(site, &["install", text(&issued)]).0, 4, "it is in use");
    let served = wait("the certificate is taken up", PATIENCE, || pc.get(&name, "/").ok());
    assert_eq!(served.status, 200);
    assert!(served.text().contains("Một Cửa"));
    let other = folder.join("other");
    fs::create_dir(&other).unwrap();
    let stranger = other.join("root.pem");
    let made = issue::make_root("x", Timestamp(1_796_000_000_000));
    fs::write(&stranger, made.unwrap().certificate).unwrap();
    let untrusting = Pc::trusting(&stranger, tls).unwrap().get(&name, "/").unwrap_err();
    assert!(untrusting.to_string().contains("UnknownIssuer"), "{untrusting}");
    let misled = pc.get("mot-cua-00000000.motcua.internal", "/").unwrap_err();
    assert!(misled.to_string().contains("not valid for name"), "{misled}");

    // By its names and addresses, and by no name that was led here.
    let plain = site.page;
    for (host, status) in [
        (name.as_str(), 200),
        ("localhost", 200),
        ("127.0.0.1", 200),
        ("rebound.example", 421),
        ("127.0.0.1.rebound.example", 421),
    ] {
        assert_eq!(ask(plain, host, "/api/v1/office").status, status, "{host}");
        let head = format!("host: {host}");
        let answer = pc.send(&name, "GET /api/v1/office", &[&head], "").unwrap();
        assert_eq!(answer.status, status, "{host} over TLS");
    }

    // A session that was opened over TLS is for TLS alone.
    first_account(site.process.client(), &site.data, "trưởng phòng 2026").unwrap();
    let login = json!({ "login": "lanhdao", "password": "trưởng phòng 2026" }).to_string();
    let head = [format!("host: {name}"), "content-type: application/json".to_owned()];
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let opened = pc.send(&name, "POST /api/v1/session", &head, &login).unwrap();
    assert_eq!(opened.status, 200, "{}", opened.text());
    let cookie = opened.headers.iter().find(|(name, _)| name == "set-cookie").unwrap().1.clone();
    assert!(
        cookie.contains("; Secure") && cookie.contains("; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );

    // PCs find the root and its fingerprint.
    let told = ask(help, "localhost", "/").text();
    let print = page(site, &["status"]).1["root"].as_str().unwrap().to_owned();
    assert!(
        told.contains(&print) && told.contains(&format!("https://{name}:{}/", tls.port())),
        "{told}"
    );
    let crt = ask(help, "localhost", "/mot-cua-root.crt");
    assert_eq!(fingerprint(&crt.body), print);
    assert_eq!(
        ask(help, "localhost", "/api/v1/office").status,
        200,
        "the page again, and nothing of the API"
    );
    assert!(!ask(help, "localhost", "/api/v1/office").text().contains("\"office\""));

    // Renewed with another key: central IT is asked whether that is right, and no PC sees a gap.
    let second = dir.join("lan-hai.csr");
    assert_eq!(page(site, &["request", "--out", text(&second)]).0, 0);
    let (code, said) = sign(&second, &[]);
    assert!(
        code == 5 && said.contains(&format!("{name} has a certificate for another key")),
        "{said}"
    );
    assert_eq!(sign(&second, &["--again"]).0, 0);
    let before = fs::read(site.data.join("page/current.pem")).unwrap();
    let wrong = page(site, &["install", text(&issued)]);
    assert_eq!((wrong.0, fs::read(site.data.join("page/current.pem")).unwrap()), (5, before));
    assert_eq!(pc.get(&name, "/").unwrap().status, 200);
    assert_eq!(page(site, &["install", text(&out.join("lan-hai.crt.pem"))]).0, 0);
    assert_eq!(pc.get(&name, "/").unwrap().status, 200);

    // A file that was spoilt takes nothing away from who is being served; the page says so.
    fs::write(site.data.join("page/current.pem"), "half of a").unwrap();
    let line = wait("the spoilt file is noticed", PATIENCE, || {
        let line = site.process.client().get("/metrics").ok()?.text();
        pc.get(&name, "/").ok()?;
        let log = fs::read_to_string(site.process.log()).ok()?;
        (line.contains("motcua_page_certificate_days") && log.contains("certificate is not taken"))
            .then_some(line)
    });
    assert!(line.contains("motcua_page_certificate_days 396"), "{line}");
    assert_eq!(pc.get(&name, "/").unwrap().status, 200);
}

#[test]
fn the_console_of_a_hub_is_asked_and_told_over_tls_from_another_machine() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let (dir, folder) = (city.dir.clone(), city.dir.join("city"));
    let programs = Binaries::ready().unwrap();
    let tls = ports::free().unwrap();
    let hub = city.site(CITY);
    hub.stop().unwrap();
    hub.add_settings(&format!("[page]\ntls_listen = \"{tls}\"\nnames = [\"localhost\"]\n"))
        .unwrap();
    hub.start_ready().unwrap();
    run(&programs.provision, &["page", "root", "--city", text(&folder)]);
    let config = hub.data.join("hub.toml");
    let (request, out) = (dir.join("hub.csr"), dir.join("issued"));
    let asked = ["page", "request", "--out", text(&request), "--config", text(&config)];
    // A name that no root of ours speaks for is refused before there is a key.
    let (code, said) = run(&programs.hub, &asked);
    assert!(code == 5 && said.contains("\"localhost\" is neither"), "{said}");
    let settings = fs::read_to_string(&config).unwrap().replace("localhost", "hub.motcua.internal");
    fs::write(&config, settings).unwrap();
    assert_eq!(run(&programs.hub, &asked).0, 0);
    let issue = ["page", "issue", "--city", text(&folder), "--out", text(&out), text(&request)];
    assert_eq!(run(&programs.provision, &issue).0, 0);
    let issued = out.join("hub.crt.pem");
    let (code, said) =
        run(&programs.hub, &["page", "install", text(&issued), "--config", text(&config)]);
    assert_eq!(code, 0, "{said}");
    let root = folder.join("page-root.pem");
    let name = fs::read_to_string(folder.join("pages.jsonl")).unwrap();
    let name =
        serde_json::from_str::<Value>(&name).unwrap()["names"][0].as_str().unwrap().to_owned();
    let pc = Pc::trusting(&root, tls).unwrap();
    wait("the certificate is taken up", PATIENCE, || pc.get(&name, "/").ok());

    // The tool goes by the name's certificate, not by where it was led.
    let publish = |console: &str| {
        run(&programs.provision, &["publish", "--city", text(&folder), "--hub", console])
    };
    let (code, said) = publish(&format!("https://127.0.0.1:{},root={}", tls.port(), text(&root)));
    assert!(code == 1 && said.contains("not valid for name"), "{said}");
    let (code, said) = publish(&format!("https://127.0.0.1:{}", tls.port()));
    assert!(code == 2 && said.contains("page-root.pem"), "{said}");

    // Certificate and key that somebody else keeps, from a PKI of their own.
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (dir.join("own.pem"), dir.join("own-key.pem"));
    fs::write(&certificate, pair.cert.pem()).unwrap();
    fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    hub.stop().unwrap();
    hub.add_settings(&format!("certificate = {certificate:?}\nkey = {key:?}\n")).unwrap();
    hub.start_ready().unwrap();
    let (code, said) =
        publish(&format!("https://localhost:{},root={}", tls.port(), text(&certificate)));
    assert_eq!(code, 0, "{said}");
    let (code, said) =
        run(&programs.hub, &["page", "install", text(&issued), "--config", text(&config)]);
    assert!(code == 5 && said.contains("they are kept there"), "{said}");
}

#[test]
fn connections_that_say_nothing_hold_up_nobody_else() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let (dir, folder) = (city.dir.clone(), city.dir.join("city"));
    let provision = Binaries::ready().unwrap().provision.clone();
    let site = city.site(WARDS_1[0]);
    let (tls, _) = serves_network(site);
    let (request, out) = (dir.join("a.csr"), dir.join("issued"));
    run(&provision, &["page", "root", "--city", text(&folder)]);
    let asked = page(site, &["request", "--out", text(&request)]).1;
    run(
        &provision,
        &["page", "issue", "--city", text(&folder), "--out", text(&out), text(&request)],
    );
    assert_eq!(page(site, &["install", text(&out.join("a.crt.pem"))]).0, 0);
    let name = asked["names"][0].as_str().unwrap();
    let pc = Pc::trusting(&folder.join("page-root.pem"), tls).unwrap();
    wait("the certificate is taken up", PATIENCE, || pc.get(name, "/").ok());

    // Another PC opens as many as it can and says nothing.
    let stranger: SocketAddr = "127.0.0.9:0".parse().unwrap();
    let silent: Vec<_> = (0..400).filter_map(|_| connect_from(stranger, tls).ok()).collect();
    assert!(silent.len() > 300, "{} were opened", silent.len());
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(pc.get(name, "/api/v1/sync").unwrap().status, 200);
    }
    assert!(began.elapsed() < PATIENCE / 6, "ten answers took {:?}", began.elapsed());
    // Beyond its part it is not served, and what it does not use is taken from it.
    let open = |stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let peeked = stream.peek(&mut [0]);
        matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
    };
    let held = silent.iter().filter(|stream| open(stream)).count();
    assert!(held <= 256, "{held} of one address are held");
    wait("what says nothing is closed", PATIENCE, || {
        silent.iter().all(|one| !open(one)).then_some(())
    });
}
