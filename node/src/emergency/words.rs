//! Refusals in Vietnamese.

use crate::views::date_words;
use motcua_dossier::emergency::{AHEAD, CODES, EmergencyError, shown};

/// The refusal in Vietnamese.
pub(crate) fn vietnamese(error: &EmergencyError) -> String {
    match error {
        EmergencyError::Count(count) => {
            format!("Mỗi khối có từ 1 đến {CODES} mã, không phải {count}.")
        }
        EmergencyError::NotThen(day) => format!(
            "Chỉ lấy mã cho hôm nay hoặc {AHEAD} ngày làm việc tới, không lấy cho ngày {}.",
            shown(*day)
        ),
        EmergencyError::Exhausted(day) => format!(
            "Máy này đã hết mã dự phòng cho ngày {}; hãy dùng các khối đã lấy, hoặc lấy ở máy khác của cơ quan.",
            shown(*day)
        ),
        EmergencyError::Clock { shown: day, known } => format!(
            "Đồng hồ máy chỉ ngày {}, nhưng ngày {} đã qua; hãy chỉnh đồng hồ trước.",
            shown(*day),
            shown(*known)
        ),
        EmergencyError::Code(_) => {
            "Không ghi được mã hồ sơ; báo bộ phận CNTT kiểm tra mã định danh cơ quan.".into()
        }
        EmergencyError::OtherDraw(block) => {
            format!("Yêu cầu này đã lấy khối {block} với số lượng hoặc ngày khác.")
        }
        EmergencyError::NoBlock(block) => format!("Máy này không lấy khối {block} nào."),
        EmergencyError::Elsewhere(code) => format!(
            "Mã {code} không thuộc khối nào của máy này: hãy nhập ở máy đã lấy khối ấy, hoặc đánh dấu là máy ấy không còn."
        ),
        EmergencyError::NoSlip(code) => {
            format!("{code} không phải mã trên phiếu dự phòng của cơ quan này.")
        }
        EmergencyError::Time(wrong) => format!("Không nhận: {}.", wrong.vi()),
        EmergencyError::Entered { code, by, at, .. } => {
            format!("Mã {code} đã được {by} nhập lúc {}.", date_words(*at))
        }
        EmergencyError::Field(error) => crate::error::DeskError::Action(error.clone()).vi(),
    }
}
