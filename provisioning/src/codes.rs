//! Organisation codes for dossier codes (*mã định danh*, level 1 first, QĐ 20/2020/QĐ-TTg). The
//! real ones of the new units are not published; these are invented and every output says so.

use crate::outcome::Failure;
use std::collections::HashMap;

/// What every output says of invented codes.
pub const INVENTED: &str = "organisation codes for dossier codes are invented, not official; \
                            replace them before real use";

/// Groups after the prefix that a dossier code may have.
const GROUPS: usize = 3;

/// Invents a code for each (code, parent code): `PREFIX.00` for the top, `PREFIX.01` and on for
/// those below it, `PREFIX.01.01` below those, in the order of the list; groups have three digits
/// where there are more than 99 siblings.
///
/// # Errors
/// [`Failure`] if the prefix is not like `H29`, or an office lies too deep for such a code.
pub fn invent<'a>(
    offices: &[(&'a str, Option<&'a str>)],
    prefix: &str,
) -> Result<HashMap<&'a str, String>, Failure> {
    check_prefix(prefix)?;
    let mut below: HashMap<Option<&str>, Vec<&'a str>> = HashMap::new();
    for (code, parent) in offices {
        below.entry(*parent).or_default().push(code);
    }
    let mut codes = HashMap::with_capacity(offices.len());
    let mut open: Vec<(&str, String, usize)> = Vec::new();
    for top in below.get(&None).into_iter().flatten() {
        codes.insert(*top, format!("{prefix}.00"));
        open.push((top, prefix.to_owned(), 0));
    }
    while let Some((code, stem, depth)) = open.pop() {
        let children = below.get(&Some(code)).map_or(&[][..], Vec::as_slice);
        if depth >= GROUPS && !children.is_empty() {
            let message = format!("offices below {code} lie too deep for an organisation code");
            return Err(Failure::failed(message));
        }
        if children.len() > 999 {
            let message = format!(
                "{} offices lie directly below {code}, at most 999 can be numbered",
                children.len()
            );
            return Err(Failure::failed(message));
        }
        let width = if children.len() > 99 { 3 } else { 2 };
        for (number, child) in (1..).zip(children) {
            let own = format!("{stem}.{number:0width$}");
            codes.insert(*child, own.clone());
            open.push((child, own, depth + 1));
        }
    }
    Ok(codes)
}

fn check_prefix(prefix: &str) -> Result<(), Failure> {
    let shaped = match prefix.as_bytes() {
        [letter, first, second] => {
            letter.is_ascii_uppercase() && first.is_ascii_digit() && second.is_ascii_digit()
        }
        _ => false,
    };
    if shaped {
        return Ok(());
    }
    Err(Failure::usage(format!("{prefix:?} is not a prefix of organisation codes, such as H29")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn codes_follow_the_tree_and_are_unique() {
        let list = [
            ("79", None),
            ("760", Some("79")),
            ("1", Some("760")),
            ("2", Some("760")),
            ("778", Some("79")),
        ];
        let codes = invent(&list, "H29").unwrap();
        let shown: Vec<&str> = list.iter().map(|(code, _)| codes[code].as_str()).collect();
        assert_eq!(shown, ["H29.00", "H29.01", "H29.01.01", "H29.01.02", "H29.02"]);
    }

    #[test]
    fn more_than_99_siblings_get_three_digits() {
        let names: Vec<String> = (0..168).map(|number| number.to_string()).collect();
        let mut list = vec![("top", None)];
        list.extend(names.iter().map(|name| (name.as_str(), Some("top"))));
        let codes = invent(&list, "H29").unwrap();
        assert_eq!((codes["0"].as_str(), codes["167"].as_str()), ("H29.001", "H29.168"));
    }

    #[test]
    fn a_bad_prefix_and_a_deep_tree_are_refused() {
        for prefix in ["", "29", "h29", "H290", "H29.1"] {
            assert!(invent(&[("1", None)], prefix).is_err(), "{prefix}");
        }
        let deep =
            [("1", None), ("2", Some("1")), ("3", Some("2")), ("4", Some("3")), ("5", Some("4"))];
        assert!(invent(&deep, "H29").unwrap_err().message.contains("below 4 lie too deep"));
    }
}
