//! Invented dossiers, packed as the state store packs them, one file each: what the dictionary of
//! histories is made from. No word of it comes from a real dossier.
//!
//! ```text
//! cargo run --release -p motcua-tests --example history_dictionary -- SAMPLES
//! zstd --train -r SAMPLES --maxdict=49152 -o protocol/core/src/state/history.dictionary
//! ```
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use motcua_core::{
    author::{Draft, OwnLog},
    entry::{FactIds, Kind, dossier_id},
    id::{DossierId, Hash, LogId, Nonce, OfficeId, PersonId},
    key::SecretKey,
    log::Frontier,
    state::{
        history::{Stored, Verdict},
        pack,
    },
    time::{ClockQuality, Timestamp},
};
use motcua_dossier::{
    action::{self, Action, Registration},
    derive::derive,
    document::Document,
    fact::{Act, Applicant, Fact, Paper, Request},
    procedure::built_in,
    state::State,
};
use motcua_tests::seed::Seed;
use std::path::Path;

const SAMPLES: usize = 4_000;
const FAMILY: [&str; 14] = [
    "Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ",
    "Hồ", "Ngô",
];
const MIDDLE: [&str; 10] =
    ["Văn", "Thị", "Hữu", "Đức", "Minh", "Ngọc", "Thanh", "Quốc", "Thị Mỹ", "Hoàng"];
const GIVEN: [&str; 24] = [
    "An", "Bình", "Châu", "Dũng", "Giang", "Hà", "Hải", "Hạnh", "Hiếu", "Hòa", "Hùng", "Hương",
    "Khánh", "Lan", "Linh", "Long", "Mai", "Nam", "Nga", "Phúc", "Quân", "Sơn", "Thảo", "Tuấn",
];
const STREETS: [&str; 10] = [
    "đường Lê Lợi",
    "đường Trần Hưng Đạo",
    "đường Nguyễn Huệ",
    "đường Hai Bà Trưng",
    "đường Cách Mạng Tháng Tám",
    "hẻm 12 đường Lý Thường Kiệt",
    "tổ 5, khu phố 3",
    "ấp 2",
    "thôn Đông",
    "đường số 7",
];
const PLACES: [&str; 8] = [
    "phường Bến Thành",
    "phường Sài Gòn",
    "phường Tân Định",
    "xã Bình Chánh",
    "xã Củ Chi",
    "phường Thủ Đức",
    "phường An Khánh",
    "xã Cần Giờ",
];
const PAPERS: [&str; 10] = [
    "Tờ khai theo mẫu",
    "Giấy chứng sinh",
    "Căn cước công dân",
    "Giấy chứng nhận kết hôn",
    "Hợp đồng mua bán",
    "Giấy chứng nhận quyền sử dụng đất",
    "Đơn đề nghị",
    "Giấy ủy quyền",
    "Bản sao giấy khai sinh",
    "Biên bản bàn giao",
];
const NOTES: [&str; 12] = [
    "Tiếp nhận hồ sơ",
    "Chuyển bộ phận chuyên môn thụ lý",
    "Hồ sơ đầy đủ, hợp lệ",
    "Yêu cầu bổ sung giấy tờ",
    "Công dân đã bổ sung hồ sơ",
    "Trình lãnh đạo ký duyệt",
    "Đã ký, chuyển văn thư đóng dấu",
    "Đã có kết quả, mời công dân đến nhận",
    "Đã trả kết quả cho công dân",
    "Gọi điện cho công dân, chưa liên lạc được",
    "Chuyển hồ sơ liên thông cơ quan thuế",
    "Xin ý kiến phòng chuyên môn",
];

fn main() {
    let dir = std::env::args().nth(1).expect("usage: history_dictionary DIRECTORY");
    let dir = Path::new(&dir);
    std::fs::create_dir_all(dir).unwrap();
    let mut seed = Seed::new(2_026);
    let mut total = 0;
    for number in 0..SAMPLES {
        let history = dossier(&mut seed, number);
        let raw = pack::raw_for_dictionary(&history.iter().collect::<Vec<_>>());
        total += raw.len();
        std::fs::write(dir.join(number.to_string()), raw).unwrap();
    }
    eprintln!("{SAMPLES} samples, {total} bytes");
}

/// Digits that differ from sample to sample, so that none of them gets into the dictionary.
fn digits(seed: &mut Seed, count: usize) -> String {
    (0..count).map(|_| char::from(b'0' + seed.below(10) as u8)).collect()
}

fn bytes<const N: usize>(seed: &mut Seed) -> [u8; N] {
    std::array::from_fn(|_| seed.below(256) as u8)
}

fn person(seed: &mut Seed) -> String {
    format!("{} {} {}", seed.pick(&FAMILY), seed.pick(&MIDDLE), seed.pick(&GIVEN))
}

