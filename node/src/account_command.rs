//! `account list`, `add`, `roles`, `close`, `open`, `reset`, `codes` and `token`: the command line asks the
//! running node, bearing the machine's own token, which only the service's user and root can read. What is
//! done stands in the account's history as the command line's.

use clap::Subcommand;
use motcua_shell::carry::command::{Exit, Local, Outcome, Trouble};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Longest answer: two thousand accounts with their histories.
const ANSWER_BYTES: u64 = 64 << 20;

/// What is to be done with accounts.
#[derive(Debug, Clone, Subcommand)]
pub enum AccountAct {
    /// Lists accounts of persons: name, login, roles, whether closed.
    List,
    /// Makes an account; its first password is printed once and changed at the first log-in.
    Add {
        /// What is typed to log in.
        login: String,
        /// Name that stands beside what is done; it never changes.
        name: String,
        /// A role: reception, specialist, leader, treasurer, admin. Several by repeating it.
        #[arg(long, required = true)]
        role: Vec<String>,
    },
    /// Gives other roles, instead of those that it has.
    Role {
        /// Login, name or id.
        account: String,
        /// A role; several by repeating it.
        #[arg(long, required = true)]
        role: Vec<String>,
    },
    /// Closes an account: its sessions end, history keeps its name.
    Close {
        /// Login, name or id.
        account: String,
    },
    /// Opens a closed account.
    Open {
        /// Login, name or id.
        account: String,
    },
    /// Gives a new password, printed once and changed at the next log-in.
    Reset {
        /// Login, name or id.
        account: String,
    },
    /// Gives new recovery codes, printed once; those of before are void.
    Codes {
        /// Login, name or id.
        account: String,
    },
    /// Tokens of programs.
    Token {
        /// What.
        #[command(subcommand)]
        act: TokenAct,
    },
}

/// What is to be done with tokens.
#[derive(Debug, Clone, Subcommand)]
pub enum TokenAct {
    /// Lists programs.
    List,
    /// Makes a token, printed once.
    Add {
        /// Name of the program.
        name: String,
        /// A role; several by repeating it.
        #[arg(long, required = true)]
        role: Vec<String>,
    },
    /// Revokes a token.
    Revoke {
        /// Name or id of the program.
        program: String,
    },
}

/// Does it.
pub fn run(local: &Local, act: &AccountAct) -> Outcome {
    local.ended(carry_out(local, act).map(|(mut answer, vi, en)| {
        answer["words_vi"] = vi.into();
        answer["words_en"] = en.into();
        (answer, Exit::Done)
    }))
}

type Told = (Value, String, String);

fn carry_out(local: &Local, act: &AccountAct) -> Result<Told, Trouble> {
    let on = |account: &str, verb: &str, body: Value| {
        let id = found(local, "accounts", account)?;
        post(local, &format!("/api/v1/accounts/{id}/{verb}"), &body)
    };
    match act {
        AccountAct::List => listed(local, "accounts"),
        AccountAct::Token { act: TokenAct::List } => listed(local, "tokens"),
        AccountAct::Add { login, name, role } => {
            let body = json!({ "login": login, "name": name, "roles": role });
            Ok(once(post(local, "/api/v1/accounts", &body)?, "password", "Mật khẩu", "Password"))
        }
        AccountAct::Token { act: TokenAct::Add { name, role } } => {
            let body = json!({ "name": name, "roles": role });
            Ok(once(post(local, "/api/v1/tokens", &body)?, "token", "Mã truy cập", "Token"))
        }
        AccountAct::Role { account, role } => done(on(account, "roles", json!({ "roles": role }))?),
        AccountAct::Close { account } => done(on(account, "closing", json!({}))?),
        AccountAct::Open { account } => done(on(account, "opening", json!({}))?),
        AccountAct::Reset { account } => {
            Ok(once(on(account, "password", json!({}))?, "password", "Mật khẩu", "Password"))
        }
        AccountAct::Codes { account } => Ok(codes(on(account, "recovery", json!({}))?)),
        AccountAct::Token { act: TokenAct::Revoke { program } } => {
            let id = found(local, "tokens", program)?;
            done(post(local, &format!("/api/v1/accounts/{id}/closing"), &json!({}))?)
        }
    }
}

