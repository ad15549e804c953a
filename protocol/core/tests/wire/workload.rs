//! Invented dossiers as a catch-up finds them: for figures and micro-benchmarks.

use crate::author::Author;
use motcua_core::{entry::dossier_id, id::Nonce, time::Timestamp};

/// Changes of a dossier after its registration.
pub const LATER: u64 = 6;
const START: i64 = 1_767_600_000_000;

/// A node's log of so many dossiers of seven revisions, in order of time.
pub fn write(dossiers: u64) -> Author {
    let mut random = Random(7);
    let mut author = Author::new(1);
    let mut events = Vec::new();
    for dossier in 0..dossiers {
        let mut at = START + random.below(30 * 86_400_000) as i64;
        events.push((at, dossier, 0));
        for step in 1..=LATER {
            at += 600_000 + random.below(3 * 86_400_000 - 600_000) as i64;
            events.push((at, dossier, step));
        }
    }
    events.sort_unstable();
    let mut ids = std::collections::BTreeMap::new();
    for (count, (at, dossier, step)) in events.into_iter().enumerate() {
        if count % 1_000 == 999 {
            author.boot = Nonce(random.bytes());
        }
        if step == 0 {
            let nonce = Nonce(random.bytes());
            let id = dossier_id(&author.key.public(), nonce, Timestamp(at));
            let facts = author.named(id, at, &registration(&mut random, at, dossier));
            author.create(nonce, at, &facts);
            ids.insert(dossier, id);
        } else {
            let id = ids[&dossier];
            let facts = author.named(id, at, &event(&mut random, at, step));
            author.change(id, at, &facts);
        }
        if step == LATER {
            author.docs.remove(&ids[&dossier]);
        }
    }
    author
}

