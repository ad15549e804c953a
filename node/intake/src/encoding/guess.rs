//! Which table a file is in, and how sure that is.

use super::{Encoding, Words, decode, words};

/// One reading of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guess {
    /// By which table.
    pub encoding: Encoding,
    /// Words with marks that can be Vietnamese when read by it.
    pub words: Words,
}

impl Guess {
    /// How sure, in percent. A file without any marks is sure in every table.
    pub fn percent(self) -> u32 {
        self.words.well() / 10
    }
}

/// Readings of some cells of a file, the likeliest first.
pub fn guess<'a>(cells: impl Iterator<Item = &'a [u8]>) -> Vec<Guess> {
    let tables = [Encoding::Utf8].into_iter().chain(Encoding::OLD);
    let mut all: Vec<Guess> =
        tables.map(|encoding| Guess { encoding, words: Words::default() }).collect();
    for bytes in cells.filter(|bytes| bytes.iter().any(|byte| *byte >= 0x80 || *byte < 0x20)) {
        for guess in &mut all {
            let decoded = decode(bytes, guess.encoding);
            let mut found = words(&decoded.text);
            if !decoded.undefined.is_empty() {
                found = Words { all: found.all.max(1), vietnamese: 0 };
            }
            guess.words = guess.words.and(found);
        }
    }
    // A stable sort: of equals the more usual table.
    all.sort_by_key(|guess| std::cmp::Reverse(guess.words.well()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::encode;

    #[test]
    fn each_table_is_told_from_all_others() {
        let lines = [
            "Nguyễn Văn Mẫu, số 5 đường Lê Lợi",
            "xin cấp bản sao giấy khai sinh",
            "Trần Đăng Ưởng, khu phố Ông Đường, đăng ký kết hôn",
            "Phạm Thị Kỳ Vỹ, tổ 7 ấp Mỹ Thuỷ",
        ];
        for table in [Encoding::Utf8].into_iter().chain(Encoding::OLD) {
            let cells: Vec<Vec<u8>> =
                lines.iter().map(|line| encode(line, table).expect("every letter")).collect();
            let found = guess(cells.iter().map(Vec::as_slice));
            assert_eq!((found[0].encoding, found[0].percent()), (table, 100));
            assert!(found[1].percent() < 80, "{found:?}");
        }
        let plain = guess([b"Pham Van Khong Dau".as_slice()].into_iter());
        assert_eq!((plain[0].encoding, plain[0].percent()), (Encoding::Utf8, 100));
    }
}
