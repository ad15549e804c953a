//! Writes the inputs that fuzzing begins with into the corpora.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use motcua_fuzz_targets::{
    apply, bundle, checkpoint, control, down_frame, entry, image_frame, journal, replay::corpus,
    session, target, trust, up_frame,
};
use std::fs;

fn main() {
    for (name, seeds) in [
        ("up_frame", up_frame::seeds()),
        ("down_frame", down_frame::seeds()),
        ("image_frame", image_frame::seeds()),
        ("entry", entry::seeds()),
        ("trust", trust::seeds()),
        ("journal", journal::seeds()),
        ("apply", apply::seeds()),
        ("bundle", bundle::seeds()),
        ("checkpoint", checkpoint::seeds()),
        ("control", control::seeds()),
        ("session", session::seeds()),
    ] {
        let folder = corpus(target(name));
        fs::create_dir_all(&folder).unwrap();
        println!("{name}: {} seeds", seeds.len());
        for (seed, bytes) in seeds {
            fs::write(folder.join(format!("seed-{seed}")), bytes).unwrap();
        }
    }
}
