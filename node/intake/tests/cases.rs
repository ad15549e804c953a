//! Lists as offices hand them over, row by row.
#![allow(clippy::unwrap_used, missing_docs)]

use jiff::civil::{DateTime, date};
use motcua_dossier::procedure::built_in;
use motcua_intake::{
    error::ReadError,
    export::Export,
    field::Field,
    finding::Level,
    judge::{Judged, Known, List, Totals, Verdict},
    mapping::Mapping,
    record::{Choices, RowKey},
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    io::Cursor,
    ops::ControlFlow,
};

/// Dossiers that are here already.
#[derive(Default)]
struct Here {
    keys: RefCell<HashMap<RowKey, String>>,
    codes: RefCell<HashMap<String, String>>,
    ids: BTreeMap<String, BTreeMap<Field, String>>,
}

impl Known for Here {
    type Error = std::convert::Infallible;

    fn by_key(&self, key: &RowKey) -> Result<Option<String>, Self::Error> {
        Ok(self.keys.borrow().get(key).cloned())
    }

    fn by_code(&self, code: &str) -> Result<Option<String>, Self::Error> {
        Ok(self.codes.borrow().get(code).cloned())
    }

    fn by_id(&self, id: &str) -> Result<Option<BTreeMap<Field, String>>, Self::Error> {
        Ok(self.ids.get(id).cloned())
    }
}

impl Here {
    fn take(&self, rows: &[Judged]) {
        for judged in rows.iter().filter(|judged| judged.verdict.makes_one()) {
            let name = judged.record.value(Field::Name).to_owned();
            self.keys.borrow_mut().extend(judged.keys.iter().map(|key| (*key, name.clone())));
            let code = judged.record.value(Field::Code);
            if !code.is_empty() {
                self.codes.borrow_mut().insert(code.into(), name);
            }
        }
    }
}

fn now() -> DateTime {
    date(2026, 11, 25).at(10, 40, 0, 0)
}

fn accept(accept: &[&str]) -> Choices {
    Choices { accept: accept.iter().map(|one| (*one).into()).collect(), hidden: false }
}

fn open(bytes: &[u8], mapping: &str, choices: Choices) -> List<Cursor<Vec<u8>>> {
    let mapping = Mapping::read(mapping).unwrap();
    List::open(Cursor::new(bytes.to_vec()), mapping, choices, built_in(), now()).unwrap()
}

fn judged(bytes: &[u8], mapping: &str, choices: Choices, here: &Here) -> (Vec<Judged>, Totals) {
    let (mut rows, mut list) = (Vec::new(), open(bytes, mapping, choices));
    let totals = list
        .judge(here, |row| {
            rows.push(row);
            ControlFlow::Continue(())
        })
        .unwrap();
    let sum = totals.taken + totals.stopped + totals.hidden + totals.known;
    assert_eq!(totals.read, sum, "the totals add up");
    assert_eq!(totals.read as usize, rows.len());
    (rows, totals)
}

fn of(rows: &[Judged], row: u32) -> &Judged {
    rows.iter().find(|judged| judged.record.row == row).unwrap()
}

/// Kind, cell and proposals of what stops a row.
fn stops(judged: &Judged) -> Vec<(&str, &str, Vec<&str>)> {
    let stops = judged.record.findings.iter().filter(|finding| finding.level == Level::Stop);
    stops
        .map(|finding| {
            let proposals = finding.proposals.iter().map(String::as_str).collect();
            (finding.kind, finding.cell.as_deref().unwrap_or_default(), proposals)
        })
        .collect()
}

fn kinds(judged: &Judged, level: Level) -> Vec<&str> {
    let findings = judged.record.findings.iter().filter(|finding| finding.level == level);
    findings.map(|finding| finding.kind).collect()
}

const P03: &[u8] = include_bytes!("data/p03-so-giay.csv");
const P06: &[u8] = include_bytes!("data/p06-dinh-danh.csv");
const P07: &[u8] = include_bytes!("data/p07-ngay.xlsx");
const P07_1904: &[u8] = include_bytes!("data/p07-ngay-1904.xlsx");
const P08: &[u8] = include_bytes!("data/p08-tcvn3.csv");

