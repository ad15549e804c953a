//! Which duty an operation of the API is. A test holds the table against `openapi.json`: an operation
//! that has no line fails it, and is the leader's until it has one.

use axum::http::Method;
use motcua_dossier::people::Duty;

/// What an operation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nobody has to be known.
    Nobody,
    /// Somebody, of any role.
    Somebody,
    /// A role that may.
    Role(Duty),
}

/// By method and the path as routes spell it.
pub(super) fn need(method: &Method, path: &str) -> Need {
    let is_get = matches!(*method, Method::GET | Method::HEAD);
    let Some(tail) = path.strip_prefix("/api/v1/") else {
        // Files of the page, health, metrics.
        return Need::Nobody;
    };
    let duty = match (is_get, tail) {
        (true, "openapi.json" | "office" | "session")
        | (false, "session" | "session/recovery" | "accounts/first") => return Need::Nobody,
        (
            true,
            "sync" | "events" | "offices" | "procedures" | "numbers" | "held" | "lists"
            | "sections" | "steads"
            | "test-sheet" | "test-sheet/expected",
        )
        | (
            false,
            "session/password"
            // One's own, or the head's: judged where it is made.
            | "accounts/{account}/absences"
            | "accounts/{account}/loans"
            | "accounts/{account}/steads/{stead}/ended",
        ) => return Need::Somebody,
        (true, "left-work") | (false, "accounts/{account}/work") => Duty::HandOn,
        (true, "accounts") => Duty::Recovery,
        (true, "tokens") => Duty::Accounts,
        (true, "audit" | "dossiers/{id}/views") => Duty::Audit,
        // Whose papers they are nobody knows yet: for those who attach them.
        (_, tail) if tail.starts_with("scan-folder") => Duty::Work,
        (true, "export") | (_, "bundle" | "verify") => Duty::Operate,
        (_, tail) if tail.starts_with("import/") => Duty::Operate,
        (true, _) => Duty::See,
        (false, "dossiers") => Duty::Receive,
        (false, "numbers") => Duty::Operate,
        (false, "emergency/entries") => Duty::Receive,
        (false, tail) if tail.starts_with("emergency") => Duty::Emergency,
        (false, tail) if tail == "cards" || tail.starts_with("drafts/") => Duty::Draft,
        // What may be is judged by the state that it leads to.
        (false, "dossiers/{id}/moves") => return Need::Somebody,
        (
            false,
            "dossiers/{id}/corrections"
            | "dossiers/{id}/papers"
            | "dossiers/{id}/links"
            // Late, the leader alone: judged where it is made.
            | "dossiers/{id}/voids"
            | "dossiers/{id}/forwards"
            | "dossiers/{id}/taken"
            | "dossiers/{id}/passes"
            | "hand-lists"
            | "hand-lists/{number}/taken"
            | "dossiers/{id}/passes/taken"
            | "dossiers/{id}/passes/stood"
            | "dossiers/{id}/passes/refused"
            | "dossiers/{id}/notes"
            | "dossiers/{id}/attachments"
            | "dossiers/{id}/redo"
            | "dossiers/{id}/forms/{form}/printings",
        ) => Duty::Work,
        (false, "dossiers/{id}/demands") => Duty::Demand,
        (false, "dossiers/{id}/payments" | "cash") => Duty::TakeMoney,
        (false, "dossiers/{id}/cancellations" | "dossiers/{id}/refunds" | "dossiers/{id}/settlements") => {
            Duty::GiveMoney
        }
        (false, "returns") => Duty::Return,
        (false, "dossiers/{id}/extensions" | "dossiers/{id}/withdrawals") => Duty::Direct,
        (false, "accounts/{account}/recovery") => Duty::Recovery,
        (false, tail) if tail.starts_with("accounts") || tail.starts_with("tokens") => {
            Duty::Accounts
        }
        (false, _) => Duty::Unnamed,
    };
    Need::Role(duty)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_operation_that_is_described_has_a_line() {
        let described: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
        let mut count = 0;
        for (path, operations) in described["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
                count += 1;
                let need = need(&method, path);
                assert_ne!(need, Need::Role(Duty::Unnamed), "{method} {path} has no duty");
            }
        }
        assert!(count > 30, "{count}");
    }

    #[test]
    fn only_what_has_to_be_is_open_to_nobody() {
        let open = |method: Method, path: &str| need(&method, path) == Need::Nobody;
        for path in ["/", "/app.js", "/parts/ask.js", "/healthz", "/readyz", "/metrics"] {
            assert!(open(Method::GET, path), "{path}");
        }
        assert!(open(Method::POST, "/api/v1/session") && open(Method::DELETE, "/api/v1/session"));
        for path in ["dossiers", "dossiers/{id}", "sync", "events", "lists/{list}", "drafts"] {
            assert!(!open(Method::GET, &format!("/api/v1/{path}")), "{path}");
        }
        assert_eq!(need(&Method::POST, "/api/v1/later"), Need::Role(Duty::Unnamed));
        assert_eq!(need(&Method::POST, "/api/v1/dossiers/{id}/later"), Need::Role(Duty::Unnamed));
    }
}
