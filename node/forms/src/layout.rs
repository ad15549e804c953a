//! A form laid out: pages of texts and black boxes, in millimetres from the upper left corner.

use crate::{
    font::Face,
    paper::{Paper, Sheet},
    wrap::{Line, Span, wrap},
};
use std::fmt::Write as _;

/// Something black on a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A line of text.
    Text {
        /// Left end.
        x: f64,
        /// Base line.
        y: f64,
        /// Size of the font.
        size: f64,
        /// Face.
        face: Face,
        /// Letters, all in the font.
        text: String,
    },
    /// A filled box: a rule, or the modules of a code.
    Box {
        /// Left end.
        x: f64,
        /// Upper end.
        y: f64,
        /// Width.
        wide: f64,
        /// Height.
        high: f64,
    },
}

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Width of the paper.
    pub width: f64,
    /// Height of the paper, or of the piece cut off the roll.
    pub height: f64,
    /// How far down there is content.
    pub used: f64,
    /// What stands on it, in the order in which it is read.
    pub items: Vec<Item>,
}

/// A form laid out.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Title of the document.
    pub title: String,
    /// Paper.
    pub paper: Paper,
    /// Pages, at least one.
    pub pages: Vec<Page>,
    /// What the QR code says, where there is one.
    pub qr: Option<String>,
    /// The code as digits, where it has any.
    pub digits: Option<String>,
}

impl Layout {
    /// All texts in the order in which they are read, one a line.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for item in self.pages.iter().flat_map(|page| &page.items) {
            if let Item::Text { text, .. } = item {
                out.push_str(text);
                out.push('\n');
            }
        }
        out
    }

    /// Every item with its place, for golden files.
    pub fn describe(&self) -> String {
        let mut out = format!("{} {}\n", self.paper.word(), self.title);
        for page in &self.pages {
            let _ =
                writeln!(out, "page {:.2} x {:.2}, used {:.2}", page.width, page.height, page.used);
            let (mut boxes, mut edge) = (0, (f64::INFINITY, f64::INFINITY, 0.0_f64, 0.0_f64));
            for item in &page.items {
                match item {
                    Item::Text { x, y, size, face, text } => {
                        let bold = if *face == Face::Bold { " bold" } else { "" };
                        let _ = writeln!(out, "{x:7.2} {y:7.2} {size:.1}{bold} {text}");
                    }
                    Item::Box { x, y, wide, high } => {
                        boxes += 1;
                        edge = (
                            edge.0.min(*x),
                            edge.1.min(*y),
                            edge.2.max(x + wide),
                            edge.3.max(y + high),
                        );
                    }
                }
            }
            let _ = writeln!(
                out,
                "{boxes} boxes within {:.2} {:.2} {:.2} {:.2}",
                edge.0, edge.1, edge.2, edge.3
            );
        }
        out
    }
}

/// Where a line of text stands between its left and right end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Middle,
}

/// Distance between base lines, of the size.
pub(crate) const LEADING: f64 = 1.28;
/// From the upper edge of a line to its base line, of the size.
const RISE: f64 = 0.98;
/// Thickness of rules: three dots at 203 dpi.
const RULE: f64 = 0.25;

/// Fills pages from top to bottom.
pub(crate) struct Flow {
    pub(crate) sheet: Sheet,
    pages: Vec<Page>,
    pub(crate) y: f64,
    small: f64,
}

impl Flow {
    pub(crate) fn new(paper: Paper) -> Self {
        let sheet = paper.sheet();
        let mut flow = Self { sheet, pages: Vec::new(), y: 0.0, small: sheet.small };
        flow.turn();
        flow
    }

    pub(crate) fn turn(&mut self) {
        let Sheet { width, height, top, .. } = self.sheet;
        self.pages.push(Page {
            width,
            height: height.unwrap_or(0.0),
            used: top,
            items: Vec::new(),
        });
        self.y = top;
    }

    /// How far down content may go: below it stands the page's number.
    fn floor(&self) -> f64 {
        self.sheet.bottom - self.small * LEADING * 1.5
    }

