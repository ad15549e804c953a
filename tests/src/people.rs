//! People of an office by program: the first account, log-ins, and requests under a session as a browser
//! makes them.

use crate::{
    binaries::Binaries,
    http::{Answer, Client},
};
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::{io, path::Path, process::Command};

/// A browser that is logged in.
#[derive(Debug, Clone)]
pub struct Person {
    /// The client below.
    pub client: Client,
    /// What its cookie says.
    pub cookie: String,
}

impl Person {
    /// `GET path`, as a page asks by itself.
    ///
    /// # Errors
    /// What the socket says.
    pub fn get(&self, path: &str) -> io::Result<Answer> {
        self.client.send("GET", path, &[("cookie", &self.cookie)], b"")
    }

    /// `POST path` as the page does it.
    ///
    /// # Errors
    /// What the socket says.
    pub fn post(&self, path: &str, body: &Value) -> io::Result<Answer> {
        let origin = format!("http://{}", self.client.address);
        self.client.post(path, &[("cookie", &self.cookie), ("origin", &origin)], body)
    }

    /// `DELETE path` as the page does it.
    ///
    /// # Errors
    /// What the socket says.
    pub fn delete(&self, path: &str) -> io::Result<Answer> {
        let origin = format!("http://{}", self.client.address);
        self.client.send("DELETE", path, &[("cookie", &self.cookie), ("origin", &origin)], b"")
    }
}

/// The session that an answer opens, if it opens one.
pub fn session(client: Client, answer: &Answer) -> Option<Person> {
    let cookie = answer.headers.iter().find(|(name, _)| name == "set-cookie")?;
    let cookie = cookie.1.split(';').next()?.to_owned();
    Some(Person { client, cookie })
}

/// Logs in, whatever comes of it.
///
/// # Errors
/// What the socket says.
pub fn try_log_in(client: Client, login: &str, password: &str) -> io::Result<Answer> {
    client.post("/api/v1/session", &[], &json!({ "login": login, "password": password }))
}

/// Logs in.
///
/// # Errors
/// If that is refused.
pub fn log_in(client: Client, login: &str, password: &str) -> anyhow::Result<Person> {
    let answer = try_log_in(client, login, password)?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    session(client, &answer).context("no cookie")
}

/// A set-up code, as somebody at the machine with this data folder gets it.
///
/// # Errors
/// What the program says.
pub fn set_up_code(data: &Path) -> anyhow::Result<String> {
    let config = data.join("node.toml");
    let output = Command::new(&Binaries::ready()?.node)
        .args(["account", "setup", "--json", "--config"])
        .arg(&config)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout)?;
    Ok(told["set_up_code"].as_str().context("no code")?.to_owned())
}

/// The head's account, the first one of the office.
///
/// # Errors
/// If it is refused.
pub fn first_account(client: Client, data: &Path, password: &str) -> anyhow::Result<Person> {
    let body = json!({
        "code": set_up_code(data)?, "login": "lanhdao", "name": "Phạm Thị Mẫu Hạnh", "password": password,
    });
    let answer = client.post("/api/v1/accounts/first", &[], &body)?;
    ensure!(answer.status == 201, "{}: {}", answer.status, answer.text());
    session(client, &answer).context("no cookie")
}

/// An account with these roles, whose password its holder has changed already; its id.
///
/// # Errors
/// If any of that is refused.
pub fn account(
    head: &Person,
    (login, name): (&str, &str),
    roles: &[&str],
    password: &str,
) -> anyhow::Result<(String, Person)> {
    let body = json!({ "login": login, "name": name, "roles": roles });
    let made = head.post("/api/v1/accounts", &body)?;
    ensure!(made.status == 201, "{}: {}", made.status, made.text());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (given, id) = (text(&made.json()["password"]), text(&made.json()["account"]["id"]));
    let person = log_in(head.client, login, &given)?;
    let changed =
        person.post("/api/v1/session/password", &json!({ "old": given, "new": password }))?;
    ensure!(changed.status == 200, "{}: {}", changed.status, changed.text());
    Ok((id, session(head.client, &changed).context("no cookie")?))
}
