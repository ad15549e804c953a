//! What one file may cost, and why just that.

/// Bytes of a file: a hundred thousand rows of forty columns of ten letters, and half as much again.
pub const FILE_BYTES: u64 = 64 << 20;
/// Rows of one list: twice what the largest office has.
pub const ROWS: u32 = 250_000;
/// Columns that are looked at; a workbook may format sixteen thousand.
pub const COLUMNS: usize = 200;
/// Characters of one cell, which is what a spreadsheet itself allows.
pub const CELL_CHARACTERS: usize = 32_767;
/// Lines within one cell of a CSV; more of them mean that a quote was never closed.
pub const CELL_LINES: usize = 60;
/// Bytes of the table of strings of a workbook, unpacked. It is the only part that is held in memory.
pub const STRING_BYTES: u64 = 128 << 20;
/// Bytes of one part of a workbook, unpacked: sheets are read as a stream, so this only bounds time.
pub const PART_BYTES: u64 = 1 << 30;
/// Rows in which the header is looked for, below titles and emblems.
pub const HEADER_ROWS: u32 = 30;
/// Cells by which the encoding of a file is judged.
pub const SAMPLE_CELLS: usize = 4_000;
/// Merged areas of one sheet.
pub const MERGES: usize = 100_000;
/// Years that anybody alive can be old, for a remark.
pub const AGE: i16 = 120;
