//! Sizes that are promised, with reasons.

/// Dots of a usual receipt or label printer in a millimetre: 203 to the inch.
pub const DOTS_PER_MM: f64 = 203.0 / 25.4;
/// Fewest dots of one dark QR module: a thermal head lets every dot grow by up to one, and two of three
/// must stay white between black ones.
pub const MODULE_DOTS: f64 = 3.0;
/// By how much every dark module or bar is drawn narrower than it is, on its right and below: half a dot
/// at 203 to the inch. Ink and heat give it back, so that dark and white come out alike (bar width
/// reduction). Without it one of four prints whose dots grew by one was not read, see design/forms.md.
pub const GROWTH: f64 = 0.5 / DOTS_PER_MM;
/// White modules around a QR code (ISO/IEC 18004, 9.1).
pub const QUIET: u8 = 4;
/// A print at this scale must lose nothing: browsers offer it, and drivers do it unasked.
pub const LARGEST_SCALE: f64 = 1.1;
/// A print at this scale must still be scannable.
pub const SMALLEST_SCALE: f64 = 0.9;
/// What a printer for sheets leaves white at their edges, at most.
pub const EDGE: f64 = 4.0;
/// What a printer for rolls of 80 mm can print on: 72 mm, 4 mm from either edge.
pub const ROLL_PRINTABLE: (f64, f64) = (4.0, 76.0);
/// Largest QR version for a usual form; what would need more is left out, least needed first.
pub const QR_VERSION: u8 = 15;
/// Largest QR version at all: what may not be left out is given this much room.
pub const QR_VERSION_MOST: u8 = 22;
/// Most pages of one form: a register of a whole year of a large ward is printed by months.
pub const PAGES: usize = 500;
