//! Papers, and where on them a form stands.

use crate::limits::DOTS_PER_MM;
use serde::{Deserialize, Serialize};

/// A paper that a form is printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Paper {
    /// ISO A4, upright.
    #[serde(rename = "a4")]
    A4,
    /// ISO A4, lying: for tables of many columns.
    #[serde(rename = "a4-wide")]
    A4Wide,
    /// ISO A5, upright.
    #[serde(rename = "a5")]
    A5,
    /// A roll of 80 mm, of which 72 mm can be printed on.
    #[serde(rename = "80")]
    Roll80,
}

impl Paper {
    /// All papers.
    pub const ALL: [Self; 4] = [Self::A4, Self::A4Wide, Self::A5, Self::Roll80];

    /// As it stands in addresses and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::A4 => "a4",
            Self::A4Wide => "a4-wide",
            Self::A5 => "a5",
            Self::Roll80 => "80",
        }
    }

    /// From its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|paper| paper.word() == word)
    }

    /// Where a form stands on it.
    pub fn sheet(self) -> Sheet {
        match self {
            Self::A4 => A4,
            Self::A4Wide => A4_WIDE,
            Self::A5 => A5,
            Self::Roll80 => ROLL,
        }
    }
}

/// Measures of a sheet, all in millimetres. `right` and `bottom` are where content ends: within the
/// paper divided by 1.1, so that a print at 110 % loses nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sheet {
    /// Width of the paper.
    pub width: f64,
    /// Height of the paper; none for a roll, which is cut behind the content.
    pub height: Option<f64>,
    /// Where content begins.
    pub left: f64,
    /// Where content begins on every page.
    pub top: f64,
    /// Where content ends on the right.
    pub right: f64,
    /// Where content ends below.
    pub bottom: f64,
    /// Size of the text.
    pub text: f64,
    /// Size of small print.
    pub small: f64,
    /// Size of the title.
    pub title: f64,
    /// One module of a QR code: six dots at 300 to the inch, four at 203; on a roll five at 203.
    pub module: f64,
    /// One module of a QR code that would be wider than the content.
    pub small_module: f64,
    /// One module of a bar code: four dots at 203 to the inch, on a roll three.
    pub bar: f64,
    /// Whether the agency stands left of the national motto rather than below it.
    pub two_columns: bool,
}

impl Sheet {
    /// Width of the content.
    pub fn inner(&self) -> f64 {
        self.right - self.left
    }
}

const SIX_DOTS: f64 = 6.0 * 25.4 / 300.0;

const A4: Sheet = Sheet {
    width: 210.0,
    height: Some(297.0),
    left: 22.0,
    top: 14.0,
    right: 187.0,
    bottom: 265.0,
    text: 3.8,
    small: 2.9,
    title: 5.2,
    module: SIX_DOTS,
    small_module: SIX_DOTS,
    bar: 4.0 / DOTS_PER_MM,
    two_columns: true,
};

const A4_WIDE: Sheet = Sheet {
    width: 297.0,
    height: Some(210.0),
    left: 15.0,
    right: 266.0,
    top: 12.0,
    bottom: 186.0,
    text: 3.3,
    small: 2.9,
    ..A4
};

const A5: Sheet = Sheet {
    width: 148.0,
    height: Some(210.0),
    left: 10.0,
    top: 8.0,
    right: 130.5,
    bottom: 186.0,
    text: 3.0,
    small: 2.5,
    title: 4.2,
    two_columns: false,
    ..A4
};

const ROLL: Sheet = Sheet {
    width: 80.0,
    height: None,
    left: 4.5,
    top: 3.0,
    right: 68.9,
    bottom: f64::INFINITY,
    text: 3.3,
    small: 2.9,
    title: 4.2,
    module: 5.0 / DOTS_PER_MM,
    small_module: 4.0 / DOTS_PER_MM,
    bar: 3.0 / DOTS_PER_MM,
    two_columns: false,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{
        DOTS_PER_MM, EDGE, GROWTH, LARGEST_SCALE, MODULE_DOTS, QR_VERSION_MOST, QUIET,
        ROLL_PRINTABLE, SMALLEST_SCALE,
    };

    #[test]
    fn no_module_is_under_three_dots_even_when_shrunk() {
        for paper in Paper::ALL {
            let dark = paper.sheet().small_module - GROWTH;
            let dots = dark * SMALLEST_SCALE * DOTS_PER_MM;
            assert!(dots >= MODULE_DOTS, "{}: {dots} dots", paper.word());
        }
    }

    #[test]
    fn the_largest_qr_fits_every_paper() {
        let modules = 17.0 + 4.0 * f64::from(QR_VERSION_MOST) + 2.0 * f64::from(QUIET);
        for paper in Paper::ALL {
            let sheet = paper.sheet();
            assert!(modules * sheet.small_module <= sheet.inner(), "{}", paper.word());
        }
    }

    #[test]
    fn a_print_at_110_percent_stays_on_the_paper() {
        for paper in Paper::ALL {
            let sheet = paper.sheet();
            let roll = paper == Paper::Roll80;
            let right = if roll { ROLL_PRINTABLE.1 } else { sheet.width - EDGE };
            assert!(sheet.right * LARGEST_SCALE <= right, "{}", paper.word());
            if let Some(height) = sheet.height {
                assert!(sheet.bottom * LARGEST_SCALE <= height - EDGE, "{}", paper.word());
            }
        }
    }

    #[test]
    fn the_right_of_a_roll_is_within_72_millimetres() {
        let sheet = Paper::Roll80.sheet();
        assert!(sheet.left >= ROLL_PRINTABLE.0 && sheet.right <= ROLL_PRINTABLE.1);
    }
}
