//! Deliberate defects around production code, to show that the checks see them.

/// One defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// A node tells the clerk "saved" before the disk has it.
    AnswersBeforeSync,
    /// A replica tells itself that a received frame is on disk when it is not.
    AcknowledgesBeforeSync,
    /// The newest own entry is left out when the state is brought up to the journal.
    DropsRecordOnRecovery,
    /// A machine whose state went back does not bring it up to the journal.
    SkipsReplay,
    /// A hub's frame is handed to a machine of a third office.
    DeliversToThirdOffice,
    /// A machine forgets nothing that it is told to.
    NeverPurges,
    /// No machine takes a denial list.
    ForgetsBan,
}
