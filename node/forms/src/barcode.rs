//! Code 128, set C (ISO/IEC 15417): an even number of digits as bars.

const START_C: usize = 105;
const STOP: &str = "2331112";

/// Widths of bars and spaces of each value, in modules.
const VALUES: [&str; 106] = [
    "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212",
    "221213", "221312", "231212", "112232", "122132", "122231", "113222", "123122", "123221",
    "223211", "221132", "221231", "213212", "223112", "312131", "311222", "321122", "321221",
    "312212", "322112", "322211", "212123", "212321", "232121", "111323", "131123", "131321",
    "112313", "132113", "132311", "211313", "231113", "231311", "112133", "112331", "132131",
    "113123", "113321", "133121", "313121", "211331", "231131", "213113", "213311", "213131",
    "311123", "311321", "331121", "312113", "312311", "332111", "314111", "221411", "431111",
    "111224", "111422", "121124", "121421", "141122", "141221", "112214", "112412", "122114",
    "122411", "142112", "142211", "241211", "221114", "413111", "241112", "134111", "111242",
    "121142", "121241", "114212", "124112", "124211", "411212", "421112", "421211", "212141",
    "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311",
    "113141", "114131", "311141", "411131", "211412", "211214", "211232",
];

/// Bars as (first module, modules), and how many modules there are in all. None unless the digits are
/// digits and even in number.
pub(crate) fn bars(digits: &str) -> Option<(Vec<(u32, u32)>, u32)> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let mut values = vec![START_C];
    for at in (0..digits.len()).step_by(2) {
        values.push(digits.get(at..at + 2)?.parse().ok()?);
    }
    let sum = values.iter().enumerate().map(|(place, value)| place.max(1) * value).sum::<usize>();
    values.push(sum % 103);
    let widths = values.iter().map(|value| VALUES[*value]).chain([STOP]).flat_map(str::bytes);
    let (mut bars, mut at) = (Vec::new(), 0);
    let mut dark = true;
    for width in widths.map(|digit| u32::from(digit - b'0')) {
        if dark {
            bars.push((at, width));
        }
        (at, dark) = (at + width, !dark);
    }
    Some((bars, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_even_number_of_digits_has_bars() {
        assert_eq!((bars(""), bars("1"), bars("12a4"), bars("é")), (None, None, None, None));
        let (bars, wide) = bars("12").expect("bars");
        assert_eq!((bars.len(), wide), (3 * 3 + 4, 11 * 3 + 13));
    }

    #[test]
    fn every_value_is_eleven_modules_wide_and_no_two_look_the_same() {
        let mut seen = std::collections::BTreeSet::new();
        for value in VALUES {
            assert_eq!(
                value.bytes().map(|digit| u32::from(digit - b'0')).sum::<u32>(),
                11,
                "{value}"
            );
            assert!(seen.insert(value));
        }
    }
}
