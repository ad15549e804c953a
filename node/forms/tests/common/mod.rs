//! A receipt to print, and a picture of what was laid out.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used)]

use jiff::civil::{DateTime, date};
use motcua_forms::{
    edition::Form,
    lay_out,
    layout::{Item, Layout, Page},
    model::{Data, Dossier, Paper as Handed, Printing, Subject},
    paper::Paper,
};
use serde_json::Value;

/// `tests/data/p10-bien-nhan-dai.json`: a receipt with very long names.
pub fn long_receipt() -> Data {
    let json: Value = serde_json::from_str(include_str!("../data/p10-bien-nhan-dai.json")).unwrap();
    let text = |key: &str| json[key].as_str().unwrap().to_owned();
    let local = |key: &str| text(key).trim_end_matches("+07:00").parse::<DateTime>().unwrap();
    let paper = |name: &str, original, count| Handed { name: name.into(), original, count };
    let dossier = Dossier {
        code: text("ma_ho_so"),
        procedure: text("ma_tthc"),
        procedure_name: text("ten_tthc"),
        term: "05 ngày làm việc".into(),
        applicant: text("nguoi_nop"),
        applicant_id: text("dinh_danh"),
        address: "Số 1 đường Mẫu, Phường Bình Hưng Hòa B, Thành phố Hồ Chí Minh".into(),
        phone: "0909 000 111".into(),
        papers: vec![
            paper("Tờ khai đăng ký khai tử", true, 1),
            paper("Giấy báo tử hoặc giấy tờ thay thế giấy báo tử", true, 1),
            paper("Văn bản ủy quyền (nếu có)", false, 2),
        ],
        fee: json["phi"][0]["so_tien"].as_u64(),
        received: Some(local("nhan_luc")),
        due: vec![local("hen_tra")],
        collect: text("co_quan"),
        desk: text("co_quan"),
        ..Dossier::default()
    };
    Data {
        office: text("co_quan"),
        above: "Ủy ban nhân dân Thành phố Hồ Chí Minh".into(),
        place: "Thành phố Hồ Chí Minh".into(),
        system: "Một Cửa, Thành phố Hồ Chí Minh".into(),
        issued: date(2026, 11, 25).at(10, 41, 0, 0),
        printing: Printing::Number(1),
        clerk: "Nguyễn Thị Mẫu".into(),
        subject: Subject::One(Box::new(dossier)),
    }
}

/// Changes the dossier.
pub fn with(change: impl FnOnce(&mut Dossier)) -> Data {
    let mut data = long_receipt();
    if let Subject::One(dossier) = &mut data.subject {
        change(dossier);
    }
    data
}

/// Stands in for a signature: as long as a real one.
pub fn sign(text: &str) -> String {
    format!("0123abcd.{:0>86}", text.len())
}

/// A receipt.
pub fn receipt(data: &Data, paper: Paper) -> Layout {
    lay_out(Form::Receipt, data, paper, &sign).unwrap()
}

/// The papers of a receipt and the resolution of what usually prints on them.
pub const PRINTERS: [(Paper, f64); 3] =
    [(Paper::Roll80, 203.0), (Paper::A5, 300.0), (Paper::A4, 300.0)];

/// A one-bit picture.
pub struct Picture {
    pub wide: usize,
    pub high: usize,
    pub black: Vec<bool>,
}

impl Picture {
    /// The boxes in the upper part of a page, where the codes are, as a printer sets its dots: those whose middle is inside. `phase` moves all by
    /// a part of a dot.
    pub fn of(page: &Page, dots_per_inch: f64, scale: f64, phase: f64) -> Self {
        let dots = dots_per_inch / 25.4 * scale;
        let dot = |at: f64| (at * dots + phase - 0.5).ceil().max(0.0) as usize;
        let (wide, high) = (dot(page.width) + 2, dot(page.height.min(110.0)) + 2);
        let mut picture = Self { wide, high, black: vec![false; wide * high] };
        for item in &page.items {
            let Item::Box { x, y, wide, high } = item else { continue };
            for row in dot(*y)..dot(y + high).min(picture.high - 1) {
                for column in dot(*x)..dot(x + wide) {
                    picture.black[row * picture.wide + column] = true;
                }
            }
        }
        picture
    }

    /// Every run of black dots one dot longer, to the right and downwards.
    pub fn widened(&self) -> Self {
        let mut black = self.black.clone();
        for (place, _) in self.black.iter().enumerate().filter(|(_, black)| **black) {
            // The last row and column are white.
            for next in [place + 1, place + self.wide, place + self.wide + 1] {
                black[next] = true;
            }
        }
        Self { wide: self.wide, high: self.high, black }
    }

    /// What a reader of QR codes reads, if anything.
    pub fn read(&self) -> Option<String> {
        let dark = |x: usize, y: usize| if self.black[y * self.wide + x] { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(self.wide, self.high, dark);
        let grids = image.detect_grids();
        grids.iter().find_map(|grid| grid.decode().ok()).map(|(_, text)| text)
    }
}
