//! The append-only journal over an injected file system