#[test]
fn identity_numbers_and_telephones_are_read_as_digits_and_never_padded_in_silence() {
    let here = Here::default();
    let (rows, totals) = judged(P06, "", Choices::default(), &here);
    // The first dossier stands in row 2, below the header.
    let at = |number: u32| of(&rows, number + 1);
    let value = |number, field| at(number).record.value(field);
    for number in [1, 4, 5, 6, 7, 11] {
        assert_eq!(
            at(number).verdict,
            Verdict::Taken,
            "{number}: {:?}",
            at(number).record.findings
        );
    }
    assert_eq!(value(1, Field::IdNumber), "079185001234");
    assert_eq!(value(1, Field::BirthDate), "1985-02-05");
    assert_eq!(
        stops(at(2)),
        [("id.short", "C3", vec!["079185001235"]), ("phone.short", "E3", vec!["0903123457"]),]
    );
    assert_eq!(stops(at(3)), [("number.lost", "C4", vec![]), ("number.lost", "E4", vec![])]);
    assert_eq!((value(4, Field::IdNumber), value(4, Field::Phone)), ("079085001236", "0903123459"));
    assert_eq!((value(5, Field::IdNumber), value(5, Field::Phone)), ("079085001237", "0903123460"));
    assert_eq!((value(6, Field::IdNumber), value(6, Field::Phone)), ("079085001238", "0903123461"));
    assert_eq!((value(7, Field::IdNumber), value(7, Field::Phone)), ("023456789", "0903123462"));
    assert_eq!(stops(at(8)), [("id.short", "C9", vec!["023456790"])]);
    assert_eq!(kinds(at(8), Level::Warn), ["phone.old"]);
    assert_eq!(value(8, Field::Phone), "01223123463");
    assert_eq!(stops(at(9)), [("id.letter", "C10", vec![]), ("phone.letter", "E10", vec![])]);
    assert!(at(9).record.findings[0].vi.contains("ký tự thứ 1 là “O”"));
    assert!(at(9).record.findings[1].vi.contains("ký tự thứ 5 là “l”"));
    assert_eq!(
        (at(10).verdict, kinds(at(10), Level::Warn)),
        (Verdict::Warned, vec!["birth.id_differs"])
    );
    assert_eq!(value(10, Field::Phone), "0903123465 / 0903123466");
    assert_eq!((value(11, Field::IdNumber), value(11, Field::Phone)), ("", ""));
    assert_eq!(stops(at(12)), [("id.length", "C13", vec![])]);
    assert_eq!(value(12, Field::Phone), "02838290000");
    assert_eq!(stops(at(13)), [("id.province", "C14", vec![])]);
    assert_eq!((totals.read, totals.taken, totals.warned, totals.stopped), (13, 7, 1, 6));
}

#[test]
fn accepted_proposals_are_taken_and_a_second_run_doubles_nothing() {
    let here = Here::default();
    let chosen = accept(&["3:id_number", "3:phone", "9:id_number"]);
    let (rows, totals) = judged(P06, "", chosen.clone(), &here);
    assert_eq!(of(&rows, 3).record.value(Field::IdNumber), "079185001235");
    assert_eq!(of(&rows, 3).record.value(Field::Phone), "0903123457");
    assert_eq!(of(&rows, 9).record.value(Field::IdNumber), "023456790");
    assert_eq!(of(&rows, 3).record.written[&Field::IdNumber], "79185001235");
    assert_eq!((totals.taken, totals.stopped), (9, 4));
    here.take(&rows);
    for choices in [chosen, Choices::default(), accept(&["id.short", "phone.short"])] {
        let (_, again) = judged(P06, "", choices, &here);
        assert_eq!((again.taken, again.known, again.stopped), (0, 9, 4));
    }
    // Saved anew with other quotation marks, separators and line ends, and put right by hand.
    let text = String::from_utf8(P06.to_vec()).unwrap().replace("79185001235", "079185001235");
    let text = text.replace("0079185001235", "079185001235").replace(",903123457", ",0903123457");
    let text = text.replace(',', ";").replace("\r\n", "\n").replace("\u{a0}", "");
    let (_, again) = judged(text.as_bytes(), "", Choices::default(), &here);
    assert_eq!((again.taken, again.known), (0, 9));
}