    /// How high content of a whole page can be.
    pub(crate) fn room(&self) -> f64 {
        self.floor() - self.sheet.top
    }

    /// How much of it is left on this page.
    pub(crate) fn left(&self) -> f64 {
        self.floor() - self.y
    }

    /// Room above the page's number for something that must not be parted.
    pub(crate) fn holds(&self, high: f64) -> bool {
        self.y + high <= self.floor()
    }

    /// Begins a new page unless there is room for `high`; whether it did.
    pub(crate) fn need(&mut self, high: f64) -> bool {
        let turned = !self.holds(high) && self.y > self.sheet.top;
        if turned {
            self.turn();
        }
        turned
    }

    pub(crate) fn push(&mut self, item: Item) {
        if let Some(page) = self.pages.last_mut() {
            page.items.push(item);
        }
    }

    pub(crate) fn gap(&mut self, high: f64) {
        self.y += high;
    }

    /// A black box.
    pub(crate) fn fill(&mut self, x: f64, y: f64, wide: f64, high: f64) {
        self.push(Item::Box { x, y, wide, high });
    }

    /// A rule from left to right at a height.
    pub(crate) fn rule(&mut self, x: f64, y: f64, wide: f64) {
        self.fill(x, y - RULE / 2.0, wide, RULE);
    }

    /// A rule downwards.
    pub(crate) fn post(&mut self, x: f64, y: f64, high: f64) {
        self.fill(x - RULE / 2.0, y, RULE, high);
    }

    /// Lines in a column, going on on the next page where they must.
    pub(crate) fn lines(&mut self, lines: &[Line], x: f64, wide: f64, size: f64, align: Align) {
        for line in lines {
            self.need(size * LEADING);
            self.line(line, x, wide, self.y, size, align);
            self.y += size * LEADING;
        }
    }

    /// One line whose upper edge is at `y`.
    pub(crate) fn line(&mut self, line: &Line, x: f64, wide: f64, y: f64, size: f64, align: Align) {
        let mut at = match align {
            Align::Left => x,
            Align::Middle => x + (wide - line.width) / 2.0,
        };
        for Span { face, text } in &line.pieces {
            let step = face.width(text, size);
            let item =
                Item::Text { x: at, y: y + RISE * size, size, face: *face, text: text.clone() };
            self.push(item);
            at += step;
        }
    }

    /// Wrapped text over the whole width.
    pub(crate) fn text(&mut self, spans: &[Span], size: f64, align: Align) {
        let (x, wide) = (self.sheet.left, self.sheet.inner());
        self.lines(&wrap(spans, size, wide), x, wide, size, align);
    }

    /// The pages, each with its number and a line that says which document it is of.
    pub(crate) fn finish(mut self, foot: &str) -> Vec<Page> {
        let (count, sheet) = (self.pages.len(), self.sheet);
        for (number, page) in (1..).zip(&mut self.pages) {
            if sheet.height.is_some() {
                let y = sheet.bottom - sheet.small * (LEADING - RISE);
                let size = sheet.small;
                let face = Face::Regular;
                let place = format!("Trang {number}/{count}");
                let wide = face.width(&place, size);
                let room = sheet.inner() - wide - 5.0;
                let text = wrap(&[crate::wrap::span(face, foot)], size, room);
                let text = text.first().map(|line| line.pieces.clone()).unwrap_or_default();
                for Span { face, text } in text {
                    page.items.push(Item::Text { x: sheet.left, y, size, face, text });
                }
                page.items.push(Item::Text { x: sheet.right - wide, y, size, face, text: place });
            }
            let low = page.items.iter().map(|item| match item {
                Item::Text { y, size, .. } => y + size * (LEADING - RISE),
                Item::Box { y, high, .. } => y + high,
            });
            page.used = low.fold(sheet.top, f64::max);
            if sheet.height.is_none() {
                // The roll is cut behind the content, far enough for a print at 110 %.
                page.height = (page.used * crate::limits::LARGEST_SCALE + 4.0).ceil();
            }
        }
        self.pages
    }

    pub(crate) fn pages(&self) -> usize {
        self.pages.len()
    }
}
