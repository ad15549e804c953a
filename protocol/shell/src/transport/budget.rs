//! What links may cost a hub, added up: the country's 3,321 offices at one hub, all bad at once.
//!
//! The sums are asserted when this is compiled, so that whoever raises a limit sees what it costs.

use super::{settings, tcp};
use crate::driver::ALL_LINKS_BYTES;
use motcua_core::{limits, replica::Channel};

/// Offices that may be below one hub.
const PEERS: usize = 3_321;
const MIB: usize = 1024 * 1024;

/// Bytes on their way down without an acknowledgement, in our queues and in quinn's: large windows
/// for those whose turn it is, small ones for all others, and one frame over each.
const DOWN: usize = limits::BULK_PEERS * (limits::DOWN_WINDOW_BYTES + limits::FRAME_TARGET_BYTES)
    + (PEERS - limits::BULK_PEERS) * limits::SMALL_WINDOW_BYTES * 2;
/// Bytes read and not yet handled, all links.
const HANDED_OVER: usize = ALL_LINKS_BYTES;
/// Honest senders: one message being put together on each link, of the size they may send.
const BEING_READ: usize = limits::BULK_PEERS * limits::MESSAGE_BYTES
    + (PEERS - limits::BULK_PEERS) * limits::SMALL_WINDOW_BYTES;
/// Honest senders: what they have sent and nobody has read, no more than their windows.
const UNREAD: usize = limits::BULK_PEERS * settings::CALLER_WINDOW as usize
    + (PEERS - limits::BULK_PEERS) * limits::SMALL_WINDOW_BYTES;

/// What honest peers can cost, all of them in the middle of something at the same moment.
const HONEST: usize = DOWN + HANDED_OVER + BEING_READ + UNREAD;
const _: () = assert!(HONEST <= 1_152 * MIB);

/// Machines of the city with valid keys that run other software and use every limit to its end, on
/// all the links they may have. Each is known by name, and a ban ends its links.
const LIARS: usize = 64;
/// Over TCP the system's buffer and what waits for its turn, over QUIC the window.
const UNREAD_OF_ONE: usize = match settings::CALLER_WINDOW as usize {
    window if window > tcp::BUFFER + tcp::LATER_BYTES => window,
    _ => tcp::BUFFER + tcp::LATER_BYTES,
};
/// What one of their links can cost: messages that never end, and answers that are never taken.
const LYING_LINK: usize = UNREAD_OF_ONE
    + limits::MESSAGE_BYTES
    + limits::CONTROL_BYTES
    + limits::SCAN_MESSAGE_BYTES
    + settings::most_waiting(Channel::Control)
    + settings::most_waiting(Channel::Data)
    + settings::most_waiting(Channel::Scan);
const HOSTILE: usize = LIARS * settings::LINKS_OF_ONE * LYING_LINK + HONEST;
const _: () = assert!(HOSTILE <= 6_400 * MIB);

/// Over TCP the unread bytes are the system's, no more than over QUIC.
const _: () = assert!(tcp::BUFFER <= settings::CALLER_WINDOW as usize);
/// What quinn holds of a link is part of what the replica let out.
const _: () = assert!(settings::SEND_WINDOW as usize <= limits::DOWN_WINDOW_BYTES);
