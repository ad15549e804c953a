//! Amounts in Vietnamese words, as a receipt says them beside the digits.

const DIGITS: [&str; 10] = ["không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"];
/// Names of thousands and what comes above, from the right.
const GROUPS: [&str; 7] = ["", "nghìn", "triệu", "tỷ", "nghìn tỷ", "triệu tỷ", "tỷ tỷ"];

/// `1250000` as `Một triệu hai trăm năm mươi nghìn đồng`.
pub fn words(amount: u64) -> String {
    let mut groups = Vec::new();
    let mut rest = amount;
    while rest > 0 {
        groups.push((rest % 1_000) as usize);
        rest /= 1_000;
    }
    let mut parts: Vec<&str> = Vec::new();
    for (place, group) in groups.iter().enumerate().rev().filter(|(_, group)| **group > 0) {
        read(*group, place + 1 < groups.len(), &mut parts);
        parts.push(GROUPS[place]);
    }
    if parts.is_empty() {
        parts.push(DIGITS[0]);
    }
    parts.push("đồng");
    let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Three digits; behind others the hundreds are said though there are none.
fn read(group: usize, behind: bool, parts: &mut Vec<&str>) {
    let (hundreds, tens, ones) = (group / 100, group / 10 % 10, group % 10);
    if hundreds > 0 || behind {
        parts.extend([DIGITS[hundreds], "trăm"]);
    }
    match tens {
        0 if ones > 0 && (hundreds > 0 || behind) => parts.push("linh"),
        0 => {}
        1 => parts.push("mười"),
        tens => parts.extend([DIGITS[tens], "mươi"]),
    }
    match (tens, ones) {
        (_, 0) => {}
        (2.., 1) => parts.push("mốt"),
        (1.., 5) => parts.push("lăm"),
        (_, ones) => parts.push(DIGITS[ones]),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn amounts_are_said_as_people_say_them() {
        for (amount, said) in [
            (0, "Không đồng"),
            (15, "Mười lăm đồng"),
            (21, "Hai mươi mốt đồng"),
            (105, "Một trăm linh năm đồng"),
            (8_000, "Tám nghìn đồng"),
            (1_005, "Một nghìn không trăm linh năm đồng"),
            (55_500, "Năm mươi lăm nghìn năm trăm đồng"),
            (1_250_000, "Một triệu hai trăm năm mươi nghìn đồng"),
            (2_000_001, "Hai triệu không trăm linh một đồng"),
            (100_000_000_000, "Một trăm tỷ đồng"),
            (1_011_111, "Một triệu không trăm mười một nghìn một trăm mười một đồng"),
        ] {
            assert_eq!(words(amount), said, "{amount}");
        }
    }
}