#[test]
fn a_person_agrees_to_a_file_a_mapping_and_choices_and_to_nothing_else() {
    let file = motcua_core::id::Hash([1; 32]);
    let agreement = |mapping: &str, choices| open(P06, mapping, choices).agreement(file);
    let first = agreement("", Choices::default());
    assert_eq!(first, agreement("", Choices::default()));
    assert_ne!(first, agreement("", accept(&["id.short"])));
    assert_ne!(first, agreement("without_code = \"fresh\"", Choices::default()));
    assert_ne!(first, open(P06, "", Choices::default()).agreement(motcua_core::id::Hash([2; 32])));
}

#[test]
fn dates_of_a_workbook_are_read_by_what_is_stored() {
    let here = Here::default();
    let (rows, totals) = judged(P07, "", Choices::default(), &here);
    let at = |number: u32| of(&rows, number + 1);
    let value = |number, field| at(number).record.value(field);
    assert_eq!(
        (value(1, Field::BirthDate), value(1, Field::Received)),
        ("1958-03-07", "2026-11-12T09:00:00")
    );
    assert_eq!(stops(at(2)), [("date.century", "C3", vec!["1958-03-07"])]);
    assert_eq!(
        (value(3, Field::BirthDate), value(3, Field::Received)),
        ("1962-04-13", "2026-11-12T14:05:00")
    );
    assert_eq!(value(4, Field::BirthDate), "1962-05-04");
    assert_eq!(stops(at(4)), [("received.future", "D5", vec![])]);
    assert_eq!(stops(at(5)), [("date.bare", "C6", vec!["1959-03-07"])]);
    assert!(at(5).record.findings.iter().any(|said| said.vi.contains("có thể là ngày 07/03/1959")));
    assert_eq!(stops(at(6)), [("date.sixty", "C7", vec![])]);
    assert_eq!(stops(at(7)), [("date.unreal", "C8", vec![])]);
    assert_eq!(
        (value(8, Field::BirthDate), value(8, Field::Received)),
        ("1985-02-05", "2026-11-13T16:59:59.999")
    );
    for number in [9, 10, 11] {
        assert_eq!(value(number, Field::Procedure), "1.004873");
        let merged = at(number).record.findings.iter().find(|said| said.kind == "cell.merged");
        assert!(merged.unwrap().vi.contains("E10:E12"), "{number}");
        assert_eq!(at(number).verdict, Verdict::Taken);
    }
    assert_eq!(stops(at(12)), [("cell.no_value", "D13", vec![])]);
    assert_eq!(at(13).verdict, Verdict::Hidden);
    assert_eq!(stops(at(14)), [("birth.future", "C15", vec![])]);
    assert_eq!((totals.read, totals.taken, totals.stopped, totals.hidden), (14, 6, 7, 1));
    assert_eq!(open(P07, "", Choices::default()).about().sheet.as_deref(), Some("Hồ sơ cũ"));

    let agreed = Choices { accept: vec!["3:birth_date".into()], hidden: true };
    let (rows, totals) = judged(P07, "", agreed, &here);
    assert_eq!(of(&rows, 3).record.value(Field::BirthDate), "1958-03-07");
    assert_eq!(of(&rows, 14).record.value(Field::BirthDate), "1985-02-10");
    assert_eq!((totals.taken, totals.hidden), (8, 0));
}

#[test]
fn a_workbook_of_the_other_epoch_gives_the_same_days() {
    let (rows, _) = judged(P07_1904, "", Choices::default(), &Here::default());
    let record = &of(&rows, 2).record;
    assert_eq!(record.value(Field::BirthDate), "1958-03-07");
    assert_eq!(record.value(Field::Received), "2026-11-12T00:00:00");
}

