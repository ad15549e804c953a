//! The hub: relay, inboxes, console, metrics
