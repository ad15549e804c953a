//! How much a reader may have written into its inbox once more. A check that finds differences has
//! rows resent, and each is journaled; a reader that lies about what it has could have that for ever.

use crate::{id::NodeId, limits, time::Instant, trust::NodeKind};
use std::collections::BTreeMap;

/// What each reader has had, as a bucket that leaks.
#[derive(Debug, Default)]
pub(in crate::replica) struct Allowance(BTreeMap<NodeId, (Instant, u64)>);

impl Allowance {
    /// Takes so many rows; false, and nothing is taken, where that is more than the reader may have.
    pub(super) fn take(
        &mut self,
        (node, kind): (NodeId, NodeKind),
        rows: u64,
        now: Instant,
    ) -> bool {
        let by = match kind {
            NodeKind::Node => 1,
            NodeKind::Hub => limits::RESENT_BY_HUB,
        };
        let (since, had) = self.0.get(&node).copied().unwrap_or((now, 0));
        // Whole seconds only, and the rest of one is kept.
        let seconds = now.since(since) / 1_000;
        let had = had.saturating_sub(seconds * limits::RESENT_ROWS_A_SECOND * by) + rows;
        if had > limits::RESENT_ROWS * by {
            return false;
        }
        self.0.insert(node, (since.after(seconds * 1_000), had));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_has_so_many_rows_at_once_and_more_as_time_passes() {
        let mut allowance = Allowance::default();
        let node = (NodeId([1; 16]), NodeKind::Node);
        let all = limits::RESENT_ROWS;
        assert!(allowance.take(node, all, Instant(500)));
        assert!(!allowance.take(node, 1, Instant(1_499)));
        assert!(allowance.take(node, limits::RESENT_ROWS_A_SECOND, Instant(1_500)));
        assert!(
            !allowance.take(node, 1, Instant(2_499)),
            "the rest of a second is not counted twice"
        );
        let later = Instant(1_500 + all * 1_000);
        assert!(!allowance.take(node, all + 1, later) && allowance.take(node, all, later));
    }

    #[test]
    fn one_reader_uses_up_nothing_of_anothers_and_a_hub_has_more() {
        let mut allowance = Allowance::default();
        let node = |number, kind| (NodeId([number; 16]), kind);
        let all = limits::RESENT_ROWS;
        assert!(allowance.take(node(1, NodeKind::Node), all, Instant(0)));
        assert!(allowance.take(node(2, NodeKind::Node), all, Instant(0)));
        assert!(allowance.take(node(3, NodeKind::Hub), all * limits::RESENT_BY_HUB, Instant(0)));
        assert!(!allowance.take(node(3, NodeKind::Hub), 1, Instant(0)));
    }
}