fn registration(seed: &mut Seed) -> Registration {
    let procedures = built_in();
    let procedure = seed.pick(&procedures).clone();
    let count = 1 + seed.below(4);
    Registration {
        applicant: Applicant {
            name: person(seed),
            id_number: format!("0{}", digits(seed, 11)),
            birth_date: Some(format!(
                "19{}-0{}-1{}",
                digits(seed, 2),
                1 + seed.below(9),
                seed.below(10)
            )),
            phone: format!("09{}", digits(seed, 8)),
            address: format!(
                "{} {}, {}",
                1 + seed.below(400),
                seed.pick(&STREETS),
                seed.pick(&PLACES)
            ),
            email: match seed.below(2) {
                0 => String::new(),
                _ => format!(
                    "{}{}@example.vn",
                    seed.pick(&["lan", "minh", "hoa", "an"]),
                    digits(seed, 3)
                ),
            },
            ..Applicant::default()
        },
        request: Request {
            procedure: procedure.code.clone(),
            procedure_name: procedure.name.clone(),
            channel: "direct".into(),
            text: (*seed.pick(&NOTES)).into(),
            fee: Some(1_000 * seed.below(500) as u64),
            term_unit: procedure.term_unit.clone(),
            term: Some(procedure.term),
        },
        papers: (0..count)
            .map(|_| Paper {
                name: (*seed.pick(&PAPERS)).into(),
                form: (*seed.pick(&["original", "copy"])).into(),
                count: 1 + seed.below(3) as u32,
            })
            .collect(),
        due: Some(1_700_000_000_000 + seed.below(1_000_000_000) as i64 * 100),
        code: format!(
            "H{}.{}.{}-{}-{}",
            digits(seed, 2),
            digits(seed, 2),
            digits(seed, 2),
            digits(seed, 6),
            digits(seed, 4)
        ),
    }
}

fn dossier(seed: &mut Seed, number: usize) -> Vec<Stored> {
    let key = SecretKey::from_seed(bytes(seed));
    let log = LogId(bytes(seed));
    let office = OfficeId(bytes(seed));
    let mut own = OwnLog::new(key.public(), log, Nonce(bytes(seed)), Frontier::default());
    let mut at = 1_690_000_000_000 + number as i64 * 61_000;
    let nonce = Nonce(bytes(seed));
    let id = dossier_id(&key.public(), nonce, Timestamp(at));
    let mut document = Document::new();
    let mut history = Vec::new();
    for step in 0..2 + seed.below(8) {
        let act = Act {
            at,
            by: person(seed),
            office: office.to_string(),
            note: (*seed.pick(&NOTES)).into(),
            ..Act::default()
        };
        let action = match step {
            0 => action::register(registration(seed), act, office),
            _ => next(seed, &document, act),
        };
        let creation = (step == 0).then_some(nonce);
        let entry = write(&mut own, &mut document, id, action.unwrap(), at, creation);
        history.push(entry);
        at += 1_000 * (1 + seed.below(100_000) as i64);
    }
    history
}

fn next(seed: &mut Seed, document: &Document, act: Act) -> Result<Action, action::ActionError> {
    let derived = derive(&document.facts());
    let allowed = derived.allowed();
    match seed.below(3) {
        0 if !allowed.is_empty() => {
            let to: State = *seed.pick(&allowed);
            action::move_to(&derived, to, act)
        }
        1 => action::forward(OfficeId(bytes(seed)), OfficeId(bytes(seed)), act),
        _ => action::note((*seed.pick(&NOTES)).into(), act),
    }
}

fn write(
    own: &mut OwnLog,
    document: &mut Document,
    dossier: DossierId,
    action: Action,
    at: i64,
    creation: Option<Nonce>,
) -> Stored {
    let parents: Vec<Hash> = document.heads().into_iter().map(Hash).collect();
    let ids = FactIds::new(own.actor(), dossier, &parents, Timestamp(at));
    let facts: Vec<Fact> =
        action.facts.into_iter().zip(ids).map(|(fact, id)| fact.with_id(id)).collect();
    let written = document.append(own.actor().0, at, &facts).unwrap();
    let draft = Draft {
        doc_type: motcua_core::entry::DocType::Dossier,
        kind: if creation.is_some() { Kind::Create } else { Kind::Change },
        dossier,
        person: PersonId::ZERO,
        claimed_at: Timestamp(at),
        clock: ClockQuality::Unproven,
        schema: motcua_dossier::SCHEMA,
        op_count: written.ops,
        change_hash: Hash(written.hash),
        deps: written.deps.into_iter().map(Hash).collect(),
        audience: action.audience,
        creation,
        payload: written.bytes,
    };
    let (sequence, entry) = own.append(draft).unwrap();
    let (verdict, reason) = (Verdict::Accepted, String::new());
    Stored { log: own.log(), sequence, verdict, reason, attestation: None, entry }
}
