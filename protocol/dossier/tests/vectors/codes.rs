//! Dossier codes.

mod vectors {
    use crate::{each, same};
    use motcua_dossier::{
        code::{Code, CodeError, Layout},
        local,
    };
    use serde_json::{Value, json};

    const FILE: &str = "dossier-codes.json";

    fn refused(error: CodeError) -> Value {
        let word = match error {
            CodeError::Empty => "empty",
            CodeError::TooLong => "too_long",
            CodeError::Charset => "charset",
            CodeError::Parts => "parts",
            CodeError::Org => "org",
            CodeError::Date => "date",
            CodeError::Seq => "seq",
        };
        json!({ "error": word })
    }

    #[test]
    fn codes_are_read() {
        each(FILE, Some("read"), |case| {
            let text = case["text"].as_str().unwrap();
            let got = Code::read(text).map_or_else(refused, |code| {
                assert_eq!(code.to_string(), text);
                let layout = match code.layout {
                    Layout::New => "new",
                    Layout::Old => "old",
                    Layout::Other => "other",
                };
                json!({
                    "org": code.org,
                    "date": code.day.to_string(),
                    "seq": code.seq,
                    "layout": layout,
                    "writable": code.is_writable(),
                })
            });
            same(got, case["expect"].clone())
        });
    }

    #[test]
    fn codes_are_written() {
        each(FILE, Some("write"), |case| {
            let input = &case["input"];
            let seq = input["seq"].as_i64().and_then(|seq| u32::try_from(seq).ok()).unwrap_or(0);
            let received = local::of_text(input["received"].as_str().unwrap()).unwrap();
            let received = local::to_millis(received).unwrap();
            let got = Code::write(input["org"].as_str().unwrap(), received, seq);
            same(got.map_or_else(refused, |code| json!({ "code": code })), case["expect"].clone())
        });
    }
}
