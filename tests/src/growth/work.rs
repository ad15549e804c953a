//! Invented work: registrations as a ward takes them in, and six steps of each dossier's life. Only
//! as many dossiers as are open at a counter are ever in memory.

use crate::seed::Seed;
use motcua_core::id::DossierId;
use motcua_dossier::{
    action,
    fact::{Applicant, Paper},
    state::State,
};
use motcua_node::desk::{Caller, Desk, NewDossier};
use std::sync::Arc;

/// Entries of a finished dossier.
pub(super) const REVISIONS: u64 = 7;
/// Dossiers under way at once: those of some weeks.
const OPEN: usize = 2_000;
/// Saves under way at once; one clerk more would only wait for the same disk.
const CLERKS: usize = 64;

/// Writes dossiers of seven revisions at a desk.
pub(super) async fn load(desk: &Arc<Desk>, dossiers: u64) -> anyhow::Result<()> {
    let mut seed = Seed::new(dossiers);
    let (mut registered, mut open) = (0, Vec::<(DossierId, u64)>::new());
    while registered < dossiers || !open.is_empty() {
        let mut saves = Vec::new();
        for _ in 0..CLERKS {
            let desk = Arc::clone(desk);
            if registered < dossiers && open.len() + saves.len() < OPEN {
                let (new, clerk) = (registration(&mut seed, registered), clerk(&mut seed));
                registered += 1;
                saves.push(tokio::spawn(async move {
                    let id = desk.register(new, Caller { clerk, ..Caller::default() }).await?;
                    anyhow::Ok((id, 1))
                }));
            } else if !open.is_empty() {
                // Taken out, so that no dossier is changed twice at once.
                let (id, revision) = open.swap_remove(seed.below(open.len()));
                let (clerk, text) = (clerk(&mut seed), text(&mut seed));
                saves.push(tokio::spawn(async move {
                    step(&desk, id, revision, clerk, text).await?;
                    anyhow::Ok((id, revision + 1))
                }));
            }
        }
        for save in saves {
            let (id, revisions) = save.await??;
            if revisions < REVISIONS {
                open.push((id, revisions));
            }
        }
    }
    desk.settled().await;
    Ok(())
}

/// What comes after so many revisions of a dossier.
async fn step(
    desk: &Desk,
    id: DossierId,
    revisions: u64,
    clerk: String,
    text: String,
) -> anyhow::Result<()> {
    let to = match revisions {
        1 | 3 => State::InProcess,
        2 => State::Supplement,
        5 => State::Finished,
        6 => State::Returned,
        _ => return note(desk, id, clerk, text).await,
    };
    let caller = Caller { clerk, ..Caller::default() };
    desk.act(id, caller, text, |derived, act| Ok(action::move_to(derived, to, act)?)).await?;
    Ok(())
}

/// A remark, which any dossier takes at any time.
pub(super) async fn note(
    desk: &Desk,
    id: DossierId,
    clerk: String,
    text: String,
) -> anyhow::Result<()> {
    let caller = Caller { clerk, ..Caller::default() };
    let remark = |_: &_, act| Ok(action::note(text.clone(), act)?);
    desk.act(id, caller, String::new(), remark).await?;
    Ok(())
}

/// A citizen's dossier, unlike any other.
pub(super) fn registration(seed: &mut Seed, number: u64) -> NewDossier {
    let (year, month, day) = (1950 + seed.below(56), 1 + seed.below(12), 1 + seed.below(28));
    let papers = (0..2 + seed.below(4)).map(|_| Paper {
        name: (*seed.pick(&PAPERS)).into(),
        form: (*seed.pick(&["original", "copy"])).into(),
        count: 1 + seed.below(3) as u32,
    });
    let papers = papers.collect();
    NewDossier {
        procedure: "1.001193".into(),
        applicant: Applicant {
            name: name(seed),
            id_number: format!("0{:011}", 10_000_000_000 + seed.bits() % 89_000_000_000),
            birth_date: Some(format!("{year}-{month:02}-{day:02}")),
            phone: format!("09{:08}", seed.below(100_000_000)),
            address: format!("Số {} đường {}", 1 + seed.below(400), seed.pick(&STREETS)),
            email: format!("congdan{number}@example.vn"),
            ..Applicant::default()
        },
        request: format!("Đăng ký khai sinh cho con: {}. {}", name(seed), text(seed)),
        papers,
        due: None,
        fee: Some(seed.below(50) as u64 * 5_000),
        // More than a day's codes can number.
        code: Some(format!("H49.10.10-260105-{number:04}")),
        on_paper: None,
    }
}

pub(super) fn clerk(seed: &mut Seed) -> String {
    let family = seed.pick(&FAMILY);
    format!("{family} {}", seed.pick(&GIVEN))
}

pub(super) fn text(seed: &mut Seed) -> String {
    format!("{} ({}).", seed.pick(&REMARKS), seed.below(10_000))
}

fn name(seed: &mut Seed) -> String {
    let (family, middle) = (seed.pick(&FAMILY), seed.pick(&MIDDLE));
    format!("{family} {middle} {}", seed.pick(&GIVEN))
}

const FAMILY: [&str; 10] =
    ["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ"];
const MIDDLE: [&str; 8] = ["Văn", "Thị", "Hữu", "Đức", "Ngọc", "Minh", "Thanh", "Xuân"];
const GIVEN: [&str; 14] = [
    "An", "Bình", "Châu", "Dũng", "Giang", "Hà", "Hải", "Hạnh", "Hoa", "Khánh", "Lan", "Mai",
    "Sơn", "Trang",
];
const STREETS: [&str; 6] =
    ["Lê Lợi", "Nguyễn Huệ", "Hai Bà Trưng", "Trần Hưng Đạo", "Lý Thường Kiệt", "Điện Biên Phủ"];
const PAPERS: [&str; 5] = [
    "Tờ khai theo mẫu",
    "Giấy chứng sinh",
    "Bản sao căn cước công dân",
    "Giấy chứng nhận kết hôn",
    "Giấy xác nhận thông tin cư trú",
];
const REMARKS: [&str; 5] = [
    "Hồ sơ hợp lệ, chuyển bộ phận chuyên môn xử lý",
    "Thiếu bản sao có chứng thực, đề nghị bổ sung",
    "Đã đối chiếu bản chính, thông tin khớp",
    "Lãnh đạo đã ký duyệt, chuyển văn thư đóng dấu",
    "Đã nhắn tin mời công dân đến nhận kết quả",
];
