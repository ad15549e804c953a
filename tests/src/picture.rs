//! A print as a one-bit picture, and what readers of codes make of it. Needs Debian's poppler-utils and
//! zbar-tools, which `./check` installs.

use anyhow::{Context as _, Result, ensure};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A one-bit picture.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Dots in a row.
    pub wide: usize,
    /// Rows.
    pub high: usize,
    /// Whether a dot is black, row by row.
    pub black: Vec<bool>,
}

impl Picture {
    /// The pages of a PDF file at so many dots to the inch.
    ///
    /// # Errors
    /// What `pdftoppm` says.
    pub fn of_pdf(pdf: &Path, dots_per_inch: f64) -> Result<Vec<Self>> {
        let stem = pdf.with_extension(format!("{dots_per_inch:.0}"));
        let dots = format!("{dots_per_inch}");
        let mut tool = Command::new("pdftoppm");
        run(tool.args(["-r", &dots, "-mono"]).arg(pdf).arg(&stem))?;
        let folder = pdf.parent().context("a PDF in a folder")?;
        let name = stem.file_name().and_then(|name| name.to_str()).context("a name")?;
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if file.starts_with(&format!("{name}-")) && file.ends_with(".pbm") {
                files.push(path);
            }
        }
        files.sort();
        ensure!(!files.is_empty(), "{} has no page", pdf.display());
        files.iter().map(|file| Self::read_pbm(&std::fs::read(file)?)).collect()
    }

    /// Portable bitmap, binary (P4).
    fn read_pbm(bytes: &[u8]) -> Result<Self> {
        let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
        ensure!(parts.next() == Some(b"P4"), "a binary bitmap");
        let size = std::str::from_utf8(parts.next().context("a size")?)?;
        let (wide, high) = size.split_once(' ').context("two sizes")?;
        let (wide, high): (usize, usize) = (wide.parse()?, high.parse()?);
        let rows = parts.next().context("rows")?;
        let long = wide.div_ceil(8);
        ensure!(rows.len() >= long * high, "all rows");
        let dot =
            |at: usize| rows[at / wide * long + at % wide / 8] >> (7 - at % wide % 8) & 1 == 1;
        Ok(Self { wide, high, black: (0..wide * high).map(dot).collect() })
    }

    /// Every run of black dots one dot longer, to the right and downwards, as ink and heat make it.
    #[must_use]
    pub fn widened(&self) -> Self {
        let mut black = self.black.clone();
        for (place, _) in self.black.iter().enumerate().filter(|(_, black)| **black) {
            let more = usize::from(place % self.wide + 1 < self.wide);
            for next in [place + more, place + self.wide, place + self.wide + more] {
                if let Some(dot) = black.get_mut(next) {
                    *dot = true;
                }
            }
        }
        Self { wide: self.wide, high: self.high, black }
    }

    /// What a reader of QR codes reads, if anything.
    pub fn qr(&self) -> Option<String> {
        let dark = |x: usize, y: usize| if self.black[y * self.wide + x] { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(self.wide, self.high, dark);
        let grids = image.detect_grids();
        grids.iter().find_map(|grid| grid.decode().ok()).map(|(_, text)| text)
    }

    /// What all codes say by another reader, one behind the other.
    ///
    /// # Errors
    /// What `zbarimg` says.
    pub fn codes(&self, at: &Path) -> Result<String> {
        let mut bytes = format!("P5\n{} {}\n255\n", self.wide, self.high).into_bytes();
        bytes.extend(self.black.iter().map(|black| if *black { 0 } else { 255 }));
        std::fs::write(at, bytes)?;
        // As bytes: it would guess what letters they are.
        run(Command::new("zbarimg").args(["-q", "--raw", "-Sbinary"]).arg(at))
    }

    /// How much of the black here has no black of the other within so many dots.
    pub fn apart(&self, other: &Self, dots: usize) -> f64 {
        let near = |place: usize| {
            let (row, column) = (place / self.wide, place % self.wide);
            let columns = column.saturating_sub(dots)..(column + dots + 1).min(other.wide);
            let mut rows = row.saturating_sub(dots)..(row + dots + 1).min(other.high);
            rows.any(|row| columns.clone().any(|column| other.black[row * other.wide + column]))
        };
        let black: Vec<usize> = (0..self.black.len()).filter(|place| self.black[*place]).collect();
        let alone = black.iter().filter(|place| !near(**place)).count();
        alone as f64 / black.len().max(1) as f64
    }

    /// Columns between which there is black.
    pub fn extent(&self) -> Option<(usize, usize)> {
        let columns = || self.black.iter().enumerate().filter(|(_, black)| **black);
        let columns = || columns().map(|(place, _)| place % self.wide);
        Some((columns().min()?, columns().max()?))
    }
}

/// The words of a PDF file in the order in which they are drawn.
///
/// # Errors
/// What `pdftotext` says.
pub fn words_of_pdf(pdf: &Path) -> Result<String> {
    run(Command::new("pdftotext").args(["-raw", "-enc", "UTF-8"]).arg(pdf).arg("-"))
}

/// Its fonts, one a line: name, whether embedded, whether reduced, whether its letters are known.
///
/// # Errors
/// What `pdffonts` says.
pub fn fonts_of_pdf(pdf: &Path) -> Result<Vec<String>> {
    let said = run(Command::new("pdffonts").arg(pdf))?;
    Ok(said.lines().skip(2).map(str::to_owned).collect())
}

fn run(command: &mut Command) -> Result<String> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let missing = || format!("{tool} is missing: apt-get install poppler-utils zbar-tools");
    let output = command.output().with_context(missing)?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{tool}: {words}");
    Ok(String::from_utf8(output.stdout)?)
}
