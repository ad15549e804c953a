//! The receipt on its three papers: what is scanned, what is cut, and where everything stands.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{PRINTERS, Picture, long_receipt, receipt, sign, with};
use motcua_forms::{
    edition::Form,
    font::printable,
    html::{self, Places},
    lay_out,
    layout::{Item, Layout},
    limits::{
        DOTS_PER_MM, EDGE, GROWTH, LARGEST_SCALE, MODULE_DOTS, QUIET, ROLL_PRINTABLE,
        SMALLEST_SCALE,
    },
    model::{Paper as Handed, Printing},
    paper::Paper,
};
use unicode_normalization::UnicodeNormalization;

fn boxes(layout: &Layout) -> impl Iterator<Item = (f64, f64, f64, f64)> {
    let items = layout.pages.iter().flat_map(|page| &page.items);
    items.filter_map(|item| match item {
        Item::Box { x, y, wide, high } => Some((*x, *y, *wide, *high)),
        Item::Text { .. } => None,
    })
}

/// Dark runs of the QR code: those of the height of a module.
fn modules(layout: &Layout) -> Vec<(f64, f64, f64, f64)> {
    boxes(layout).filter(|run| is_run(layout.paper, run.3)).collect()
}

fn is_run(paper: Paper, high: f64) -> bool {
    (high - (paper.sheet().module - GROWTH)).abs() < 1e-9
}

/// Everything without blanks: where a line breaks makes no difference.
fn bare(text: &str) -> String {
    printable(text).split_whitespace().collect()
}

#[test]
fn a_receipt_is_scanned_ten_times_of_ten_though_every_dot_grows_and_the_scale_is_wrong() {
    for (paper, dots_per_inch) in PRINTERS {
        let layout = receipt(&long_receipt(), paper);
        for scale in [1.0, SMALLEST_SCALE, LARGEST_SCALE] {
            for phase in 0..10 {
                let phase = f64::from(phase) / 10.0;
                let picture = Picture::of(&layout.pages[0], dots_per_inch, scale, phase);
                let read = picture.widened().read();
                assert_eq!(read, layout.qr, "{} at {scale}, moved {phase}", paper.word());
            }
        }
    }
}

#[test]
fn a_qr_that_had_to_grow_is_scanned_too() {
    let data = with(|dossier| dossier.applicant_id = "0791850012".repeat(30));
    for (paper, dots_per_inch) in PRINTERS {
        let layout = receipt(&data, paper);
        assert!(layout.qr.as_ref().unwrap().len() > 500);
        for phase in 0..10 {
            let phase = f64::from(phase) / 10.0;
            let picture = Picture::of(&layout.pages[0], dots_per_inch, 1.0, phase);
            assert_eq!(picture.widened().read(), layout.qr, "{} moved {phase}", paper.word());
        }
    }
}

#[test]
fn the_qr_of_the_long_receipt_leaves_out_two_names_and_nothing_of_the_minimum() {
    for (paper, _) in PRINTERS {
        let layout = receipt(&long_receipt(), paper);
        let qr = layout.qr.unwrap();
        let parts: Vec<&str> = qr.split('|').collect();
        assert_eq!(parts[..3], ["MC1", "H29.30.105.02-261125-0975", "1.000656.000.00.00.H29"]);
        assert_eq!(parts[3..5], ["079185001234", "Giấy tiếp nhận hồ sơ và hẹn trả kết quả"]);
        assert_eq!(parts[5], "Một Cửa, Thành phố Hồ Chí Minh");
        assert_eq!(parts[6..8], ["2026-11-25T10:41", "2026-12-02T10:41"]);
        assert_eq!((parts[8], parts[9], parts.len()), ("", "", 11));
        let unsigned = qr.rsplit_once('|').unwrap().0;
        assert_eq!(parts[10], sign(unsigned), "signed is what stands there");
        assert!(!qr.contains("Khánh"), "no name in the code");
    }
}

