//! Single keys from a terminal, and the two signals that end a program.

use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use std::{
    io::{Read, stdin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

/// Keys as they are pressed; the terminal is as before when dropped.
pub struct Keys {
    before: Termios,
    pressed: mpsc::Receiver<u8>,
}

impl Keys {
    /// From the terminal, if there is one.
    pub fn of_terminal() -> Option<Self> {
        if !isatty(stdin()) {
            return None;
        }
        let before = tcgetattr(stdin()).ok()?;
        let mut now = before.clone();
        now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Now, &now).ok()?;
        let (send, pressed) = mpsc::channel();
        // Ends with the program: a read from a terminal cannot be called off.
        thread::spawn(move || {
            for key in stdin().lock().bytes().map_while(Result::ok) {
                if send.send(key).is_err() {
                    return;
                }
            }
        });
        Some(Self { before, pressed })
    }

    /// The next key, if one was pressed.
    pub fn next(&self) -> Option<u8> {
        self.pressed.try_recv().ok()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}

/// True once SIGINT or SIGTERM came.
pub fn interrupted() -> anyhow::Result<Arc<AtomicBool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let flag = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&flag);
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        });
        told.store(true, Relaxed);
    });
    Ok(flag)
}
