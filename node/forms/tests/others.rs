//! Mẫu 02 to 06: what stands on them, in which edition.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{Picture, sign, with};
use jiff::civil::date;
use motcua_forms::{
    edition::Form,
    lay_out,
    layout::Layout,
    model::{Data, FeeLine, HandOver, Payment, Printing, Subject},
    paper::Paper,
};

const REASON: &str = "Giấy chứng sinh (bản chính)\nTờ khai ghi sai ngày sinh của con";

fn dossier() -> Data {
    with(|dossier| {
        dossier.reason = REASON.into();
        dossier.due.push(date(2026, 12, 9).at(10, 41, 0, 0));
        dossier.state = "Đang xử lý".into();
        let at = |minute| Some(date(2026, 11, 25).at(14, minute, 0, 0));
        let step = |from: &str, to: &str, given, taken| HandOver {
            from: from.into(),
            to: to.into(),
            given: at(given),
            giver: "Nguyễn Thị Mẫu".into(),
            taken,
            taker: if taken.is_some() { "Lê Văn Mẫu".into() } else { String::new() },
            ..HandOver::default()
        };
        dossier.hand_overs = vec![
            step("Phường Mẫu", "Sở Tư pháp", 1, at(30)),
            step("Sở Tư pháp", "Phường Mẫu", 50, None),
        ];
    })
}

fn form(form: Form, data: &Data, paper: Paper) -> Layout {
    lay_out(form, data, paper, &sign).unwrap()
}