#[test]
fn no_module_is_under_three_dots_and_four_stay_white_around() {
    for (paper, _) in PRINTERS {
        let layout = receipt(&long_receipt(), paper);
        let (module, dark) = (paper.sheet().module, modules(&layout));
        assert!(dark.len() > 500, "{}", dark.len());
        let narrowest = dark.iter().map(|run| run.2.min(run.3)).fold(f64::INFINITY, f64::min);
        assert!(narrowest * DOTS_PER_MM * SMALLEST_SCALE >= MODULE_DOTS, "{narrowest}");
        let edge = |pick: fn(&(f64, f64, f64, f64)) -> f64, join: fn(f64, f64) -> f64| {
            dark.iter().map(pick).reduce(join).unwrap()
        };
        let quiet = f64::from(QUIET) * module - 1e-9;
        let (left, up) = (edge(|run| run.0, f64::min) - quiet, edge(|run| run.1, f64::min) - quiet);
        let right = edge(|run| run.0 + run.2, f64::max) + quiet;
        let down = edge(|run| run.1 + run.3, f64::max) + quiet;
        assert!(left >= 0.0 && up >= 0.0 && right <= paper.sheet().width, "{}", paper.word());
        for item in &layout.pages[0].items {
            let (from, to, top, low) = match item {
                Item::Box { high, .. } if is_run(paper, *high) || *high == GROWTH => continue,
                Item::Box { x, y, wide, high } => (*x, x + wide, *y, y + high),
                Item::Text { x, y, size, face, text } => {
                    (*x, x + face.width(text, *size), y - size * 0.97, y + size * 0.25)
                }
            };
            let apart = to <= left || from >= right || low <= up || top >= down;
            assert!(apart, "{}: {item:?} is in the white border", paper.word());
        }
    }
}

#[test]
fn nothing_is_cut_at_any_scale_and_a_roll_needs_no_more_than_72_millimetres() {
    for (paper, _) in PRINTERS {
        let layout = receipt(&long_receipt(), paper);
        let sheet = paper.sheet();
        let (left, right) = match paper {
            Paper::Roll80 => ROLL_PRINTABLE,
            _ => (EDGE, sheet.width - EDGE),
        };
        for page in &layout.pages {
            for item in &page.items {
                let (from, to, low) = match item {
                    Item::Box { x, y, wide, high } => (*x, x + wide, y + high),
                    Item::Text { x, y, size, face, text } => {
                        (*x, x + face.width(text, *size), y + size * 0.25)
                    }
                };
                assert!(from >= left && to * LARGEST_SCALE <= right + 1e-9, "{item:?}");
                assert!(low * LARGEST_SCALE <= page.height, "{item:?}");
            }
        }
    }
}

#[test]
fn long_names_wrap_and_every_letter_of_them_is_there() {
    for (paper, _) in PRINTERS {
        let long = "Ngọc ".repeat(40);
        let endless = "ẵ".repeat(200);
        let data = with(|dossier| {
            dossier.applicant.clone_from(&long);
            dossier.address.clone_from(&endless);
            dossier.papers[0].name = "Giấy tờ ".repeat(25);
        });
        let text = bare(&receipt(&data, paper).text());
        assert!(text.contains(&bare(&long)), "{}", paper.word());
        assert!(text.contains(&endless), "{}", paper.word());
        for word in ["Trung tâm Phục vụ hành chính công Phường Bình Hưng Hòa B", "150.000 đồng"]
        {
            assert!(text.contains(&bare(word)), "{word}");
        }
        // A cell stands among others: its own lines come one after another.
        assert!(text.contains(&bare(&"Giấy tờ ".repeat(25))), "{}", paper.word());
    }
}

#[test]
fn what_is_not_known_leaves_dots_and_a_fee_of_nothing_is_said() {
    let free = with(|dossier| dossier.fee = Some(0));
    assert!(
        receipt(&free, Paper::A5).text().contains("Phí, lệ phí: \n0 đồng")
            || receipt(&free, Paper::A5).text().contains("Phí, lệ phí: 0 đồng")
    );
    let unknown = with(|dossier| {
        *dossier = motcua_forms::model::Dossier::default();
    });
    for (paper, _) in PRINTERS {
        let layout = receipt(&unknown, paper);
        let text = layout.text();
        assert!(text.matches("……").count() >= 14, "{text}");
        assert_eq!(layout.digits, None);
        assert!(layout.qr.unwrap().starts_with("MC1||||"));
    }
}

#[test]
fn letters_and_marks_apart_print_as_one() {
    let apart = with(|dossier| dossier.applicant = "Nguyễn Thị Mẫu".nfd().collect());
    let text = receipt(&apart, Paper::A4).text();
    assert!(text.contains("Nguyễn Thị Mẫu"), "{text}");
}