fn listed(local: &Local, which: &str) -> Result<Told, Trouble> {
    let answer = local.get(&format!("/api/v1/{which}"), ANSWER_BYTES)?;
    let all = answer[which].as_array().cloned().unwrap_or_default();
    let (mut vi, mut en) =
        (format!("{} tài khoản.", all.len()), format!("{} accounts.", all.len()));
    for account in &all {
        let _ = write!(vi, "\n  {}", line(account, "đã khóa"));
        let _ = write!(en, "\n  {}", line(account, "closed"));
    }
    Ok((answer, vi, en))
}

fn line(account: &Value, closed: &str) -> String {
    let text = |name: &str| account[name].as_str().unwrap_or_default();
    let roles: Vec<&str> =
        account["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let closed = if account["closed"] == true { format!(" [{closed}]") } else { String::new() };
    let login = text("login");
    let login = if login.is_empty() { String::new() } else { format!(" ({login})") };
    format!("{}{login}: {}{closed}", text("name"), roles.join(", "))
}

fn done(answer: Value) -> Result<Told, Trouble> {
    let account = &answer["account"];
    let (vi, en) = (line(account, "đã khóa"), line(account, "closed"));
    Ok((answer, format!("Đã đổi: {vi}"), format!("Changed: {en}")))
}

/// An answer with a secret that is shown this once.
fn once(answer: Value, field: &str, vi: &str, en: &str) -> Told {
    let secret = answer[field].as_str().unwrap_or_default().to_owned();
    let (of_vi, of_en) = (line(&answer["account"], "đã khóa"), line(&answer["account"], "closed"));
    let vi = format!("{of_vi}\n{vi}, chỉ hiện lần này: {secret}");
    let en = format!("{of_en}\n{en}, shown this once: {secret}");
    (answer, vi, en)
}

fn codes(answer: Value) -> Told {
    let all = answer["codes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let all = all.fold(String::new(), |all, code| format!("{all}\n  {code}"));
    let (of_vi, of_en) = (line(&answer["account"], "đã khóa"), line(&answer["account"], "closed"));
    let vi = format!("{of_vi}\nMã khôi phục, mỗi mã dùng một lần, chỉ hiện lần này:{all}");
    let en = format!("{of_en}\nRecovery codes, each works once, shown this once:{all}");
    (answer, vi, en)
}

/// The id of what is called so: its id, its login however spelt, or its name. Names and logins are given once.
fn found(local: &Local, which: &str, called: &str) -> Result<String, Trouble> {
    let answer = local.get(&format!("/api/v1/{which}"), ANSWER_BYTES)?;
    let called = called.trim();
    let is = |account: &&Value| {
        let text = |name: &str| account[name].as_str().unwrap_or_default();
        let login = text("login");
        text("id") == called
            || text("name") == called
            || (!login.is_empty() && login.to_lowercase() == called.to_lowercase())
    };
    // An account whose login an older one has is meant by its name or id only.
    let all = answer[which].as_array().into_iter().flatten();
    let mut all: Vec<&Value> = all.filter(is).collect();
    all.sort_by_key(|account| account["shadowed"] == true);
    let id = all.first().and_then(|account| account["id"].as_str());
    id.map(str::to_owned).ok_or_else(|| {
        Trouble::Refused(json!({ "error": {
            "code": "no_account",
            "message_vi": format!("Cơ quan không có tài khoản “{called}”."),
            "message_en": format!("this office has no account {called:?}; see account list"),
            "field": null,
        }}))
    })
}

fn post(local: &Local, path: &str, asked: &Value) -> Result<Value, Trouble> {
    let body = asked.to_string();
    local.post(path, (&mut body.as_bytes(), body.len() as u64), ANSWER_BYTES)
}
