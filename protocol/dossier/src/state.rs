//! The ten states of the national portal and the steps between them.
//!
//! Codes and words as the portal exchanges them (TrangThaiHoSo); no official table of transitions
//! was found, so the steps are a proposal, kept in this one place.

use serde::{Deserialize, Serialize};

/// A portal state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// 1: filed online, not accepted yet.
    Submitted,
    /// 2: accepted. A dossier at the counter starts here.
    Accepted,
    /// 3: not accepted. Final.
    Refused,
    /// 4: being worked on.
    InProcess,
    /// 5: the applicant must add papers.
    Supplement,
    /// 6: the applicant must pay.
    Payment,
    /// 7: the applicant takes it back.
    Withdrawn,
    /// 8: stopped.
    Stopped,
    /// 9: the result lies at the desk.
    Finished,
    /// 10: the result was handed over. Final.
    Returned,
}

impl State {
    /// All states in order of code.
    pub const ALL: [Self; 10] = [
        Self::Submitted,
        Self::Accepted,
        Self::Refused,
        Self::InProcess,
        Self::Supplement,
        Self::Payment,
        Self::Withdrawn,
        Self::Stopped,
        Self::Finished,
        Self::Returned,
    ];

    /// The portal's number, 1 to 10.
    pub fn code(self) -> u8 {
        self as u8 + 1
    }

    /// From the portal's number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The portal's words.
    pub fn vi(self) -> &'static str {
        match self {
            Self::Submitted => "Mới đăng ký",
            Self::Accepted => "Được tiếp nhận",
            Self::Refused => "Không được tiếp nhận",
            Self::InProcess => "Đang xử lý",
            Self::Supplement => "Yêu cầu bổ sung giấy tờ",
            Self::Payment => "Yêu cầu thực hiện nghĩa vụ tài chính",
            Self::Withdrawn => "Công dân yêu cầu rút hồ sơ",
            Self::Stopped => "Dừng xử lý",
            Self::Finished => "Đã xử lý xong",
            Self::Returned => "Đã trả kết quả",
        }
    }

    /// In English.
    pub fn en(self) -> &'static str {
        match self {
            Self::Submitted => "Submitted",
            Self::Accepted => "Accepted",
            Self::Refused => "Not accepted",
            Self::InProcess => "In process",
            Self::Supplement => "Waiting for papers",
            Self::Payment => "Waiting for payment",
            Self::Withdrawn => "Withdrawn by the applicant",
            Self::Stopped => "Stopped",
            Self::Finished => "Finished, result at the desk",
            Self::Returned => "Result handed over",
        }
    }

    /// States that may follow. Papers that were waited for lead back to where the dossier came
    /// from, so `before` is the state before this one.
    pub fn next(self, before: Option<Self>) -> Vec<Self> {
        use State::*;
        match self {
            Submitted => vec![Accepted, Refused, Supplement, Withdrawn],
            Accepted => vec![InProcess, Supplement, Payment, Withdrawn, Stopped],
            InProcess => vec![Supplement, Payment, Withdrawn, Stopped, Finished],
            Supplement => {
                let back = before.filter(|state| matches!(state, Submitted | Accepted | InProcess));
                vec![back.unwrap_or(InProcess), Withdrawn, Stopped]
            }
            Payment => vec![InProcess, Withdrawn, Stopped],
            Withdrawn => vec![Finished, Returned],
            Stopped => vec![InProcess, Finished, Returned],
            Finished => vec![Returned, InProcess],
            Refused | Returned => vec![],
        }
    }

    /// Whether nothing may follow.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Refused | Self::Returned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_portals() {
        for (position, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(state.code()), position + 1);
            assert_eq!(State::from_code(state.code()), Some(state));
        }
        assert_eq!((State::from_code(0), State::from_code(11)), (None, None));
    }

    #[test]
    fn steps_are_those_of_the_table() {
        let table: [(u8, &[u8]); 10] = [
            (1, &[2, 3, 5, 7]),
            (2, &[4, 5, 6, 7, 8]),
            (3, &[]),
            (4, &[5, 6, 7, 8, 9]),
            (5, &[4, 7, 8]),
            (6, &[4, 7, 8]),
            (7, &[9, 10]),
            (8, &[4, 9, 10]),
            (9, &[10, 4]),
            (10, &[]),
        ];
        for (from, to) in table {
            let state = State::from_code(from).expect("in the table");
            let next: Vec<u8> = state.next(None).into_iter().map(State::code).collect();
            assert_eq!(next, to, "from {from}");
            assert_eq!(state.is_final(), to.is_empty());
        }
        for before in [State::Submitted, State::Accepted, State::InProcess] {
            assert_eq!(State::Supplement.next(Some(before))[0], before);
        }
    }
}
