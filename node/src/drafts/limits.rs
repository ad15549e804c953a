//! Bounds of drafts.

/// Drafts that are not registered. A counter has some ten open at a time; five hundred are weeks of
/// forgotten ones, and still a list that a person can look through.
pub const DRAFTS: usize = 500;
/// Fields of a draft: those of the form, and a hundred lines of papers.
pub const FIELDS: usize = 150;
/// Characters of a field's name.
pub const NAME: usize = 40;
/// Characters of a value: the longest field of the form takes 2,000.
pub const VALUE: usize = 2_100;
/// Values of one field that wait for a choice: more than ten people do not type into one field.
pub const VALUES: usize = 10;
/// Characters of names of people, PCs and tabs.
pub const WHO: usize = 100;
/// How long a discarded draft can be taken back, milliseconds: until somebody asks the next morning.
pub const DISCARDED_MILLIS: i64 = 86_400_000;
/// How long a draft tells what became of it, milliseconds: a tab that was left open over a holiday.
pub const REGISTERED_MILLIS: i64 = 7 * 86_400_000;
/// Longest file that is read: a whole draft with every field full fits.
pub const FILE_BYTES: u64 = 8 * 1024 * 1024;
