//! The test sheet of a printer and a scanner: a ruler to be measured, every kind of letter, a bar code and a QR code
//! whose content is known. It is of no dossier and is not counted.

use crate::{
    blocks::{bars, draw_qr},
    font::Face,
    layout::{Align, Flow, Layout},
    paper::Paper,
    qr,
    wrap::span,
};

/// What the bar code says: twelve digits with Damm's check digit, of no shape that a dossier's code has.
pub const DIGITS: &str = "90000123456787";
/// What the QR code says: the line of an identity card of nobody.
pub const CARD: &str =
    "000000000000||Nguyễn Thị Mẫu Đặng|01011990|Nữ|12/3 Lê Lợi, Bến Nghé, TP. Hồ Chí Minh|01012021";
/// Length of the rulers, millimetres.
pub const RULER: f64 = 100.0;
/// Length of the ruler across a roll, on which a hundred do not fit.
pub const SHORT_RULER: f64 = 60.0;

/// Thickness of a ruler's lines: two dots at 203 to the inch.
const LINE: f64 = 0.25;
const LETTERS: [&str; 2] = [
    "ă â đ ê ô ơ ư Ă Â Đ Ê Ô Ơ Ư",
    "ằ ẳ ẵ ắ ặ ầ ẩ ẫ ấ ậ ề ể ễ ế ệ ồ ổ ỗ ố ộ ờ ở ỡ ớ ợ ừ ử ữ ứ ự ỳ ỷ ỹ ý ỵ",
];

/// The sheet, for a machine of this office and a time in words.
pub fn sheet(paper: Paper, office: &str, time: &str) -> Layout {
    let mut flow = Flow::new(paper);
    let inner = flow.sheet;
    let (text, small, title) = (inner.text, inner.small, inner.title);
    flow.text(&[span(Face::Bold, "TRANG IN THỬ")], title, Align::Middle);
    flow.text(&[span(Face::Regular, &format!("{office} – {time}"))], small, Align::Middle);
    flow.gap(2.0);
    let across = if inner.inner() >= RULER { RULER } else { SHORT_RULER };
    let ask = format!(
        "Đo bằng thước thật: vạch ngang dài đúng {across:.0} mm, vạch dọc dài đúng {RULER:.0} mm. Nếu không đúng, đặt tỷ lệ in \
         100 % (không “vừa trang giấy”)."
    );
    flow.text(&[span(Face::Regular, &ask)], text, Align::Left);
    flow.gap(2.0);
    let (x, y) = (inner.left, flow.y);
    ruler(&mut flow, (x, y), across, true);
    let down = y + 6.0;
    ruler(&mut flow, (x, down), RULER, false);
    // The rest stands beside the ruler that goes down, so that all of it is on one A5.
    flow.sheet.left = x + 10.0;
    flow.y = down;
    for letters in LETTERS {
        flow.text(&[span(Face::Regular, letters)], text, Align::Left);
        flow.text(&[span(Face::Bold, letters)], small, Align::Left);
    }
    flow.text(&[span(Face::Regular, "Mọi chữ phải rõ dấu, không có ô vuông.")], small, Align::Left);
    flow.gap(2.0);
    flow.text(&[span(Face::Bold, "Quét mã vạch này ở trang Thiết lập quầy:")], small, Align::Left);
    bars(&mut flow, DIGITS);
    flow.gap(2.0);
    flow.text(&[span(Face::Bold, "Quét mã QR này (thẻ căn cước mẫu):")], small, Align::Left);
    let said = qr::of_text(CARD);
    if let Some(qr) = &said {
        let side = draw_qr(&mut flow, qr);
        flow.gap(side);
    }
    flow.sheet.left = x;
    Layout {
        title: "Trang in thử".into(),
        paper,
        pages: flow.finish("Trang in thử"),
        qr: said.map(|qr| qr.text),
        digits: Some(DIGITS.into()),
    }
}

/// A line with a tick at each centimetre, the outer edges of the first and last of which are `long` apart.
fn ruler(flow: &mut Flow, (x, y): (f64, f64), long: f64, is_across: bool) {
    let mut fill = |along: f64, aside: f64, wide: f64, high: f64| match is_across {
        true => flow.fill(x + along, y + aside, wide, high),
        false => flow.fill(x + aside, y + along, high, wide),
    };
    fill(0.0, 0.0, long, LINE);
    let ticks = (long / 10.0).round() as u32;
    for tick in 0..=ticks {
        let at = match tick {
            0 => 0.0,
            _ if tick == ticks => long - LINE,
            _ => f64::from(tick) * 10.0 - LINE / 2.0,
        };
        fill(at, 0.0, LINE, if tick == 0 || tick == ticks { 5.0 } else { 2.5 });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::layout::Item;

    const PAPERS: [Paper; 3] = [Paper::A4, Paper::A5, Paper::Roll80];

    #[test]
    fn the_rulers_are_as_long_as_the_sheet_says_on_every_paper() {
        for paper in PAPERS {
            let layout = sheet(paper, "Phường Mẫu", "10:00 01/12/2026");
            let boxes = layout.pages[0].items.iter().filter_map(|item| match item {
                Item::Box { wide, high, .. } => Some((*wide, *high)),
                Item::Text { .. } => None,
            });
            let lines: Vec<(f64, f64)> =
                boxes.filter(|(wide, high)| wide.max(*high) >= 50.0).collect();
            let across = if paper == Paper::Roll80 { SHORT_RULER } else { RULER };
            assert_eq!(lines, [(across, LINE), (LINE, RULER)], "{paper:?}");
            assert!(
                layout
                    .text()
                    .replace('\n', " ")
                    .contains(&format!("ngang dài đúng {across:.0} mm"))
            );
        }
    }

    #[test]
    fn the_sheet_is_one_page_within_its_paper_and_says_what_its_codes_say() {
        for paper in PAPERS {
            let layout = sheet(paper, &"Ủy ban nhân dân ".repeat(8), "10:00 01/12/2026");
            assert_eq!(layout.pages.len(), 1, "{paper:?}");
            assert_eq!(
                (layout.qr.as_deref(), layout.digits.as_deref()),
                (Some(CARD), Some(DIGITS))
            );
            let right = paper.sheet().right;
            for item in &layout.pages[0].items {
                let (end, low) = match item {
                    Item::Box { x, y, wide, high } => (x + wide, y + high),
                    Item::Text { x, y, size, face, text } => (x + face.width(text, *size), *y),
                };
                assert!(end <= right + 0.01, "{paper:?}: {item:?}");
                assert!(low <= layout.pages[0].height, "{paper:?}: {item:?}");
            }
        }
    }

    #[test]
    fn the_digits_have_their_check_digit_and_are_no_dossiers() {
        assert!(DIGITS.len().is_multiple_of(2), "set C");
        assert!(
            motcua_dossier::digits::is_checked(DIGITS),
            "a scanner that misreads one is found out"
        );
        assert_eq!(motcua_dossier::digits::read(DIGITS), None);
        let card = motcua_dossier::card::read(CARD);
        assert!(card.is_ok(), "{card:?}");
    }
}