#[test]
fn an_old_table_is_recognised_and_each_cell_is_read_in_its_own() {
    let here = Here::default();
    let mut list = open(P08, "", Choices::default());
    let first = list.about().readings[0];
    assert_eq!(first.encoding.name(), "TCVN3 (ABC)");
    assert!(first.percent() >= 80, "{first:?}");
    let shown = list.shown().unwrap();
    assert_eq!(shown[0].rows[1][1], "Nguyễn Văn Mẫu");
    assert!(shown.iter().any(|shown| shown.encoding == motcua_intake::encoding::Encoding::Utf8));
    let (rows, totals) = judged(P08, "", Choices::default(), &here);
    let at = |number: u32| of(&rows, number + 1);
    let line = |number| {
        let value = |field| at(number).record.value(field);
        (value(Field::Name), value(Field::Address), value(Field::Request))
    };
    assert_eq!(line(1), ("Nguyễn Văn Mẫu", "số 5 đường Lê Lợi", "Xin cấp bản sao giấy khai sinh"));
    assert_eq!(at(1).verdict, Verdict::Taken);
    let small = at(2).record.findings.iter().find(|said| said.kind == "name.small").unwrap();
    assert_eq!(small.proposals, ["Nguyễn Thị Đức Hạnh", "NGUYỄN THỊ ĐỨC HẠNH"]);
    assert_eq!(line(3), ("Trần Đăng Ưởng", "khu phố Ông Đông", "đăng ký kết hôn"));
    assert_eq!(line(4), ("Lê Hoàng Mẫu", "phường Thủ Dầu Một", "đăng ký khai tử"));
    assert_eq!(kinds(at(4), Level::Warn), ["text.other_table"; 3]);
    assert_eq!(line(5).0, "Pham Van Khong Dau");
    assert_eq!(line(6), ("Phạm Thị Kỳ Vỹ", "tổ 7 ấp Mỹ Thuỷ", "đổi hộ khẩu, lý do: chuyển chỗ ở"));
    let stopped = stops(at(7));
    assert_eq!((stopped.len(), stopped[0].0, stopped[0].1), (1, "text.undefined", "C8"));
    assert!(at(7).record.findings.iter().any(|said| said.vi.contains("C0 C1 DB")));
    assert_eq!((totals.read, totals.taken, totals.stopped), (7, 6, 1));
    let (rows, _) = judged(P08, "", accept(&["name.small:2"]), &here);
    assert_eq!(of(&rows, 3).record.value(Field::Name), "NGUYỄN THỊ ĐỨC HẠNH");
}

#[test]
fn codes_of_a_paper_register_keep_their_spelling_and_belong_to_one_dossier() {
    let here = Here::default();
    here.codes.borrow_mut().insert("H29.30.05-261125-0038".into(), "H29.30.05-261125-0038".into());
    let (rows, totals) = judged(P03, "", Choices::default(), &here);
    let codes: Vec<&str> = rows
        .iter()
        .filter(|judged| judged.verdict.makes_one())
        .map(|judged| judged.record.value(Field::Code))
        .collect();
    assert_eq!(
        codes,
        [
            "H29.30.05-261125-0001",
            "H29.30.05-261125-0002",
            "H29.30.05-261125-0037",
            "000.30.05.H29-261125-0036",
        ]
    );
    let said = |row: u32| {
        let finding = of(&rows, row).record.findings.iter().find(|one| one.level == Level::Stop);
        let finding = finding.unwrap();
        assert_eq!(finding.proposals, [] as [&str; 0]);
        (finding.kind, finding.vi.clone())
    };
    assert!(matches!(said(5), ("code.here", vi) if vi.contains("hồ sơ H29.30.05-261125-0038")));
    assert!(
        matches!(said(6), ("code.form", vi) if vi.contains("H29.30.05-261125-0037") && vi.contains("dòng 4"))
    );
    assert!(matches!(said(8), ("code.twin", vi) if vi.contains("dòng 3")));
    assert_eq!((totals.read, totals.taken, totals.stopped), (7, 4, 3));
    let spelt = String::from_utf8(P03.to_vec()).unwrap().replace("-0002,1", "-00002,1");
    let (rows, _) = judged(spelt.as_bytes(), "", Choices::default(), &here);
    assert_eq!(stops(of(&rows, 8))[0].0, "code.twin", "0002 and 00002 are one number");
    // If 0037 were free, it would be proposed, and its first owner would be this row.
    let without: String = String::from_utf8(P03.to_vec()).unwrap().replace("-0037", "-0039");
    let (rows, _) = judged(without.as_bytes(), "", Choices::default(), &here);
    assert_eq!(stops(of(&rows, 6)), [("code.form", "A6", vec!["H29.30.05-261125-0037"])]);
    let (rows, _) = judged(without.as_bytes(), "", accept(&["code.form"]), &here);
    assert_eq!(of(&rows, 6).record.value(Field::Code), "H29.30.05-261125-0037");
}

