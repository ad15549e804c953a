//! One draft, and what a save does to it. Pure: see design/drafts.md for why it is field by field.

use super::limits;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing that was typed into a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// The draft's number of the save that brought it.
    pub n: u64,
    /// What was typed; empty where the field was emptied.
    pub value: String,
    /// Clerk's name as shown.
    pub by: String,
    /// Name of the browser.
    pub pc: String,
    /// The tab, a random text.
    pub tab: String,
    /// When, Unix milliseconds by this machine's clock.
    pub at: i64,
}

/// What became of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// It is being typed.
    Open,
    /// It is a dossier.
    Registered {
        /// Id of the dossier.
        dossier: String,
        /// Its code.
        code: String,
        /// When that was noted, Unix milliseconds.
        at: i64,
    },
    /// Nobody wants it any more.
    Discarded {
        /// Who said so.
        by: String,
        /// When, Unix milliseconds.
        at: i64,
    },
}

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// 32 hexadecimal digits, chosen by the tab that began it.
    pub id: String,
    /// Rises with every change.
    pub revision: u64,
    /// When it was begun, Unix milliseconds.
    pub begun_at: i64,
    /// What became of it.
    #[serde(flatten)]
    pub phase: Phase,
    /// What stands in each field; several where a person must choose.
    pub fields: BTreeMap<String, Vec<Typed>>,
    /// What was typed after it had become a dossier: offered as changes.
    #[serde(default)]
    pub late: BTreeMap<String, Vec<Typed>>,
}

/// Who saves.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Who {
    /// Clerk's name as shown.
    #[serde(default, rename = "clerk")]
    pub by: String,
    /// Name of the browser.
    #[serde(default)]
    pub pc: String,
    /// The tab.
    #[serde(default)]
    pub tab: String,
}

/// What was typed into one field.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The field.
    pub field: String,
    /// What stands in it now.
    pub value: String,
    /// Numbers of the values that the tab had shown when the typing began.
    #[serde(default)]
    pub seen: Vec<u64>,
}

/// Why a save was refused; nothing of it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It was discarded, by whom and when (Unix milliseconds).
    Discarded(String, i64),
    /// A field's name is not one.
    Name(String),
    /// More than a draft can hold, of this field.
    Full(String),
}

impl Draft {
    /// An empty one.
    pub fn new(id: String, now: i64) -> Self {
        let (fields, late) = Default::default();
        Self { id, revision: 0, begun_at: now, phase: Phase::Open, fields, late }
    }

