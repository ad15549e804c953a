//! Whether a number is shown as a date, which is all that tells a date from a number in a workbook.

/// The formats that have a number and no text (ECMA-376 part 1, 18.8.30, with those of East Asia).
pub(super) fn is_built_in_date(id: u32) -> bool {
    matches!(id, 14..=22 | 27..=36 | 45..=47 | 50..=58)
}

/// A format such as `dd/mm/yyyy` or `[$-42A]d/m/yy;@`.
pub(super) fn is_date(code: &str) -> bool {
    if code.eq_ignore_ascii_case("general") {
        return false;
    }
    let mut letters = code.chars();
    while let Some(letter) = letters.next() {
        match letter {
            // Text, one letter of text, a filling letter, a gap.
            '"' => while letters.next().is_some_and(|letter| letter != '"') {},
            '\\' | '*' | '_' => {
                letters.next();
            }
            '[' => {
                let inside: String = letters.by_ref().take_while(|letter| *letter != ']').collect();
                let is_span = matches!(
                    inside.to_ascii_lowercase().as_str(),
                    "h" | "hh" | "m" | "mm" | "s" | "ss"
                );
                if is_span {
                    return true;
                }
            }
            // Numbers below zero, and text, have formats of their own.
            ';' => return false,
            'd' | 'm' | 'y' | 'h' | 's' | 'D' | 'M' | 'Y' | 'H' | 'S' => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_from_numbers_by_their_format() {
        for code in ["dd/mm/yyyy", "m/d/yy", "[$-42A]d/m/yyyy;@", "[h]:mm", "\"ngày\" d", "YYYY"] {
            assert!(is_date(code), "{code}");
        }
        for code in
            ["General", "0", "#,##0\"đ\"", "0.00E+00", "[Red]0;[Blue]-0", "\\d0", "@", "_d0"]
        {
            assert!(!is_date(code), "{code}");
        }
        assert!(is_built_in_date(14) && !is_built_in_date(0) && !is_built_in_date(49));
    }
}
