//! Who asks: known from the session or the token, for as long as a request is answered. A task-local and not
//! an argument, so that no route, also of later work, can take the name from a body instead: every
//! name passes [`name_or`].

use motcua_core::id::DossierId;
use motcua_dossier::people::{Duty, Roles};
use std::{cell::RefCell, future::Future};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    /// Account; none for the command line of this machine.
    pub(crate) account: Option<DossierId>,
    /// Name that stands beside what is done.
    pub(crate) name: String,
    /// Roles.
    pub(crate) roles: Roles,
    /// Duties that are lent to them, each with the name of whose it is.
    pub(crate) lent: Vec<(Duty, String)>,
}

impl Who {
    /// In whose stead they may do this; empty where their own roles allow it.
    ///
    /// # Errors
    /// The duty, to be refused in words.
    pub(super) fn may(&self, duty: Duty) -> Result<&str, Duty> {
        if duty.is_of(&self.roles) {
            return Ok("");
        }
        let lent = self.lent.iter().find(|(lent, _)| *lent == duty);
        lent.map(|(_, name)| name.as_str()).ok_or(duty)
    }
}

tokio::task_local! {
    static WHO: Who;
    static STEAD: RefCell<String>;
}

/// Answers as somebody, in the stead of whose duty let them in.
pub(crate) async fn with<T>(who: Option<Who>, stead: String, work: impl Future<Output = T>) -> T {
    match who {
        Some(who) => WHO.scope(who, STEAD.scope(RefCell::new(stead), work)).await,
        None => work.await,
    }
}

/// Who asks; nobody in particular while the office has no accounts.
pub(crate) fn asks() -> Option<Who> {
    WHO.try_with(Who::clone).ok()
}

/// The name of who asks, whatever was typed; what was typed while there are no accounts.
pub(crate) fn name_or(typed: &str) -> String {
    asks().map_or_else(|| typed.to_owned(), |who| who.name)
}

/// Whether who asks may do this; anybody may while there are no accounts. What is done then is done in the
/// stead of whose duty it is.
///
/// # Errors
/// The duty, to be refused in words.
pub(crate) fn may(duty: Duty) -> Result<(), Duty> {
    let Some(who) = asks() else { return Ok(()) };
    let stead = who.may(duty)?;
    if !stead.is_empty() {
        let _ = STEAD.try_with(|known| stead.clone_into(&mut known.borrow_mut()));
    }
    Ok(())
}

/// Name of whose stead who asks takes, by a duty that was lent; empty where their own roles allow what they do.
pub(crate) fn in_stead_of() -> String {
    STEAD.try_with(|known| known.borrow().clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use motcua_dossier::people::Role;

    #[tokio::test]
    async fn the_name_comes_from_the_session_and_what_was_typed_means_nothing() {
        assert_eq!(name_or("Ai đó"), "Ai đó");
        assert_eq!(may(Duty::Return), Ok(()));
        let roles = Roles::from([Role::Specialist]);
        let lent = vec![(Duty::Direct, "Lê Văn Mẫu".to_owned())];
        let who = Who { account: None, name: "Nguyễn Thị Mẫu".into(), roles, lent };
        with(Some(who), String::new(), async {
            assert_eq!(name_or("Ai đó"), "Nguyễn Thị Mẫu");
            assert_eq!(may(Duty::Return), Err(Duty::Return));
            assert_eq!((may(Duty::Work), &*in_stead_of()), (Ok(()), ""));
            assert_eq!((may(Duty::Direct), &*in_stead_of()), (Ok(()), "Lê Văn Mẫu"));
        })
        .await;
    }
}
