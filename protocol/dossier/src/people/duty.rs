//! Who may do what: one table, pure, the same at every machine. The law says that the counter receives and
//! returns, that who is competent decides, and that a refusal, a stop and an apology are signed by the head
//! (Nghị định 118/2025/NĐ-CP on the one-stop shop); which clerk of an office does the rest is the office's
//! affair, so most duties are open to several roles.

use super::role::{Role, Roles};
use crate::state::State;

/// Something that only some roles may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// To look at dossiers and lists.
    See,
    /// To type and discard drafts.
    Draft,
    /// To register, to receive, to note that an applicant withdraws.
    Receive,
    /// To work on a dossier: steps, supplements, hand-overs, notes, scans, forms.
    Work,
    /// To turn a dossier away at the counter.
    TurnAway,
    /// To say that the matter is decided.
    Decide,
    /// To stop, to give a new date with an apology, to take an office out.
    Direct,
    /// To hand a result over.
    Return,
    /// To ask for money, to note that it was paid.
    Money,
    /// To say what a dossier costs, with exemptions.
    Demand,
    /// To take money against a receipt, to count the cash.
    TakeMoney,
    /// To give money back, to cancel a receipt, to settle a conflict about money.
    GiveMoney,
    /// To set numbers, take lists over and out, carry bundles, compare with the hub.
    Operate,
    /// To draw codes on paper for the day on which the machine is dead, to print them, to say which were not used.
    Emergency,
    /// To make, change and close accounts and tokens.
    Accounts,
    /// To print recovery codes of somebody.
    Recovery,
    /// To say that somebody is away, and to hand their work on.
    HandOn,
    /// To read who saw what.
    Audit,
    /// What no line of the table names.
    Unnamed,
}

