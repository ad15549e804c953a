//! Directories: names as programs see them, names that are on the disk, and changes on the way.

use super::mood::Mood;
use motcua_tests::seed::Seed;
use std::collections::{BTreeMap, BTreeSet};

/// Number of a file or directory.
pub(super) type Ino = u64;
/// A name in a directory.
pub(super) type Name = (Ino, String);
/// What stands under each name.
pub(super) type Table = BTreeMap<Name, Ino>;

/// A change of names that happens as one.
#[derive(Debug, Clone)]
enum Op {
    Put(Name, Ino),
    Remove(Name),
    Move(Name, Name, Ino),
}

impl Op {
    fn names(&self) -> Vec<&Name> {
        match self {
            Self::Put(name, _) | Self::Remove(name) => vec![name],
            Self::Move(from, to, _) => vec![from, to],
        }
    }

    fn apply(&self, table: &mut Table) {
        match self {
            Self::Put(name, ino) => {
                table.insert(name.clone(), *ino);
            }
            Self::Remove(name) => {
                table.remove(name);
            }
            Self::Move(from, to, ino) => {
                table.remove(from);
                table.insert(to.clone(), *ino);
            }
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) seen: Table,
    safe: Table,
    pending: Vec<Op>,
}

impl Names {
    pub(super) fn durable(table: Table) -> Self {
        Self { seen: table.clone(), safe: table, pending: Vec::new() }
    }

    pub(super) fn get(&self, name: &Name) -> Option<Ino> {
        self.seen.get(name).copied()
    }

    pub(super) fn put(&mut self, name: Name, ino: Ino) {
        self.change(Op::Put(name, ino));
    }

    pub(super) fn remove(&mut self, name: Name) {
        self.change(Op::Remove(name));
    }

    pub(super) fn rename(&mut self, from: Name, to: Name, ino: Ino) {
        self.change(Op::Move(from, to, ino));
    }

    /// What a directory holds, in order.
    pub(super) fn list(&self, dir: Ino) -> impl Iterator<Item = (&str, Ino)> {
        let from = (dir, String::new())..(dir + 1, String::new());
        self.seen.range(from).map(|((_, name), ino)| (name.as_str(), *ino))
    }

    /// The names of one directory are on the disk, and the changes that they follow from.
    pub(super) fn sync(&mut self, dir: Ino) {
        let mut needed: BTreeSet<Name> = BTreeSet::new();
        let mut now: Vec<bool> = Vec::new();
        for op in self.pending.iter().rev() {
            let names = op.names();
            let is_needed = names.iter().any(|name| name.0 == dir || needed.contains(*name));
            if is_needed {
                needed.extend(names.into_iter().cloned());
            }
            now.push(is_needed);
        }
        let mut left = Vec::new();
        for (op, now) in std::mem::take(&mut self.pending).into_iter().zip(now.into_iter().rev()) {
            if now { op.apply(&mut self.safe) } else { left.push(op) }
        }
        self.pending = left;
    }

    /// What may be on the disk after a cut at this moment.
    pub(super) fn after_cut(&self, mood: Mood, seed: &mut Seed) -> Table {
        let mut table = self.safe.clone();
        let mut lost: BTreeSet<&Name> = BTreeSet::new();
        for op in &self.pending {
            let names = op.names();
            if !names.iter().any(|name| lost.contains(name)) && mood.keeps(seed) {
                op.apply(&mut table);
            } else {
                lost.extend(names);
            }
        }
        table
    }

    /// Everything that a name, or a change of names, still leads to.
    pub(super) fn led_to(&self) -> BTreeSet<Ino> {
        let pending = self.pending.iter().filter_map(|op| match op {
            Op::Put(_, ino) | Op::Move(_, _, ino) => Some(*ino),
            Op::Remove(_) => None,
        });
        self.seen.values().chain(self.safe.values()).copied().chain(pending).collect()
    }

    fn change(&mut self, op: Op) {
        op.apply(&mut self.seen);
        self.pending.push(op);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(dir: Ino, name: &str) -> Name {
        (dir, name.to_owned())
    }

    fn cuts(names: &Names) -> BTreeSet<Vec<(String, Ino)>> {
        let mut seed = Seed::new(1);
        let one = |seed: &mut Seed| {
            let table = names.after_cut(Mood::choose(seed), seed);
            table.into_iter().map(|((_, name), ino)| (name, ino)).collect()
        };
        (0..400).map(|_| one(&mut seed)).collect()
    }

    #[test]
    fn a_name_is_on_the_disk_when_its_directory_was_synced_and_not_before() {
        let mut names = Names::default();
        names.put(name(1, "a"), 7);
        assert!(cuts(&names).contains(&vec![]));
        names.sync(2);
        assert!(cuts(&names).contains(&vec![]), "another directory");
        names.sync(1);
        assert_eq!(cuts(&names), BTreeSet::from([vec![("a".to_owned(), 7)]]));
    }

    #[test]
    fn a_rename_is_there_as_a_whole_or_not_at_all() {
        let mut names = Names::default();
        names.put(name(1, "new"), 8);
        names.put(name(1, "old"), 7);
        names.sync(1);
        names.rename(name(1, "new"), name(1, "old"), 8);
        let before = vec![("new".to_owned(), 8), ("old".to_owned(), 7)];
        assert_eq!(cuts(&names), BTreeSet::from([before, vec![("old".to_owned(), 8)]]));
    }

    #[test]
    fn changes_come_out_of_order_but_never_one_without_those_of_its_name_before_it() {
        let mut names = Names::default();
        names.put(name(1, "a"), 7);
        names.put(name(1, "b"), 8);
        names.rename(name(1, "a"), name(2, "c"), 7);
        let all = cuts(&names);
        assert!(all.contains(&vec![("b".to_owned(), 8)]), "the second without the first");
        assert!(all.contains(&vec![("c".to_owned(), 7)]));
        // Syncing the other directory takes along what the rename follows from, and nothing else.
        names.sync(2);
        let both = vec![("b".to_owned(), 8), ("c".to_owned(), 7)];
        assert_eq!(cuts(&names), BTreeSet::from([vec![("c".to_owned(), 7)], both]));
    }
}