#[test]
fn a_csv_may_have_any_separator_line_end_mark_and_quotation() {
    let rows = [
        ["Họ và tên", "Ngày nhận", "Nội dung"],
        ["Lê Thị Mẫu", "25/11/2026 07:10", "sổ giấy; \"số 5\", dòng\nhai"],
        ["", "", ""],
        ["Trần Văn Mẫu", "24/11/2026", "2"],
    ];
    for separator in [",", ";", "\t", "|"] {
        for end in ["\n", "\r\n", "\r"] {
            let line = |row: &[&str; 3]| {
                let cells = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
                cells.collect::<Vec<_>>().join(separator)
            };
            let text = rows.iter().map(line).collect::<Vec<_>>().join(end) + end + end;
            let pairs = |order: fn(u16) -> [u8; 2]| {
                let units = std::iter::once(0xfeff).chain(text.encode_utf16());
                units.flat_map(order).collect::<Vec<u8>>()
            };
            for bytes in [
                text.clone().into_bytes(),
                [b"\xef\xbb\xbf", text.as_bytes()].concat(),
                pairs(u16::to_le_bytes),
                pairs(u16::to_be_bytes),
                pairs(u16::to_le_bytes)[2..].to_vec(),
                format!("sep={separator}\r\n{text}").into_bytes(),
            ] {
                let (found, totals) = judged(&bytes, "", Choices::default(), &Here::default());
                assert_eq!((totals.read, totals.taken), (2, 2), "{separator:?} {end:?}");
                let first = u32::from(bytes.starts_with(b"sep="));
                assert_eq!(
                    of(&found, 2 + first).record.value(Field::Request),
                    "sổ giấy; \"số 5\", dòng hai"
                );
                assert_eq!(of(&found, 4 + first).record.value(Field::Name), "Trần Văn Mẫu");
            }
        }
    }
}

#[test]
fn titles_above_the_header_and_headers_of_later_pages_are_no_rows() {
    let text = "DANH SÁCH HỒ SƠ,,\nQuý IV năm 2026,,\n\nHọ và tên,Ngày nhận,Nội dung\n(1),(2),(3)\n\
                Lê Thị Mẫu,25/11/2026,a\nHọ và tên,Ngày nhận,Nội dung\nTrần Văn Mẫu,24/11/2026,b\n,,\n,,\n";
    let (rows, totals) = judged(text.as_bytes(), "", Choices::default(), &Here::default());
    assert_eq!((totals.read, totals.taken, totals.headers), (2, 2, 2));
    assert_eq!(rows.iter().map(|judged| judged.record.row).collect::<Vec<_>>(), [6, 8]);
}

#[test]
fn what_stands_in_a_file_twice_is_taken_once_unless_a_person_says_otherwise() {
    let text = "Họ và tên,Ngày nhận\nLê Thị Mẫu,25/11/2026\nLê Thị Mẫu,25/11/2026\nLê Thị Mẫu,24/11/2026\n";
    let here = Here::default();
    let (rows, totals) = judged(text.as_bytes(), "", Choices::default(), &here);
    assert_eq!((totals.taken, totals.stopped), (2, 1));
    assert_eq!(stops(of(&rows, 3))[0].0, "row.twin");
    let (rows, totals) = judged(text.as_bytes(), "", accept(&["3:row"]), &here);
    assert_eq!(totals.taken, 3);
    here.take(&rows);
    let (_, totals) = judged(text.as_bytes(), "", Choices::default(), &here);
    assert_eq!((totals.taken, totals.known), (0, 3));
}

#[test]
fn text_of_old_fonts_inside_of_unicode_and_letters_that_were_lost_are_stopped() {
    let text = "Họ và tên,Ngày nhận\nNguyÔn V¨n MÉu,25/11/2026\nNguy?n V?n M?u,25/11/2026\nTraàn Thò Ñöùc,25/11/2026\n";
    let (rows, _) = judged(text.as_bytes(), "", Choices::default(), &Here::default());
    assert_eq!(stops(of(&rows, 2)), [("text.font", "A2", vec!["Nguyễn Văn Mẫu"])]);
    assert_eq!(stops(of(&rows, 3)), [("text.lost", "A3", vec![])]);
    assert_eq!(stops(of(&rows, 4)), [("text.font", "A4", vec!["Trần Thị Đức"])]);
}