    /// Takes in what was typed; nothing at all if one of the changes is refused.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn save(&mut self, changes: &[Change], who: &Who, now: i64) -> Result<(), Refused> {
        let mut next = self.clone();
        for change in changes {
            next.take(change, who, now)?;
        }
        *self = next;
        Ok(())
    }

    fn take(&mut self, change: &Change, who: &Who, now: i64) -> Result<(), Refused> {
        let Change { field, value, seen } = change;
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
        if field.is_empty() || field.len() > limits::NAME || !field.chars().all(named) {
            return Err(Refused::Name(field.chars().take(limits::NAME).collect()));
        }
        if value.chars().count() > limits::VALUE {
            return Err(Refused::Full(field.clone()));
        }
        let place = match &self.phase {
            Phase::Open => &mut self.fields,
            Phase::Discarded { by, at } => return Err(Refused::Discarded(by.clone(), *at)),
            // What stands in the dossier already is no change to it.
            Phase::Registered { .. } if says(self.fields.get(field), value) => {
                self.late.remove(field);
                return Ok(());
            }
            Phase::Registered { .. } => &mut self.late,
        };
        if !place.contains_key(field) && place.len() >= limits::FIELDS {
            return Err(Refused::Full(field.clone()));
        }
        let all = place.entry(field.clone()).or_default();
        // A tab's saves follow each other: it has seen whatever it wrote itself.
        let replaced = |typed: &Typed| {
            seen.contains(&typed.n) || (!who.tab.is_empty() && typed.tab == who.tab)
        };
        let same = all.iter().find(|typed| typed.value == *value).map(|typed| typed.n);
        let before = all.len();
        all.retain(|typed| Some(typed.n) == same || !replaced(typed));
        if same.is_some() && all.len() == before {
            return Ok(());
        }
        self.revision += 1;
        if same.is_none() {
            if all.len() >= limits::VALUES {
                return Err(Refused::Full(field.clone()));
            }
            let short = |text: &str| text.trim().chars().take(limits::WHO).collect::<String>();
            all.push(Typed {
                n: self.revision,
                value: value.clone(),
                by: short(&who.by),
                pc: short(&who.pc),
                tab: short(&who.tab),
                at: now,
            });
        }
        Ok(())
    }

    /// It has become a dossier. What became of a draft is said once.
    pub fn registered(&mut self, dossier: String, code: String, now: i64) {
        if !matches!(self.phase, Phase::Registered { .. }) {
            self.phase = Phase::Registered { dossier, code, at: now };
            self.revision += 1;
        }
    }

    /// Nobody wants it any more. A dossier is not undone by that.
    pub fn discard(&mut self, by: &str, now: i64) {
        if self.phase == Phase::Open {
            self.phase = Phase::Discarded { by: by.to_owned(), at: now };
            self.revision += 1;
        }
    }

    /// Takes back that it was discarded.
    pub fn keep(&mut self) {
        if matches!(self.phase, Phase::Discarded { .. }) {
            self.phase = Phase::Open;
            self.revision += 1;
        }
    }

    /// What was offered under these numbers has been dealt with.
    pub fn settle(&mut self, numbers: &[u64]) {
        let before = self.late.clone();
        self.late.values_mut().for_each(|all| all.retain(|typed| !numbers.contains(&typed.n)));
        self.late.retain(|_, all| !all.is_empty());
        self.revision += u64::from(self.late != before);
    }

    /// Fields in which a person must choose.
    pub fn to_choose(&self) -> impl Iterator<Item = &String> {
        self.fields.iter().filter(|(_, all)| all.len() > 1).map(|(field, _)| field)
    }

    /// Newest thing that was typed.
    pub fn newest(&self) -> Option<&Typed> {
        self.fields.values().chain(self.late.values()).flatten().max_by_key(|typed| typed.n)
    }

    /// Whether it has said all that it had to say.
    pub fn is_over(&self, now: i64) -> bool {
        match &self.phase {
            Phase::Open => false,
            Phase::Discarded { at, .. } => now > at.saturating_add(limits::DISCARDED_MILLIS),
            Phase::Registered { at, .. } => {
                self.late.is_empty() && now > at.saturating_add(limits::REGISTERED_MILLIS)
            }
        }
    }
}

