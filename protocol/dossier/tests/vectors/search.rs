//! Vietnamese search.

mod vectors {
    use crate::{each, same};
    use motcua_dossier::search::{Person, fold, rank, same_marks};
    use serde_json::{Value, json};

    const FILE: &str = "search-fold.json";

    #[test]
    fn text_is_folded() {
        each(FILE, Some("fold"), |case| {
            same(json!(fold(case["text"].as_str().unwrap())), case["expect"].clone())
        });
    }

    #[test]
    fn marks_are_compared() {
        each(FILE, Some("same_marks"), |case| {
            let text = |name: &str| case[name].as_str().unwrap();
            same(json!(same_marks(text("a"), text("b"))), case["expect"].clone())
        });
    }

    #[test]
    fn people_are_ranked() {
        each(FILE, Some("rank"), |case| {
            let people: &Vec<Value> = case["people"].as_array().unwrap();
            let person = |one: &'static str, at: usize| people[at][one].as_str();
            let all = (0..people.len()).map(|at| Person {
                name: person("name", at).unwrap(),
                id_number: person("cccd", at),
            });
            let found = rank(case["query"].as_str().unwrap(), all);
            let ids: Vec<&Value> = found.into_iter().map(|at| &people[at]["id"]).collect();
            same(json!(ids), case["expect"].clone())
        });
    }
}