#[test]
fn files_that_are_no_lists_are_refused_in_words() {
    let refused = |bytes: &[u8], mapping: &str| {
        let mapping = Mapping::read(mapping).unwrap();
        List::open(Cursor::new(bytes.to_vec()), mapping, Choices::default(), built_in(), now())
            .unwrap_err()
    };
    assert!(matches!(refused(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1], ""), ReadError::Kind { .. }));
    assert!(matches!(refused(b"", ""), ReadError::Kind { .. }));
    assert!(matches!(refused(b"%PDF-1.7", ""), ReadError::Kind { .. }));
    assert!(matches!(refused(b"PK\x03\x04broken", ""), ReadError::Damaged { .. }));
    assert!(matches!(refused(b"a,b\nc,d\n", ""), ReadError::NoHeader(_)));
    assert!(matches!(refused(b"Ho ten,Ngay nhan\n\"Le, 1\n2\n3\n", ""), ReadError::Unclosed(2)));
    let missing = refused(P06, "[columns]\nname = \"Họ và tên\"\ncode = \"Số biên nhận\"\n");
    assert!(matches!(missing, ReadError::Column { field: "code", .. }), "{missing}");
    assert!(matches!(refused(P07, "sheet = \"Khác\""), ReadError::NoSheet { .. }));
    assert!(Mapping::read("[columns]\nnom = \"x\"").is_err());
}

#[test]
fn an_export_read_again_shows_no_difference() {
    let odd = [
        (Field::Name, "=HYPERLINK(\"x\")"),
        (Field::Phone, "+1 408 555 0000"),
        (Field::Address, "'tổ 7, \"ấp\"\nMỹ Thuỷ"),
        (Field::IdNumber, "1234"),
        (Field::Request, "-5"),
        (Field::BirthDate, "1985-02"),
        (Field::Received, "2026-11-13T16:59:59.999"),
        (Field::Due, "2026-12-01T11:30:00"),
        (Field::State, "4"),
        (Field::Channel, "online"),
        (Field::Fee, "8000"),
        (Field::Papers, "2 bản sao: Giấy khai sinh\n1 bản chính: Tờ khai"),
    ];
    let mut values: BTreeMap<Field, String> =
        odd.into_iter().map(|(field, text)| (field, text.to_owned())).collect();
    let mut here = Here::default();
    let (rows, _) = judged(P06, "", accept(&["id.short", "phone.short"]), &here);
    let all = rows.iter().filter(|judged| judged.verdict.makes_one());
    let mut dossiers: Vec<BTreeMap<Field, String>> =
        all.map(|judged| judged.record.values.clone()).collect();
    dossiers.push(std::mem::take(&mut values));
    for (number, dossier) in dossiers.iter_mut().enumerate() {
        dossier.insert(Field::Id, format!("D{number}"));
        dossier.entry(Field::Received).or_insert("2026-11-25T07:10:00".into());
        here.ids.insert(format!("D{number}"), dossier.clone());
    }
    for is_csv in [true, false] {
        let file = tempfile::tempfile().unwrap();
        let out = file.try_clone().unwrap();
        let mut export =
            if is_csv { Export::csv(out) } else { Export::xlsx(out, &std::env::temp_dir()) }
                .unwrap();
        dossiers.iter().for_each(|dossier| export.row(dossier).unwrap());
        export.finish().unwrap();
        let bytes = read_whole(file);
        let (again, totals) = judged(&bytes, "", Choices::default(), &here);
        let differences: Vec<_> = again
            .iter()
            .filter(|one| one.verdict != Verdict::Known)
            .map(|one| &one.record)
            .collect();
        assert_eq!((differences.len(), totals.known), (0, 10), "{differences:?}");
        // At another office the same rows become the same dossiers.
        let (again, totals) = judged(&bytes, "", Choices::default(), &Here::default());
        assert_eq!(totals.taken, 9, "all but the odd one");
        for (judged, dossier) in again.iter().zip(&dossiers).take(9) {
            assert_eq!(judged.record.values, *dossier);
        }
        // What was changed in the file is named, and changes nothing.
        here.ids.get_mut("D0").unwrap().insert(Field::Address, "khác".into());
        here.ids.get_mut("D1").unwrap().insert(Field::Phone, "0903000000".into());
        let (again, totals) = judged(&bytes, "", Choices::default(), &here);
        assert_eq!(totals.known, 8);
        assert_eq!(stops(of(&again, 2))[0].0, "row.differs");
        here.ids.insert("D0".into(), dossiers[0].clone());
        here.ids.insert("D1".into(), dossiers[1].clone());
    }
}

fn read_whole(mut file: std::fs::File) -> Vec<u8> {
    use std::io::{Read, Seek};
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}
