//! The door of a hub's console, at a real hub: who may read, decide and get in.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_tests::{
    city::{CITY, City, DISTRICT_1, WARDS_1},
    http::{Answer, Client},
};
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, process::Command};

/// What an operator's page does.
struct Browser {
    client: Client,
    cookie: String,
}

impl Browser {
    fn log_in(at: SocketAddr, name: &str, password: &str) -> Self {
        let client = Client::new(at);
        let answer = try_password(&client, name, password);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let set = answer.headers.iter().find(|(name, _)| name == "set-cookie").unwrap().1.clone();
        for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(set.contains(part), "{set}");
        }
        assert!(!set.contains("Secure"), "there is no TLS here: {set}");
        Self { client, cookie: set.split(';').next().unwrap().to_owned() }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.client.address)
    }

    fn send(&self, method: &str, path: &str, more: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut headers = vec![("cookie", &*self.cookie)];
        headers.extend_from_slice(more);
        self.client.send(method, path, &headers, body).unwrap()
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        let origin = self.origin();
        self.send("POST", path, &[("origin", &origin)], body.to_string().as_bytes())
    }
}

fn try_password(client: &Client, name: &str, password: &str) -> Answer {
    client.post("/api/v1/session", &[], &json!({ "name": name, "password": password })).unwrap()
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

/// Routes that show or change something, with the verb.
const OPERATING: [(&str, &str); 10] = [
    ("GET", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("GET", "/api/v1/hub"),
    ("GET", "/api/v1/offices"),
    ("GET", "/api/v1/dossiers"),
    ("GET", "/api/v1/held"),
    ("GET", "/api/v1/purges"),
    ("POST", "/api/v1/decisions"),
    ("GET", "/api/v1/bundle"),
    ("POST", "/api/v1/bundle"),
];

#[test]
fn a_hubs_console_opens_to_its_operators_and_to_its_tokens_and_to_nobody_else() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let hub = city.site(DISTRICT_1);
    let (token, anyone) = (hub.process.client(), hub.process.client().anonymous());

    // Nobody has been let in yet: the console says what to do about it.
    assert_eq!(code(&anyone.get("/api/v1/hub").unwrap()), (401, "no_operator".into()));
    let password = hub.add_operator("Nguyễn Thị Mẫu").unwrap();
    for (verb, path) in OPERATING.into_iter().chain([("POST", "/api/v1/verify")]) {
        let answer = anyone.send(verb, path, &[], b"").unwrap();
        assert_eq!(code(&answer), (401, "log_in".into()), "{verb} {path}");
    }
    // What proves itself, and what a probe asks, needs no log-in.
    for path in ["/", "/login.js", "/parts/ask.js", "/healthz", "/readyz", "/api/v1/trust/numbers"]
    {
        assert_eq!(anyone.get(path).unwrap().status, 200, "{path}");
    }
    let forged = anyone.send("POST", "/api/v1/acts", &[], b"not an act").unwrap();
    assert_eq!(code(&forged), (422, "not_valid".into()));

    // Figures: from this machine, or with a token for reading, which opens nothing else.
    let far = [("x-forwarded-for", "192.0.2.1")];
    let read = fs::read_to_string(hub.data.join("console/read-token")).unwrap();
    let bearer = format!("Bearer {}", read.trim());
    let reading = [far[0], ("authorization", &*bearer)];
    for path in ["/metrics", "/api/v1/machines"] {
        assert_eq!(anyone.get(path).unwrap().status, 200, "{path}");
        assert_eq!(anyone.send("GET", path, &far, b"").unwrap().status, 401, "{path}");
        assert_eq!(anyone.send("GET", path, &reading, b"").unwrap().status, 200, "{path}");
    }
    assert_eq!(code(&anyone.send("GET", "/api/v1/hub", &reading, b"").unwrap()).0, 401);
    let made_up = [("authorization", "Bearer 0000")];
    assert_eq!(
        code(&anyone.send("GET", "/metrics", &made_up, b"").unwrap()),
        (401, "token".into())
    );
    assert_eq!(token.get("/api/v1/hub").unwrap().status, 200);

    // Wrong words open nothing and do not say which of them was wrong.
    let wrong = try_password(&anyone, "Nguyễn Thị Mẫu", "1234");
    assert_eq!(code(&wrong), (401, "wrong".into()));
    assert_eq!(wrong.body, try_password(&anyone, "Trần Văn Mẫu", &password).body);

    let words = json!({ "name": "Nguyễn Thị Mẫu", "password": password });
    let tls = anyone.post("/api/v1/session", &[("x-forwarded-proto", "https")], &words).unwrap();
    assert!(
        tls.headers.iter().any(|(name, value)| name == "set-cookie" && value.contains("Secure"))
    );

    let browser = Browser::log_in(hub.page, "Nguyễn Thị Mẫu", &password);
    assert_eq!(browser.get("/api/v1/session").json()["operator"], "Nguyễn Thị Mẫu");
    for path in ["/api/v1/hub", "/api/v1/offices", "/metrics"] {
        assert_eq!(browser.get(path).status, 200, "{path}");
    }
    // The cookie alone changes nothing: the request must come from this very page.
    let body = json!({ "dossier": "x", "change": "y", "verdict": "hold", "reason": "z" });
    let bytes = body.to_string().into_bytes();
    let without = browser.send("POST", "/api/v1/decisions", &[], &bytes);
    assert_eq!(code(&without), (403, "origin".into()));
    let foreign = [("origin", "http://127.0.0.1:1")];
    assert_eq!(browser.send("POST", "/api/v1/decisions", &foreign, &bytes).status, 403);
    assert_eq!(code(&browser.post("/api/v1/decisions", &body)), (400, "bad_request".into()));

    // A new password ends what the old one opened; so does log-out, and removal.
    let password = hub.add_operator("Nguyễn Thị Mẫu").unwrap();
    assert_eq!(code(&browser.get("/api/v1/hub")), (401, "log_in".into()));
    let browser = Browser::log_in(hub.page, "Nguyễn Thị Mẫu", &password);
    let origin = browser.origin();
    let out = browser.send("DELETE", "/api/v1/session", &[("origin", &origin)], b"");
    assert_eq!(out.status, 204);
    assert_eq!(browser.get("/api/v1/hub").status, 401);
    let browser = Browser::log_in(hub.page, "Nguyễn Thị Mẫu", &password);
    let removed = Command::new(&motcua_tests::binaries::Binaries::ready().unwrap().hub)
        .args(["operator", "remove", "Nguyễn Thị Mẫu", "--config"])
        .arg(hub.data.join("hub.toml"))
        .status()
        .unwrap();
    assert!(removed.success());
    assert_eq!(code(&browser.get("/api/v1/hub")), (401, "no_operator".into()));

    // Sessions are gone with the process; tokens stay.
    let password = hub.add_operator("A").unwrap();
    let browser = Browser::log_in(hub.page, "A", &password);
    hub.stop().unwrap();
    hub.start_ready().unwrap();
    assert_eq!(browser.get("/api/v1/hub").status, 401);
    assert_eq!(token.get("/api/v1/hub").unwrap().status, 200);

    // Guessing is slowed down: nobody tries a list of passwords.
    // A machine that is busy gives a few more while it is slow.
    let statuses = (0..40).map(|n| try_password(&anyone, "A", &n.to_string()).status);
    let tried = statuses.take_while(|status| *status == 401).count();
    assert!((10..40).contains(&tried), "{tried} guesses were looked at");
    assert_eq!(try_password(&anyone, "A", &password).status, 429, "the right one waits as well");
}

#[test]
fn the_command_line_of_the_hubs_machine_needs_no_log_in_but_its_token() {
    let mut city = City::start_with(&[CITY], &[]).unwrap();
    let hub = city.site(CITY);
    let verify = || {
        Command::new(&motcua_tests::binaries::Binaries::ready().unwrap().hub)
            .args(["verify", "--config"])
            .arg(hub.data.join("hub.toml"))
            .output()
            .unwrap()
    };
    assert!(verify().status.success(), "{}", String::from_utf8_lossy(&verify().stderr));
    fs::rename(hub.data.join("console/token"), hub.data.join("console/elsewhere")).unwrap();
    let output = verify();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("motcua-hub operator add"), "{said}");
}
