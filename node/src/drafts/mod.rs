//! Drafts: what is typed before there is a dossier, kept on this machine at every change. See
//! design/drafts.md.

pub mod draft;
pub mod limits;
pub(crate) mod routes;
mod shelf;

use crate::error::DeskError;
use draft::{Change, Draft, Phase, Refused, Who};
use motcua_journal::Fs;
use shelf::Shelf;
use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::broadcast;

/// Why a draft was not changed.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The disk refused.
    #[error("the draft was NOT saved: {0}. It stays in this tab; look at the machine's disk")]
    Disk(#[from] io::Error),
    /// There is none under this id.
    #[error("there is no draft {0} on this machine")]
    Unknown(String),
    /// Somebody discarded it.
    #[error("this draft was discarded by {by}; take it back first, or begin another one")]
    Discarded {
        /// Who.
        by: String,
        /// When, Unix milliseconds.
        at: i64,
    },
    /// Not an id, or not a field's name.
    #[error("{0:?} is not the name of a draft or of a field of one")]
    Name(String),
    /// Longer than a field takes, or more than a draft has.
    #[error("{0} is more than a draft can hold")]
    Full(String),
    /// Too many drafts.
    #[error("there are {0} drafts already; register or discard some of them")]
    Many(usize),
}

impl From<Refused> for DraftError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Discarded(by, at) => Self::Discarded { by, at },
            Refused::Name(name) => Self::Name(name),
            Refused::Full(field) => Self::Full(field),
        }
    }
}

impl DraftError {
    /// The same in Vietnamese.
    pub fn vietnamese(&self) -> String {
        match self {
            Self::Disk(why) => format!(
                "Bản nháp CHƯA được lưu: {why}. Nội dung vẫn còn trong thẻ này; hãy xem đĩa của máy."
            ),
            Self::Unknown(id) => format!("Máy này không có bản nháp {id}."),
            Self::Discarded { by, .. } => {
                format!("Bản nháp này đã bị {by} bỏ; hãy lấy lại trước, hoặc mở bản nháp khác.")
            }
            Self::Name(name) => format!("“{name}” không phải tên bản nháp hay tên ô."),
            Self::Full(field) => format!("{field}: nhiều hơn mức một bản nháp chứa được."),
            Self::Many(count) => {
                format!("Đã có {count} bản nháp; hãy tiếp nhận hoặc bỏ bớt một số.")
            }
        }
    }
}

/// Changes that a listener may be behind; whoever is further behind asks.
const TOLD: usize = 64;

/// The drafts of this machine.
pub struct Drafts {
    shelf: Shelf,
    all: Mutex<BTreeMap<String, Draft>>,
    /// One change at a time: what is written was decided on what is on the disk.
    turn: tokio::sync::Mutex<()>,
    /// Ids and revisions of what changes, for whoever listens.
    told: broadcast::Sender<(String, u64)>,
}

impl Drafts {
    /// Opens the folder `drafts` of the data directory.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(fs: Arc<dyn Fs>, data_dir: &Path) -> io::Result<Self> {
        let (shelf, drafts) = Shelf::open(fs, &data_dir.join("drafts"))?;
        let (told, _) = broadcast::channel(TOLD);
        let turn = tokio::sync::Mutex::default();
        Ok(Self { shelf, all: Mutex::new(drafts), turn, told })
    }

    /// What changes from now on.
    pub(crate) fn told(&self) -> broadcast::Receiver<(String, u64)> {
        self.told.subscribe()
    }

    /// All of them, newest first.
    pub(crate) fn list(&self) -> Vec<Draft> {
        let mut all: Vec<Draft> = self.all().values().cloned().collect();
        let newest = |draft: &Draft| draft.newest().map_or(draft.begun_at, |typed| typed.at);
        all.sort_by_key(|draft| std::cmp::Reverse(newest(draft)));
        all
    }

    /// One of them.
    pub(crate) fn get(&self, id: &str) -> Result<Draft, DraftError> {
        self.all().get(id).cloned().ok_or_else(|| DraftError::Unknown(short(id)))
    }

    /// Takes in what was typed; the first save begins the draft. It is on the disk when this returns.
    pub(crate) async fn save(
        &self,
        id: &str,
        changes: &[Change],
        who: &Who,
        now: i64,
    ) -> Result<Draft, DraftError> {
        check_id(id)?;
        let _turn = self.turn.lock().await;
        self.clear(now).await;
        let known = self.get(id).ok();
        if known.is_none() {
            let waiting = self.all().values().filter(|one| one.phase == Phase::Open).count();
            if waiting >= limits::DRAFTS {
                return Err(DraftError::Many(waiting));
            }
        }
        let mut draft = known.unwrap_or_else(|| Draft::new(id.to_owned(), now));
        let before = draft.revision;
        draft.save(changes, who, now)?;
        self.put(draft, before).await
    }

    /// Changes one that is here.
    pub(crate) async fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Draft),
    ) -> Result<Draft, DraftError> {
        let _turn = self.turn.lock().await;
        let mut draft = self.get(id)?;
        let before = draft.revision;
        change(&mut draft);
        self.put(draft, before).await
    }

    async fn put(&self, draft: Draft, before: u64) -> Result<Draft, DraftError> {
        if draft.revision == before {
            return Ok(draft);
        }
        let (shelf, written) = (self.shelf.clone(), draft.clone());
        let done = tokio::task::spawn_blocking(move || shelf.write(&written)).await;
        done.map_err(io::Error::other)??;
        self.all().insert(draft.id.clone(), draft.clone());
        // An error means that nobody listens.
        let _ = self.told.send((draft.id.clone(), draft.revision));
        Ok(draft)
    }

    /// Takes away what has said all that it had to say.
    async fn clear(&self, now: i64) {
        let over: Vec<String> = {
            let all = self.all();
            all.values().filter(|draft| draft.is_over(now)).map(|draft| draft.id.clone()).collect()
        };
        for id in over {
            let (shelf, gone) = (self.shelf.clone(), id.clone());
            match tokio::task::spawn_blocking(move || shelf.remove(&gone)).await {
                Ok(Ok(())) => {
                    self.all().remove(&id);
                }
                failed => tracing::warn!(?failed, "a draft that is over could not be removed"),
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Draft>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses what is not the id of a draft: it becomes a file's name.
pub(crate) fn check_id(id: &str) -> Result<(), DraftError> {
    match id.len() == 32 && id.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
        true => Ok(()),
        false => Err(DraftError::Name(short(id))),
    }
}

fn short(text: &str) -> String {
    text.chars().take(limits::NAME).collect()
}

impl From<DraftError> for DeskError {
    fn from(error: DraftError) -> Self {
        Self::Draft(error)
    }
}
