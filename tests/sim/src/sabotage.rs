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
    /// The state of the city's hub does not hear that a newer denial list leaves somebody out.
    ForgetsPardon,
    /// Hubs take denial lists, nodes do not.
    NodesForgetBan,
    /// At a hub, what a dossier says is what its newest arrival saw, as "the last one wins" would have it.
    FoldsByArrival,
    /// Of the heads of a dossier, a node keeps one.
    KeepsOneHead,
    /// A request that was answered before is written once more.
    AnswersTwice,
    /// A machine writes what nobody asked for.
    WritesUnasked,
    /// The author of a log that comes to a node is taken to be that node, by its journal.
    TakesAuthorship,
    /// The same by its state alone, for logs of other offices.
    MistakesAuthor,
    /// A log of which there are two histories is ended, and nobody is told.
    TellsNobodyOfFork,
    /// Nobody hears that a hub asks for a damaged frame again.
    NeverGivesAgain,
    /// A hole in the journal is a journal that cannot be read.
    StopsAtDamage,
}