/// Whether a field says this; one that nobody typed into is empty.
fn says(all: Option<&Vec<Typed>>, value: &str) -> bool {
    all.map_or(value.is_empty(), |all| all.iter().any(|typed| typed.value == value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn who(tab: &str) -> Who {
        Who { by: format!("clerk {tab}"), pc: "pc".into(), tab: tab.into() }
    }

    fn change(field: &str, value: &str, seen: &[u64]) -> Change {
        Change { field: field.into(), value: value.into(), seen: seen.to_vec() }
    }

    fn values(draft: &Draft, field: &str) -> Vec<String> {
        draft.fields.get(field).into_iter().flatten().map(|typed| typed.value.clone()).collect()
    }

    #[test]
    fn a_tab_that_is_behind_overwrites_nothing_of_what_it_did_not_type() {
        let mut draft = Draft::new("d".into(), 0);
        draft
            .save(&[change("name", "An", &[]), change("address", "Số 1", &[])], &who("2"), 5)
            .unwrap();
        draft.save(&[change("phone", "0909", &[])], &who("1"), 6).unwrap();
        assert_eq!(values(&draft, "name"), ["An"]);
        assert_eq!(values(&draft, "address"), ["Số 1"]);
        assert_eq!(values(&draft, "phone"), ["0909"]);
    }

    #[test]
    fn two_values_typed_apart_are_both_kept_until_somebody_who_saw_both_chooses() {
        let mut draft = Draft::new("d".into(), 0);
        draft.save(&[change("name", "An", &[])], &who("1"), 1).unwrap();
        let seen = draft.fields["name"][0].n;
        draft.save(&[change("name", "Anh", &[seen])], &who("1"), 2).unwrap();
        draft.save(&[change("name", "Ánh", &[seen])], &who("2"), 3).unwrap();
        assert_eq!(values(&draft, "name"), ["Anh", "Ánh"]);
        assert_eq!(draft.to_choose().count(), 1);
        let by: Vec<_> = draft.fields["name"].iter().map(|typed| (&*typed.by, typed.at)).collect();
        assert_eq!(by, [("clerk 1", 2), ("clerk 2", 3)]);
        // Typing on is not choosing.
        draft.save(&[change("name", "Ánhh", &[seen])], &who("2"), 4).unwrap();
        assert_eq!(values(&draft, "name"), ["Anh", "Ánhh"]);
        let both: Vec<u64> = draft.fields["name"].iter().map(|typed| typed.n).collect();
        draft.save(&[change("name", "Anh", &both)], &who("3"), 5).unwrap();
        assert_eq!(values(&draft, "name"), ["Anh"]);
    }

    #[test]
    fn a_save_that_is_sent_again_changes_nothing() {
        let mut draft = Draft::new("d".into(), 0);
        let save = [change("name", "An", &[])];
        draft.save(&save, &who("1"), 1).unwrap();
        let before = draft.clone();
        draft.save(&save, &who("1"), 9).unwrap();
        assert_eq!(draft, before);
        // Its answer was lost, and the tab types on with what it had seen before.
        draft.save(&[change("name", "Anh", &[])], &who("1"), 10).unwrap();
        assert_eq!(values(&draft, "name"), ["Anh"]);
    }

    #[test]
    fn what_is_typed_into_a_registered_draft_is_offered_and_not_lost() {
        let mut draft = Draft::new("d".into(), 0);
        draft.save(&[change("name", "An", &[])], &who("2"), 1).unwrap();
        draft.registered("x".into(), "code".into(), 2);
        draft.registered("y".into(), "other".into(), 3);
        assert!(matches!(&draft.phase, Phase::Registered { dossier, .. } if dossier == "x"));
        draft.save(&[change("name", "An", &[]), change("phone", "09", &[])], &who("1"), 4).unwrap();
        assert_eq!(draft.late.keys().collect::<Vec<_>>(), ["phone"]);
        assert!(!draft.is_over(i64::MAX), "it waits for somebody");
        draft.discard("a", 5);
        assert!(matches!(draft.phase, Phase::Registered { .. }));
        draft.settle(&[draft.late["phone"][0].n]);
        assert!(draft.late.is_empty() && draft.is_over(i64::MAX) && !draft.is_over(3));
    }

    #[test]
    fn a_discarded_draft_takes_nothing_until_it_is_kept() {
        let mut draft = Draft::new("d".into(), 0);
        draft.discard("Lê Thị Mẫu", 7);
        let refused = draft.save(&[change("name", "An", &[])], &who("1"), 8);
        assert_eq!(refused, Err(Refused::Discarded("Lê Thị Mẫu".into(), 7)));
        draft.keep();
        draft.save(&[change("name", "An", &[])], &who("1"), 9).unwrap();
    }

    #[test]
    fn a_save_is_taken_whole_or_not_at_all() {
        let mut draft = Draft::new("d".into(), 0);
        let long = "a".repeat(limits::VALUE + 1);
        for bad in [change("Name", "a", &[]), change("", "a", &[]), change("b", &long, &[])] {
            assert!(draft.save(&[change("name", "An", &[]), bad], &who("1"), 1).is_err());
            assert_eq!(draft, Draft::new("d".into(), 0));
        }
    }

    proptest! {
        /// Whoever types last into a field that others see finds it there, whatever they do.
        #[test]
        fn nothing_that_nobody_saw_replaced_is_ever_gone(
            plan in proptest::collection::vec((0usize..3, 0usize..3, any::<bool>()), 1..40),
        ) {
            let mut draft = Draft::new("d".into(), 0);
            let mut shown: [Vec<u64>; 3] = Default::default();
            let mut last: [Option<String>; 3] = Default::default();
            for (step, (tab, _, looks)) in plan.into_iter().enumerate() {
                if looks {
                    shown[tab] = draft.fields.get("f").into_iter().flatten().map(|one| one.n).collect();
                    // What it saw it may replace: those who wrote it are not owed it any more.
                    let now: Vec<String> = values(&draft, "f");
                    for (other, one) in last.iter_mut().enumerate() {
                        if other != tab && one.as_ref().is_some_and(|one| now.contains(one)) {
                            *one = None;
                        }
                    }
                }
                let value = step.to_string();
                draft.save(&[change("f", &value, &shown[tab])], &who(&tab.to_string()), 1).unwrap();
                last[tab] = Some(value);
                let now = values(&draft, "f");
                for one in last.iter().flatten() {
                    prop_assert!(now.contains(one), "{one} is gone: {now:?}");
                }
            }
        }
    }
}