impl Duty {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::See,
        Self::Draft,
        Self::Receive,
        Self::Work,
        Self::TurnAway,
        Self::Decide,
        Self::Direct,
        Self::Return,
        Self::Money,
        Self::Demand,
        Self::TakeMoney,
        Self::GiveMoney,
        Self::Operate,
        Self::Emergency,
        Self::Accounts,
        Self::Recovery,
        Self::HandOn,
        Self::Audit,
        Self::Unnamed,
    ];

    /// Roles of which one is enough.
    pub fn may(self) -> &'static [Role] {
        use Role::{Admin, Leader, Reception, Specialist, Treasurer};
        match self {
            Self::See => &[Reception, Specialist, Leader, Treasurer, Admin],
            Self::Draft => &[Reception, Specialist, Leader],
            Self::Receive | Self::Return => &[Reception],
            Self::Work => &[Reception, Specialist, Leader],
            Self::TurnAway => &[Reception, Leader],
            Self::Decide => &[Specialist, Leader],
            Self::Direct | Self::Unnamed => &[Leader],
            Self::Money => &[Treasurer, Specialist, Leader],
            Self::Demand => &[Reception, Specialist, Leader, Treasurer],
            Self::TakeMoney => &[Reception, Treasurer],
            Self::GiveMoney => &[Treasurer, Leader],
            Self::Operate => &[Admin, Leader],
            Self::Emergency => &[Treasurer, Leader, Admin],
            Self::Accounts => &[Admin],
            Self::Recovery | Self::HandOn | Self::Audit => &[Leader, Admin],
        }
    }

    /// Whether somebody with these roles may.
    pub fn is_of(self, roles: &Roles) -> bool {
        self.may().iter().any(|role| roles.contains(role))
    }

    /// The duty that a step into a state is.
    pub fn of_step(to: State) -> Self {
        match to.code() {
            1 | 2 | 7 => Self::Receive,
            3 => Self::TurnAway,
            6 => Self::Money,
            8 => Self::Direct,
            9 => Self::Decide,
            10 => Self::Return,
            _ => Self::Work,
        }
    }

    /// The refusal in Vietnamese, with the roles that may.
    pub fn refusal_vi(self) -> String {
        let roles: Vec<&str> = self.may().iter().map(|role| role.vi()).collect();
        format!(
            "Tài khoản của bạn không có vai trò để {}. Việc này dành cho: {}.",
            self.vi(),
            roles.join(", ")
        )
    }

    /// The refusal in English.
    pub fn refusal_en(self) -> String {
        let roles: Vec<&str> = self.may().iter().map(|role| role.en()).collect();
        format!(
            "your account has no role for this: to {}. Whoever may: {}",
            self.en(),
            roles.join(", ")
        )
    }

    fn vi(self) -> &'static str {
        match self {
            Self::See => "xem hồ sơ",
            Self::Draft => "soạn hồ sơ",
            Self::Receive => "tiếp nhận hồ sơ",
            Self::Work => "xử lý hồ sơ",
            Self::TurnAway => "từ chối tiếp nhận",
            Self::Decide => "ghi kết quả giải quyết",
            Self::Direct => "dừng hồ sơ, xin lỗi và hẹn lại, hoặc rút một cơ quan khỏi hồ sơ",
            Self::Return => "trả kết quả",
            Self::Money => "yêu cầu hoặc ghi nhận nghĩa vụ tài chính",
            Self::Demand => "ghi mức phí, lệ phí phải thu",
            Self::TakeMoney => "thu tiền và kiểm quỹ",
            Self::GiveMoney => "hoàn tiền, hủy biên nhận, giải quyết mâu thuẫn về tiền",
            Self::Operate => "đặt số, nhập và xuất danh sách, mang tệp, đối chiếu với hub",
            Self::Emergency => "lấy, in mã dự phòng trên giấy và ghi mã không dùng",
            Self::Accounts => "quản lý tài khoản và mã truy cập",
            Self::Recovery => "in mã khôi phục",
            Self::HandOn => "ghi vắng mặt của người khác hoặc giao lại việc của họ",
            Self::Audit => "xem nhật ký truy cập",
            Self::Unnamed => "làm việc này",
        }
    }

    fn en(self) -> &'static str {
        match self {
            Self::See => "see dossiers",
            Self::Draft => "draft dossiers",
            Self::Receive => "receive dossiers",
            Self::Work => "work on dossiers",
            Self::TurnAway => "turn a dossier away",
            Self::Decide => "note what was decided",
            Self::Direct => "stop a dossier, apologise with a new date, or take an office out",
            Self::Return => "hand results over",
            Self::Money => "ask for money or note that it was paid",
            Self::Demand => "say what a dossier costs",
            Self::TakeMoney => "take money or count the cash",
            Self::GiveMoney => {
                "give money back, cancel a receipt, or settle a conflict about money"
            }
            Self::Operate => {
                "set numbers, take lists over and out, carry files, compare with the hub"
            }
            Self::Emergency => "draw and print codes on paper, or note which were not used",
            Self::Accounts => "manage accounts and tokens",
            Self::Recovery => "print recovery codes",
            Self::HandOn => "say that somebody else is away, or hand their work on",
            Self::Audit => "read who saw what",
            Self::Unnamed => "do this",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_may_do_each_duty_and_nobody_without_a_role_may_do_any() {
        for duty in Duty::ALL {
            assert!(!duty.may().is_empty(), "{duty:?}");
            assert!(!duty.is_of(&Roles::new()), "{duty:?}");
            for role in Role::ALL {
                assert_eq!(duty.is_of(&Roles::from([role])), duty.may().contains(&role));
            }
        }
    }

    #[test]
    fn the_counter_receives_and_returns_the_head_stops_and_the_administrator_does_neither() {
        let duty = |code| Duty::of_step(State::from_code(code).expect("a state"));
        let may = |code, role| duty(code).is_of(&Roles::from([role]));
        assert!(may(2, Role::Reception) && may(10, Role::Reception));
        assert!(!may(2, Role::Specialist) && !may(10, Role::Specialist));
        assert!(may(8, Role::Leader) && !may(8, Role::Specialist) && !may(8, Role::Reception));
        assert!(may(9, Role::Specialist) && !may(9, Role::Reception));
        for code in 1..=10 {
            assert!(!may(code, Role::Admin), "{code}");
        }
    }

    #[test]
    fn a_refusal_names_the_roles_that_may_in_both_languages() {
        for duty in Duty::ALL {
            let (vi, en) = (duty.refusal_vi(), duty.refusal_en());
            for role in duty.may() {
                assert!(vi.contains(role.vi()) && en.contains(role.en()), "{vi} {en}");
            }
        }
    }
}
