//! Forms as they leave the printer: the PDF drawn by another program, every dot grown by one, read by two
//! readers that share no code with the writer.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../node/forms/tests/common/mod.rs"]
mod common;

use common::{PRINTERS, long_receipt, receipt, sign, with};
use motcua_forms::{
    edition::Form,
    lay_out,
    model::{HandOver, Payment, Slips, Subject},
    paper::Paper,
    pdf, trial,
};
use motcua_tests::picture::{Picture, fonts_of_pdf, words_of_pdf};
use std::path::PathBuf;

fn written(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("print").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("form.pdf");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn bare(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn a_printed_receipt_is_read_by_two_readers_though_dots_grow_and_the_scale_is_wrong() {
    for (paper, dots_per_inch) in PRINTERS {
        let layout = receipt(&long_receipt(), paper);
        let path = written(&format!("scanned-{}", paper.word()), &pdf::write(&layout).unwrap());
        for scale in [1.0, 0.9, 1.1] {
            let picture = Picture::of_pdf(&path, dots_per_inch * scale).unwrap()[0].widened();
            assert_eq!(picture.qr(), layout.qr, "{} at {scale}", paper.word());
            let codes = picture.codes(&path.with_extension("pgm")).unwrap();
            assert!(
                codes.contains(layout.qr.as_ref().unwrap()),
                "{} at {scale}: {codes}",
                paper.word()
            );
            // Bars of three dots less a tenth, grown by one: a reader by hand is not asked for that.
            let bars = layout.digits.as_ref().unwrap();
            assert!(codes.contains(bars) || scale < 1.0, "{} at {scale}: {codes}", paper.word());
        }
    }
}

#[test]
fn the_codes_of_the_test_sheet_are_read_by_two_readers() {
    for (paper, dots_per_inch) in PRINTERS {
        let layout = trial::sheet(paper, "Phường Mẫu", "10:00 01/12/2026");
        let path = written(&format!("trial-{}", paper.word()), &pdf::write(&layout).unwrap());
        let picture = Picture::of_pdf(&path, dots_per_inch).unwrap()[0].widened();
        assert_eq!(picture.qr().as_deref(), Some(trial::CARD), "{}", paper.word());
        let codes = picture.codes(&path.with_extension("pgm")).unwrap();
        assert!(codes.contains(trial::DIGITS), "{}: {codes}", paper.word());
        assert_eq!(bare(&words_of_pdf(&path).unwrap()), bare(&layout.text()));
    }
}

#[test]
fn the_words_of_every_other_form_are_those_of_its_layout() {
    let data = with(|dossier| {
        dossier.reason = "Giấy chứng sinh\nTờ khai ghi sai".into();
        dossier.hand_overs =
            vec![HandOver { from: "Phường Mẫu".into(), ..HandOver::default() }];
        dossier.payment = Some(Payment { number: "BL26-0000001".into(), ..Payment::default() });
    });
    for form in Form::ALL
        .into_iter()
        .filter(|form| !matches!(form, Form::Register | Form::HandList | Form::Emergency))
    {
        let paper = if form == Form::Payment { Paper::A5 } else { Paper::A4 };
        let layout = lay_out(form, &data, paper, &sign).unwrap();
        let path = written(form.word(), &pdf::write(&layout).unwrap());
        assert_eq!(bare(&words_of_pdf(&path).unwrap()), bare(&layout.text()), "{form:?}");
        let picture = Picture::of_pdf(&path, 300.0).unwrap()[0].widened();
        assert_eq!(picture.qr(), layout.qr, "{form:?}");
    }
}

#[test]
fn a_sheet_of_fifty_slips_keeps_every_code_and_its_bars_can_be_read() {
    let codes: Vec<String> = (5_001..=5_050).map(|n| format!("H29.30.05-261125-{n}")).collect();
    let number = motcua_dossier::process::number(*b"emergenc");
    let slips = Slips { number: number.clone(), codes: codes.clone(), ..Slips::default() };
    let mut data = with(|_| {});
    data.subject = Subject::Slips(Box::new(slips));
    let layout = lay_out(Form::Emergency, &data, Paper::A4, &sign).unwrap();
    assert!(layout.pages.len() > 1);
    let path = written("emergency", &pdf::write(&layout).unwrap());
    let words = bare(&words_of_pdf(&path).unwrap());
    assert_eq!(words, bare(&layout.text()));
    for code in &codes {
        let digits =
            motcua_dossier::digits::write(&motcua_dossier::code::Code::read(code).unwrap());
        assert!(words.contains(code) && words.contains(&digits.unwrap()), "{code}");
    }
    let picture = Picture::of_pdf(&path, 203.0).unwrap()[0].widened();
    let read = picture.codes(&path.with_extension("pgm")).unwrap();
    assert!(read.contains(&number), "{read}");
}

#[test]
fn a_print_on_a_roll_is_black_within_72_millimetres_only() {
    let layout = receipt(&long_receipt(), Paper::Roll80);
    let path = written("roll", &pdf::write(&layout).unwrap());
    for scale in [1.0, 1.1] {
        let pages = Picture::of_pdf(&path, 203.0 * scale).unwrap();
        assert_eq!(pages.len(), 1);
        let (left, right) = pages[0].extent().unwrap();
        let millimetres = |dot: usize| dot as f64 * 25.4 / 203.0;
        assert!(millimetres(left) >= 4.0 && millimetres(right) <= 76.0, "{left} to {right}");
    }
}

#[test]
fn the_words_of_the_pdf_are_those_of_the_layout_in_an_embedded_font() {
    for (paper, _) in PRINTERS {
        let layout = receipt(&long_receipt(), paper);
        let path = written(&format!("words-{}", paper.word()), &pdf::write(&layout).unwrap());
        assert_eq!(bare(&words_of_pdf(&path).unwrap()), bare(&layout.text()));
        let fonts = fonts_of_pdf(&path).unwrap();
        assert_eq!(fonts.len(), 2, "{fonts:?}");
        for font in fonts {
            let words: Vec<&str> = font.split_whitespace().collect();
            assert!(words[0].starts_with("MOTCUA+DejaVuSansCondensed"), "{font}");
            // Embedded, reduced, and its letters can be copied out.
            assert_eq!(words[words.len() - 5..words.len() - 2], ["yes", "yes", "yes"], "{font}");
        }
    }
}
