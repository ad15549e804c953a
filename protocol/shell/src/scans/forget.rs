//! Forgetting a scan: when no dossier here names it any more, because the dossiers were purged, or
//! when those that name it have left this machine and the hub has it.

use super::Scans;
use crate::engine::Pen;
use motcua_core::{
    id::Hash,
    ledger::is_away,
    record::{Record, ScanEvent},
    scan,
    state::StoreError,
};
use motcua_journal::JournalError;
use tokio::sync::oneshot;

/// Why a scan was not forgotten; call again.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// The state cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal refused.
    #[error("not forgotten: {0}")]
    Journal(#[from] JournalError),
    /// The record stands, the file is still there.
    #[error("the file could not be removed: {0}")]
    Io(#[from] std::io::Error),
    /// The machine is shutting down.
    #[error("not forgotten: the machine is shutting down")]
    Stopping,
}

impl Scans {
    /// Forgets a scan if no dossier here names it: first the books, then every file of it. False if
    /// some dossier still does; its file stays. To be called after the state reflects the purge, once
    /// for each scan that the purged dossier named, and again after a crash.
    ///
    /// # Errors
    /// [`ForgetError`]
    pub async fn forget(&self, pen: &Pen, hash: Hash) -> Result<bool, ForgetError> {
        if !scan::dossiers_of(&self.books, hash)?.is_empty() {
            return Ok(false);
        }
        strike_out(pen, hash).await?;
        let vault = self.vault.clone();
        let removed = tokio::task::spawn_blocking(move || vault.remove(hash)).await;
        removed.map_err(|_| ForgetError::Stopping)??;
        Ok(true)
    }

    /// Lets a scan's file go where the hub has it and all dossiers that name it are away; whoever
    /// opens it has it fetched. False if it stays. A file that a crash leaves behind is set aside
    /// when the scan is fetched again.
    ///
    /// # Errors
    /// [`ForgetError`]
    pub(crate) async fn let_go(&self, pen: &Pen, hash: Hash) -> Result<bool, ForgetError> {
        let row = self.row(hash)?;
        if !row.here || !row.above {
            return Ok(false);
        }
        let named = scan::dossiers_of(&self.books, hash)?;
        for (dossier, _) in &named {
            if !is_away(&self.books, *dossier)? {
                return Ok(false);
            }
        }
        // Of a page that is in so many dossiers not all are known.
        if named.len() >= scan::DOSSIERS {
            return Ok(false);
        }
        strike_out(pen, hash).await?;
        let vault = self.vault.clone();
        let removed = tokio::task::spawn_blocking(move || vault.let_go(hash)).await;
        removed.map_err(|_| ForgetError::Stopping)??;
        Ok(true)
    }
}

/// The books say that it is not here, before its file goes.
async fn strike_out(pen: &Pen, hash: Hash) -> Result<(), ForgetError> {
    let (told, answer) = oneshot::channel();
    let record = Record::Scan { hash, event: ScanEvent::Forgotten };
    pen.write(
        vec![record],
        Box::new(move |result| {
            // Whoever asked may have gone; the record stands.
            let _ = told.send(result);
        }),
    );
    answer.await.map_err(|_| ForgetError::Stopping)??;
    Ok(())
}
