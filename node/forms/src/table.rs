//! Tables that go on on the next page, each time under their head.

use crate::{
    edition::{Column, Rows},
    font::Face,
    layout::{Align, Flow, LEADING},
    model::Data,
    values,
    wrap::{Line, span, wrap},
};

/// White above and below the lines of a cell, and beside them.
const PAD: f64 = 0.6;

struct Grid<'a> {
    columns: &'a [Column],
    /// Left edges, and the right edge of the last one.
    edges: Vec<f64>,
    size: f64,
    head: Vec<Vec<Line>>,
}

/// Puts a table.
pub(crate) fn put(flow: &mut Flow, rows: Rows, columns: &[Column], data: &Data, size: f64) {
    let (mut edges, wide) = (vec![flow.sheet.left], flow.sheet.inner());
    for column in columns {
        let left = edges.last().copied().unwrap_or(flow.sheet.left);
        edges.push(left + wide * f64::from(column.share) / 100.0);
    }
    let mut grid = Grid { columns, edges, size, head: Vec::new() };
    grid.head = grid.cells(Face::Bold, |column| column.head.clone());
    let all = values::rows(rows, data);
    let first = all.first().map(|row| grid.row(1, row)).map_or(0.0, |cells| grid.high(&cells));
    // A head is not left alone at the foot of a page, unless the first row has to be parted anyway.
    let high = grid.high(&grid.head);
    flow.need(high + if first < flow.room() / 2.0 { first } else { size * LEADING });
    grid.head(flow);
    for (number, row) in (1..).zip(&all) {
        let cells = grid.row(number, row);
        grid.put(flow, cells);
    }
}

impl Grid<'_> {
    fn cells(&self, face: Face, text: impl Fn(&Column) -> String) -> Vec<Vec<Line>> {
        let cell = |(column, edges): (&Column, &[f64])| {
            wrap(&[span(face, &text(column))], self.size, edges[1] - edges[0] - 2.0 * PAD)
        };
        self.columns.iter().zip(self.edges.windows(2)).map(cell).collect()
    }

    fn row(&self, number: usize, row: &values::Row<'_>) -> Vec<Vec<Line>> {
        self.cells(Face::Regular, |column| values::cell(column.cell, number, row))
    }

    fn high(&self, cells: &[Vec<Line>]) -> f64 {
        let lines = cells.iter().map(Vec::len).max().unwrap_or(0);
        lines as f64 * self.size * LEADING + 2.0 * PAD
    }

    fn head(&self, flow: &mut Flow) {
        flow.rule(self.edges[0], flow.y, flow.sheet.inner());
        self.draw(flow, &self.head, true);
    }

    /// One row, parted where it is higher than what is left of a page.
    fn put(&self, flow: &mut Flow, mut cells: Vec<Vec<Line>>) {
        loop {
            let high = self.high(&cells);
            if flow.holds(high) {
                return self.draw(flow, &cells, false);
            }
            let fresh = flow.room() - self.high(&self.head);
            let fits =
                ((flow.left() - 2.0 * PAD) / (self.size * LEADING)).floor().max(0.0) as usize;
            // It goes on the next page whole if it can; a row higher than a page is parted at once.
            if high > fresh && fits > 0 {
                let rest = |lines: &mut Vec<Line>| lines.split_off(fits.min(lines.len()));
                let rest: Vec<Vec<Line>> = cells.iter_mut().map(rest).collect();
                self.draw(flow, &cells, false);
                cells = rest;
            }
            flow.turn();
            self.head(flow);
        }
    }

    fn draw(&self, flow: &mut Flow, cells: &[Vec<Line>], head: bool) {
        let (top, high) = (flow.y, self.high(cells));
        for ((column, edges), lines) in self.columns.iter().zip(self.edges.windows(2)).zip(cells) {
            let align = if head || column.middle { Align::Middle } else { Align::Left };
            let (x, wide) = (edges[0] + PAD, edges[1] - edges[0] - 2.0 * PAD);
            for (number, line) in lines.iter().enumerate() {
                let y = top + PAD + number as f64 * self.size * LEADING;
                flow.line(line, x, wide, y, self.size, align);
            }
        }
        for edge in &self.edges {
            flow.post(*edge, top, high);
        }
        flow.y = top + high;
        flow.rule(self.edges[0], flow.y, flow.sheet.inner());
    }
}
