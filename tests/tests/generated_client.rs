//! A client that a generator makes of the API's description compiles and works, by a program's token.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use motcua_tests::{
    city::{CITY, City, WARDS_1},
    people::first_account,
};
use serde_json::json;
use std::{fs, path::Path, process::Command};

#[test]
fn a_generated_client_compiles_strictly_and_works_in_an_office_by_its_token() {
    let mut city = City::start_with(&[CITY], &WARDS_1[..1]).unwrap();
    let site = city.site(WARDS_1[0]);
    let client = site.process.client();
    let described = client.get("/api/v1/openapi.json").unwrap();
    let head = first_account(client, &site.data, "mật khẩu của lãnh đạo").unwrap();
    let asked = json!({ "name": "Phần mềm Hộ tịch", "roles": ["reception"] });
    let made = head.post("/api/v1/tokens", &asked).unwrap().json();

    let dir = tempfile::Builder::new().prefix("motcua-client-").tempdir().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("client");
    let tools = here.join("node_modules/.bin");
    assert!(tools.is_dir(), "the generator is missing: run npm ci in tests/client");
    fs::write(dir.path().join("openapi.json"), &described.body).unwrap();
    for file in ["story.ts", "tsconfig.json"] {
        fs::copy(here.join(file), dir.path().join(file)).unwrap();
    }
    run(dir.path(), &tools.join("openapi-ts"), &["-i", "openapi.json", "-o", "api"]);
    run(dir.path(), &tools.join("tsc"), &["--project", ".", "--outDir", "out"]);
    let base = format!("http://{}", site.page);
    let said = run(
        dir.path(),
        Path::new("node"),
        &["out/story.js", &base, made["token"].as_str().unwrap()],
    );
    assert!(said.ends_with("all of it holds\n"), "{said}");
}

/// Runs a tool to its good end; what it said.
fn run(dir: &Path, tool: &Path, arguments: &[&str]) -> String {
    let output = Command::new("timeout")
        .args(["--kill-after=5", "120"])
        .arg(tool)
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?}:\n{said}\n{words}", tool.display());
    said
}