#[test]
fn forty_papers_go_on_on_numbered_pages_under_the_same_head() {
    let many = with(|dossier| {
        let paper = |number| Handed {
            name: format!("Giấy tờ số {number} của hồ sơ"),
            original: true,
            count: number,
        };
        dossier.papers = (1..=40).map(paper).collect();
    });
    for (paper, pages) in [(Paper::A5, 3), (Paper::A4, 2), (Paper::Roll80, 1)] {
        let layout = receipt(&many, paper);
        assert_eq!(layout.pages.len(), pages, "{}", paper.word());
        let text = layout.text();
        for number in 1..=40 {
            assert!(text.contains(&format!("số {number} ")), "{number} on {}", paper.word());
        }
        if paper == Paper::Roll80 {
            assert!(!text.contains("Trang"));
            continue;
        }
        for number in 1..=pages {
            assert!(text.contains(&format!("Trang {number}/{pages}")));
        }
        assert!((2..=pages).contains(&text.matches("Tên giấy tờ").count()), "{text}");
    }
}

#[test]
fn an_ordinary_receipt_is_one_page_of_a5() {
    let data = with(|dossier| {
        dossier.applicant = "Nguyễn Thị Mẫu".into();
        dossier.procedure_name = "Đăng ký khai sinh".into();
        dossier.desk = "Trung tâm Phục vụ hành chính công Phường Mẫu".into();
        dossier.collect.clone_from(&dossier.desk);
    });
    assert_eq!(receipt(&data, Paper::A5).pages.len(), 1);
    assert_eq!(receipt(&long_receipt(), Paper::A4).pages.len(), 1);
}

#[test]
fn a_paper_whose_name_is_higher_than_a_page_is_parted_and_whole() {
    let name = (0..3_000).map(|number| format!("chữ{number} ")).collect::<String>();
    let high = with(|dossier| dossier.papers[1].name.clone_from(&name));
    let layout = receipt(&high, Paper::A5);
    assert!(layout.pages.len() > 3);
    let words = layout.text();
    let mut words: Vec<&str> = words.split_whitespace().collect();
    words.sort_unstable();
    for word in name.split_whitespace() {
        assert!(words.binary_search(&word).is_ok(), "{word}");
    }
    let lowest = layout.paper.sheet().bottom;
    assert!(layout.pages.iter().all(|page| page.used <= lowest + 1e-9));
}

#[test]
fn a_preview_says_so_and_the_second_printing_is_numbered() {
    let marks = |printing| {
        let text =
            receipt(&motcua_forms::model::Data { printing, ..long_receipt() }, Paper::A5).text();
        (text.contains("BẢN XEM TRƯỚC"), text.contains("In lại lần"), text.contains("In lại lần 2"))
    };
    assert_eq!(marks(Printing::Preview), (true, false, false));
    assert_eq!(marks(Printing::Number(1)), (false, false, false));
    assert_eq!(marks(Printing::Number(2)), (false, true, false));
    assert_eq!(marks(Printing::Number(3)), (false, true, true));
}

#[test]
fn the_digits_below_the_bars_are_those_of_the_code() {
    for (paper, _) in PRINTERS {
        let layout = receipt(&long_receipt(), paper);
        let digits = layout.digits.clone().unwrap();
        let code = motcua_dossier::digits::read(&digits).unwrap();
        assert_eq!(code.to_string(), "H29.30.105.02-261125-0975");
        assert!(bare(&layout.text()).contains(&digits));
    }
}

#[test]
fn a_form_is_refused_on_a_paper_it_has_not() {
    let refused = lay_out(Form::Receipt, &long_receipt(), Paper::A4Wide, &sign).unwrap_err();
    assert_eq!(refused.to_string(), "Mẫu 01 is not printed on a4-wide; it is on a5, a4, 80");
}

#[test]
fn html_says_what_the_layout_says() {
    for (paper, _) in PRINTERS {
        let layout = receipt(&with(|dossier| dossier.request = "<script>\"'&".into()), paper);
        let html = html::write(&layout, &Places { style: "/s.css".into() });
        assert!(!html.contains("<script"));
        let texts = html.split("<text ").skip(1).map(|rest| {
            let (_, rest) = rest.split_once('>').unwrap();
            rest.split_once("</text>").unwrap().0
        });
        let text: String = texts.collect::<Vec<_>>().join("\n");
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        let text = text.replace("&#39;", "'").replace("&amp;", "&");
        assert_eq!(bare(&text), bare(&layout.text()));
    }
}

#[test]
fn every_item_stands_where_it_stood() {
    for (paper, _) in PRINTERS {
        let described = receipt(&long_receipt(), paper).describe();
        let path =
            format!("{}/tests/golden/receipt-{}.txt", env!("CARGO_MANIFEST_DIR"), paper.word());
        if std::env::var_os("MOTCUA_WRITE_GOLDEN").is_some() {
            std::fs::write(&path, &described).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap();
        assert_eq!(described, golden, "{path}: look at the form, then MOTCUA_WRITE_GOLDEN=1");
    }
}
