//! Waiting for the state, and for the disk.

use super::{Engine, Progress, SaveError};
use motcua_core::record::Record;

impl Engine {
    /// Waits until the state reflects the journal up to `position`; false if it never will, or not
    /// before there is space for it.
    pub async fn applied(&self, position: u64) -> bool {
        self.queue.hurry(position);
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|progress| match progress {
            Progress::At(at) => *at >= position,
            Progress::Waiting(..) | Progress::Broken(_) => true,
        });
        reached.await.is_ok_and(|reached| reached.at().is_some_and(|at| at >= position))
    }

    /// Waits until the state, lists included, reflects everything that is on disk; false if it
    /// never will.
    pub async fn level(&self) -> bool {
        let mut progress = self.progress.clone();
        let level = progress
            .wait_for(|progress| matches!(progress, Progress::Broken(_)) || self.unapplied() == 0);
        matches!(level.await.as_deref(), Ok(Progress::At(_)))
    }

    /// Waits until a state that was lost is whole again, lists included; at once where none was.
    pub async fn whole(&self) {
        let whole = || self.startup.rebuild().is_none_or(|rebuild| rebuild.whole.is_some());
        let mut progress = self.progress.clone();
        let told = progress.wait_for(|_| whole()).await.is_ok();
        if !told {
            // It ended before that.
            std::future::pending::<()>().await;
        }
    }

    /// Writes a record that goes with no entry, and waits for the disk.
    ///
    /// # Errors
    /// [`SaveError`]; it was not written.
    pub async fn record(&self, record: Record) -> Result<(), SaveError> {
        let (told, answer) = tokio::sync::oneshot::channel();
        let tell = move |result| {
            // Whoever waited may have gone.
            let _ = told.send(result);
        };
        self.pen.write(vec![record], Box::new(tell));
        answer.await.map_err(|_| SaveError::Stopping)?.map_err(SaveError::from)?;
        Ok(())
    }
}
