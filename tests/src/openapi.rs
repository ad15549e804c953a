//! Answers held against a description in OpenAPI: the part of JSON Schema that ours uses, and stricter in one
//! thing: what is answered and not described is a fault too.

use crate::http::Answer;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A description, and which of its operations were asked.
#[derive(Debug)]
pub struct Described {
    file: Value,
    asked: BTreeSet<(String, String)>,
    faults: Vec<String>,
}

impl Described {
    /// Of this file.
    pub fn new(file: Value) -> Self {
        Self { file, asked: BTreeSet::new(), faults: Vec::new() }
    }

    /// Holds an answer against the description of its route (as it stands in the file) and method.
    pub fn see(&mut self, method: &str, route: &str, answer: &Answer) {
        self.asked.insert((route.to_owned(), method.to_owned()));
        let (status, place) = (answer.status, format!("{method} {route} {}", answer.status));
        let described = self.file["paths"][route][method]["responses"].get(status.to_string());
        let Some(described) = described.map(|one| self.resolved(one).clone()) else {
            self.faults.push(format!("{place} is not described: {}", answer.text()));
            return;
        };
        let schema = &described["content"]["application/json"]["schema"];
        if !schema.is_null() {
            let mut faults = Vec::new();
            self.check(schema, &answer.json(), &place, &mut faults);
            self.faults.extend(faults);
        }
    }

    /// What was answered and not described so, and operations that nobody asked, but for those named.
    pub fn faults(&self, not_asked: &[(&str, &str)]) -> Vec<String> {
        let mut faults = self.faults.clone();
        for (route, item) in self.file["paths"].as_object().into_iter().flatten() {
            for method in item.as_object().into_iter().flat_map(Map::keys) {
                let asked = self.asked.contains(&(route.clone(), method.clone()));
                let left = not_asked.contains(&(method, route)) || method == "parameters";
                if asked == left && method != "parameters" {
                    faults.push(format!("{method} {route}: asked {asked}, left out {left}"));
                }
            }
        }
        faults
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(path) => self.file.pointer(path.trim_start_matches('#')).unwrap_or(&Value::Null),
            None => schema,
        }
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        let schema = self.resolved(schema);
        if let Some(all) = schema["oneOf"].as_array() {
            let fits = |one: &&Value| {
                let mut faults = Vec::new();
                self.check(one, value, at, &mut faults);
                faults.is_empty()
            };
            if all.iter().filter(fits).count() != 1 {
                faults.push(format!("{at}: {value} is none of what it may be, or several"));
            }
            return;
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let fits = |name: &&str| match *name {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "null" => value.is_null(),
            _ => false,
        };
        if !types.is_empty() && !types.iter().any(fits) {
            faults.push(format!("{at}: {value} is not {types:?}"));
            return;
        }
        if let Some(known) = schema["enum"].as_array()
            && !known.contains(value)
            && !(value.is_null() && types.contains(&"null"))
        {
            faults.push(format!("{at}: {value} is not one of {known:?}"));
        }
        if schema.get("const").is_some_and(|only| only != value) {
            faults.push(format!("{at}: {value} is not {}", schema["const"]));
        }
        for (at_item, item) in value.as_array().into_iter().flatten().enumerate() {
            self.check(&schema["items"], item, &format!("{at}[{at_item}]"), faults);
        }
        if let Some(object) = value.as_object() {
            self.check_object(schema, object, at, faults);
        }
    }

    fn check_object(
        &self,
        schema: &Value,
        object: &Map<String, Value>,
        at: &str,
        faults: &mut Vec<String>,
    ) {
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if !object.contains_key(name) {
                faults.push(format!("{at}: {name} is missing"));
            }
        }
        let others = &schema["additionalProperties"];
        for (name, value) in object {
            let at = format!("{at}.{name}");
            match schema["properties"].get(name) {
                Some(described) => self.check(described, value, &at, faults),
                None if others.is_object() => self.check(others, value, &at, faults),
                None if schema["properties"].is_object() && *others != true => {
                    faults.push(format!("{at} is not described"));
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn whatever_differs_from_its_description_is_a_fault() {
        let file = json!({ "paths": { "/a": { "get": { "responses": { "200": {
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/A" } } }
        } } } } }, "components": { "schemas": { "A": {
            "type": "object", "required": ["n"], "properties": {
                "n": { "type": "integer" },
                "word": { "type": ["string", "null"], "enum": ["x", "y"] },
                "either": { "oneOf": [{ "type": "string" }, { "type": "null" }] },
            }
        } } } });
        let faults = |status: u16, body: Value| {
            let mut described = Described::new(file.clone());
            let body = body.to_string().into_bytes();
            described.see("get", "/a", &Answer { status, body, ..Answer::default() });
            described.faults(&[]).len()
        };
        assert_eq!(faults(200, json!({ "n": 1, "word": null, "either": "z" })), 0);
        assert_eq!(faults(404, json!({})), 1);
        for wrong in [
            json!({}),
            json!([]),
            json!({ "n": "1" }),
            json!({ "n": 1, "word": "z" }),
            json!({ "n": 1, "either": 1 }),
            json!({ "n": 1, "more": 1 }),
        ] {
            assert_eq!(faults(200, wrong.clone()), 1, "{wrong}");
        }
        assert_eq!(Described::new(file).faults(&[]).len(), 1, "nobody asked");
    }
}