/// 25 fields in 8 facts.
fn registration(r: &mut Random, at: i64, n: u64) -> Vec<(&'static str, String)> {
    let (code, title) = r.pick(&PROCEDURES);
    let papers: Vec<String> = (0..3 + r.below(3))
        .map(|_| {
            let (paper, form) = (r.pick(&PAPERS), r.pick(&["Bản chính", "Bản sao"]));
            format!(r#"{{"ten":"{paper}","ban":"{form}","sl":{}}}"#, 1 + r.below(3))
        })
        .collect();
    let facts = [
        (
            "tiep_nhan",
            format!(
                r#"{{"ma":"000.00.{}.H49-260105-{n:05}","tt":"{code}","ten":"{title}","luc":"{}","hen":"{}","kenh":"{}","muc_do":{},"uu_tien":{}}}"#,
                10 + r.below(89),
                time(at),
                time(at + 15 * 86_400_000),
                r.pick(&["Trực tiếp", "Trực tuyến", "Bưu chính"]),
                2 + r.below(3),
                r.below(10) == 0
            ),
        ),
        (
            "chu_ho_so",
            format!(
                r#"{{"ten":"{}","cccd":"0{}","ns":"{}-{:02}-{:02}","gt":"{}"}}"#,
                name(r),
                10_000_000_000 + r.below(89_000_000_000),
                1950 + r.below(56),
                1 + r.below(12),
                1 + r.below(28),
                r.pick(&["Nam", "Nữ"])
            ),
        ),
        (
            "lien_he",
            format!(
                r#"{{"dc":"Số {} đường {}, {}, {}","dt":"09{:08}","email":"congdan{n}@example.vn"}}"#,
                1 + r.below(400),
                r.pick(&STREETS),
                r.pick(&WARDS),
                r.pick(&PROVINCES),
                r.below(100_000_000)
            ),
        ),
        ("don_vi", format!(r#"{{"dv":"Ủy ban nhân dân {}","cb":"{}"}}"#, r.pick(&WARDS), name(r))),
        ("phi", format!(r#"{{"muc":{},"da_nop":{}}}"#, r.below(50) * 5_000, r.below(2) == 0)),
        ("thanh_phan", format!("[{}]", papers.join(","))),
        ("ghi_chu", format!(r#""{} {}""#, r.pick(&NOTES), r.pick(&NOTES))),
        ("trang_thai", r#""Mới đăng ký""#.to_owned()),
    ];
    facts.into_iter().collect()
}

fn event(r: &mut Random, at: i64, step: u64) -> Vec<(&'static str, String)> {
    let state = STATES[step as usize % STATES.len()];
    let value = format!(
        r#"{{"k":{step},"luc":"{}","cb":"{}","tt":"{state}","nd":"{}"}}"#,
        time(at),
        name(r),
        r.pick(&NOTES)
    );
    let mut facts = vec![("buoc", value)];
    if r.below(2) == 0 {
        facts.push(("trang_thai", format!("\"{state}\"")));
    }
    facts
}

/// Good enough for a text that has to look like a date.
fn time(at: i64) -> String {
    let seconds = (at - START) / 1_000;
    let (day, rest) = (seconds / 86_400 + 5, seconds % 86_400);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("2026-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}+07:00", 1 + day / 28, 1 + day % 28)
}

fn name(r: &mut Random) -> String {
    format!("{} {} {}", r.pick(&FAMILY), r.pick(&MIDDLE), r.pick(&GIVEN))
}

struct Random(u64);

impl Random {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    fn bytes(&mut self) -> [u8; 16] {
        let value = (u128::from(self.next()) << 64) | u128::from(self.next());
        value.to_le_bytes()
    }
}

const FAMILY: [&str; 16] = [
    "Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ",
    "Hồ", "Ngô", "Dương", "Lý",
];
const MIDDLE: [&str; 13] = [
    "Văn", "Thị", "Hữu", "Đức", "Ngọc", "Minh", "Thanh", "Quốc", "Xuân", "Kim", "Hồng", "Gia", "Bá",
];
const GIVEN: [&str; 25] = [
    "An", "Bình", "Châu", "Dũng", "Giang", "Hà", "Hải", "Hạnh", "Hiếu", "Hoa", "Hùng", "Hương",
    "Khánh", "Lan", "Linh", "Long", "Mai", "Nam", "Nga", "Phúc", "Quân", "Sơn", "Thảo", "Trang",
    "Tuấn",
];
const STREETS: [&str; 7] = [
    "Trần Hưng Đạo",
    "Lê Lợi",
    "Nguyễn Huệ",
    "Hai Bà Trưng",
    "Lý Thường Kiệt",
    "Điện Biên Phủ",
    "Cách Mạng Tháng Tám",
];
const WARDS: [&str; 7] = [
    "phường Tân Định",
    "phường Bến Nghé",
    "xã Mỹ Lộc",
    "xã Phước Hậu",
    "phường Đống Đa",
    "thị trấn Cần Giuộc",
    "xã Long Trạch",
];
const PROVINCES: [&str; 5] = [
    "tỉnh Long An",
    "thành phố Hồ Chí Minh",
    "tỉnh Tây Ninh",
    "thành phố Cần Thơ",
    "tỉnh Đồng Nai",
];
const PROCEDURES: [(&str, &str); 6] = [
    ("1.004222", "Đăng ký thường trú"),
    ("2.000815", "Chứng thực bản sao từ bản chính"),
    ("1.001193", "Đăng ký khai sinh"),
    ("1.000894", "Đăng ký kết hôn"),
    ("1.009994", "Cấp giấy phép xây dựng nhà ở riêng lẻ"),
    ("2.002189", "Chuyển mục đích sử dụng đất"),
];
const PAPERS: [&str; 7] = [
    "Tờ khai theo mẫu",
    "Bản sao căn cước công dân",
    "Giấy chứng nhận quyền sử dụng đất",
    "Giấy chứng sinh",
    "Bản vẽ thiết kế xây dựng",
    "Hợp đồng thuê nhà có công chứng",
    "Giấy xác nhận tình trạng hôn nhân",
];
const STATES: [&str; 7] = [
    "Đã tiếp nhận",
    "Đang thẩm định",
    "Yêu cầu bổ sung",
    "Đang xử lý",
    "Trình lãnh đạo ký",
    "Đã có kết quả",
    "Đã trả kết quả",
];
const NOTES: [&str; 5] = [
    "Hồ sơ hợp lệ, chuyển bộ phận chuyên môn xử lý",
    "Thiếu bản sao có chứng thực, đề nghị bổ sung",
    "Đã kiểm tra thực địa, không có tranh chấp đất",
    "Lãnh đạo đã ký duyệt, chuyển văn thư đóng dấu",
    "Đã nhắn tin mời công dân đến nhận kết quả",
];