fn bare(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Whether all of these stand on the form, wherever lines break.
fn says(layout: &Layout, all: &[&str]) {
    let text = bare(&layout.text());
    for one in all {
        assert!(text.contains(&bare(one)), "{one} is not in {}", layout.text());
    }
}

#[test]
fn each_form_says_what_it_is_for() {
    let data = dossier();
    says(
        &form(Form::Supplement, &data, Paper::A4),
        &["Mẫu số 02", "/HDHS", "1 Giấy chứng sinh (bản chính) 2 Tờ khai", "NGƯỜI HƯỚNG DẪN"],
    );
    says(&form(Form::Refusal, &data, Paper::A5), &["Mẫu số 03", "lý do:", "Giấy chứng sinh"]);
    says(
        &form(Form::Extension, &data, Paper::A4),
        &[
            "VĂN BẢN XIN LỖI VÀ ĐỀ NGHỊ GIA HẠN THỜI GIAN GIẢI QUYẾT",
            "hẹn trả kết quả: 10 giờ 41 phút, ngày 02/12/2026",
            "trân trọng xin lỗi",
            "hẹn lại thời gian trả kết quả: 10 giờ 41 phút, ngày 09/12/2026",
            "THỦ TRƯỞNG CƠ QUAN",
        ],
    );
    says(&form(Form::Stop, &data, Paper::A4), &["Mẫu số 05", "DỪNG GIẢI QUYẾT", "Giấy chứng sinh"]);
    says(
        &form(Form::Control, &data, Paper::A4),
        &[
            "Mẫu số 06",
            "1. Giao: 14 giờ 01 phút, ngày 25/11/2026",
            "2. Nhận: 14 giờ 30 phút, ngày 25/11/2026",
            "Lê Văn Mẫu",
            "2. Nhận: ……",
        ],
    );
}

#[test]
fn a_dossier_of_before_is_printed_on_the_forms_of_before() {
    let mut old = dossier();
    if let Subject::One(dossier) = &mut old.subject {
        dossier.received = Some(date(2025, 9, 14).at(9, 0, 0, 0));
    }
    says(
        &form(Form::Extension, &old, Paper::A4),
        &["PHIẾU XIN LỖI VÀ HẸN LẠI NGÀY TRẢ KẾT QUẢ", "Thông tư 01/2018/TT-VPCP"],
    );
    says(&form(Form::Control, &old, Paper::A4), &["Mẫu số 05, Thông tư 01/2018"]);
    let none = lay_out(Form::Stop, &old, Paper::A4, &sign).unwrap_err().to_string();
    assert!(none.contains("2025-09-14"), "{none}");
}

#[test]
fn every_form_is_scanned_and_stays_on_its_papers() {
    for kind in [Form::Supplement, Form::Refusal, Form::Extension, Form::Stop, Form::Control] {
        let data = dossier();
        let edition = motcua_forms::edition::in_force(kind, data.day()).unwrap();
        for paper in &edition.papers {
            let layout = form(kind, &data, *paper);
            assert_eq!(layout.pages.len(), 1, "{kind:?} on {}", paper.word());
            let picture = Picture::of(&layout.pages[0], 300.0, 1.0, 0.0).widened();
            assert_eq!(picture.read(), layout.qr, "{kind:?} on {}", paper.word());
            assert!(layout.qr.as_ref().unwrap().contains(&edition.title), "its own name is in it");
        }
    }
}

#[test]
fn a_register_of_a_day_goes_on_under_its_head_with_a_line_for_each_dossier() {
    let one = |number: u32| {
        let data = with(|dossier| {
            dossier.code = format!("H29.30.05-261125-{number:04}");
            dossier.procedure_name = "Đăng ký khai sinh".into();
            dossier.holder = "Phường Mẫu".into();
        });
        match data.subject {
            Subject::One(dossier) => *dossier,
            _ => unreachable!("one dossier"),
        }
    };
    let day = date(2026, 11, 25);
    let dossiers = (1..=100).map(one).collect();
    let subject = Subject::Many { from: day, to: day, dossiers };
    let data = Data { subject, printing: Printing::Uncounted, ..dossier() };
    let layout = form(Form::Register, &data, Paper::A4Wide);
    let pages = layout.pages.len();
    assert!(pages > 5, "{pages}");
    assert_eq!((layout.qr.as_ref(), layout.text().matches("STT").count()), (None, pages));
    says(&layout, &["Mẫu số 07", "từ ngày 25/11/2026 đến ngày 25/11/2026", "NGƯỜI LẬP SỔ"]);
    let text = bare(&layout.text());
    assert!((1..=100).all(|number| text.contains(&format!("-{number:04}"))));
    let none = Data { subject: Subject::Many { from: day, to: day, dossiers: vec![] }, ..data };
    assert_eq!(form(Form::Register, &none, Paper::A4Wide).pages.len(), 1);
}

#[test]
fn a_hand_over_list_names_both_sides_and_every_dossier_and_its_number_can_be_scanned() {
    let Subject::One(one) = dossier().subject else { unreachable!("one dossier") };
    let dossiers = (1..=40)
        .map(|number| {
            let code = format!("H29.30.05-261125-{number:04}");
            motcua_forms::model::Dossier { code, ..(*one).clone() }
        })
        .collect();
    let list = motcua_forms::model::HandList {
        number: "000000000000".into(),
        given: Some(date(2026, 11, 25).at(9, 30, 0, 0)),
        from: "Bộ phận Một cửa".into(),
        to: "Tư pháp - Hộ tịch".into(),
        giver: "Lê Thị Mẫu".into(),
        dossiers,
    };
    let subject = Subject::List(Box::new(list));
    let data = Data { subject, printing: Printing::Uncounted, ..dossier() };
    let layout = form(Form::HandList, &data, Paper::A4);
    assert_eq!((layout.digits.as_deref(), layout.qr.as_ref()), (Some("000000000000"), None));
    says(&layout, &["Bộ phận Một cửa", "Tư pháp - Hộ tịch", "BÊN GIAO", "BÊN NHẬN", "Lê Thị Mẫu"]);
    let text = bare(&layout.text());
    assert!((1..=40).all(|number| text.contains(&format!("-{number:04}"))));
}

#[test]
fn every_item_stands_where_it_stood() {
    for kind in [Form::Supplement, Form::Refusal, Form::Extension, Form::Stop, Form::Control] {
        let described = form(kind, &dossier(), Paper::A4).describe();
        let path = format!("{}/tests/golden/{}-a4.txt", env!("CARGO_MANIFEST_DIR"), kind.word());
        if std::env::var_os("MOTCUA_WRITE_GOLDEN").is_some() {
            std::fs::write(&path, &described).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap();
        assert_eq!(described, golden, "{path}: look at the form, then MOTCUA_WRITE_GOLDEN=1");
    }
}

#[test]
fn a_receipt_for_money_says_what_was_taken_on_both_papers_and_whether_it_still_holds() {
    let payer = "<script>Nguyễn Thị Mẫu".to_owned() + &" Rất Dài".repeat(20);
    let data = |cancelled, printing| {
        let payment = Payment {
            number: "BL26-0000123".into(),
            office: "Phường Mẫu".into(),
            payer: payer.clone(),
            amount: 1_250_000,
            way: "Chuyển khoản (FT-1)".into(),
            time: Some(date(2026, 11, 25).at(10, 41, 0, 0)),
            rest: 8_000,
            clerk: "Lê Thị Mẫu".into(),
            fees: vec![FeeLine { name: "Lệ phí (Hộ nghèo)".into(), amount: 1_258_000 }],
            cancelled,
        };
        let data = with(|dossier| dossier.payment = Some(payment));
        Data { printing, ..data }
    };
    for paper in [Paper::A5, Paper::Roll80] {
        let layout = form(Form::Payment, &data(false, Printing::Number(2)), paper);
        says(
            &layout,
            &[
                "BIÊN NHẬN THU PHÍ, LỆ PHÍ",
                "BL26-0000123",
                &payer,
                "Lệ phí (Hộ nghèo)",
                "1.258.000 đồng",
                "1.250.000 đồng",
                "Một triệu hai trăm năm mươi nghìn đồng.",
                "10 giờ 41 phút, ngày 25/11/2026",
                "8.000 đồng",
                "In lại lần 1",
            ],
        );
        assert!(!layout.text().contains("ĐÃ HỦY"));
        let off = form(Form::Payment, &data(true, Printing::Number(1)), paper);
        says(&off, &["BIÊN NHẬN ĐÃ HỦY"]);
    }
    let refused = lay_out(Form::Payment, &data(false, Printing::Preview), Paper::A4, &sign);
    assert!(refused.is_err(), "it has two papers");
}
