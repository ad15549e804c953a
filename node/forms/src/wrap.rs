//! Lines of a given width. Nothing is cut: a word that is wider than the line breaks where it must.

use crate::font::{Face, printable};

/// Text in one face.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) face: Face,
    pub(crate) text: String,
}

/// A piece in a face.
pub(crate) fn span(face: Face, text: &str) -> Span {
    Span { face, text: text.into() }
}

/// One line: pieces from left to right, and how wide they are together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pub(crate) pieces: Vec<Span>,
    pub(crate) width: f64,
}

impl Line {
    fn push(&mut self, face: Face, text: &str, size: f64) {
        self.width += face.width(text, size);
        match self.pieces.last_mut() {
            Some(last) if last.face == face => last.text.push_str(text),
            _ => self.pieces.push(span(face, text)),
        }
    }
}

/// Wraps spans into lines of at most `width`. There is always at least one.
pub(crate) fn wrap(spans: &[Span], size: f64, width: f64) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    let mut blank = false;
    for Span { face, text } in spans {
        blank |= text.starts_with(' ');
        let ends = text.ends_with(' ');
        for (row, paragraph) in printable(text).split('\n').enumerate() {
            if row > 0 {
                lines.push(Line::default());
                blank = false;
            }
            for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
                put(&mut lines, *face, word, blank, size, width);
                blank = true;
            }
        }
        // The next span goes on right behind this one, unless there is a blank between them.
        blank = ends;
    }
    lines
}

fn put(lines: &mut Vec<Line>, face: Face, word: &str, blank: bool, size: f64, width: f64) {
    let Some(line) = lines.last_mut() else { return };
    let space = if blank && !line.pieces.is_empty() { " " } else { "" };
    let wide = face.width(space, size) + face.width(word, size);
    if line.width + wide <= width {
        line.push(face, space, size);
        line.push(face, word, size);
        return;
    }
    if !line.pieces.is_empty() && face.width(word, size) <= width {
        let mut next = Line::default();
        next.push(face, word, size);
        lines.push(next);
        return;
    }
    // Wider than any line: it fills what is left, and breaks.
    let first = word.chars().next().map_or(0.0, |letter| face.width(&letter.to_string(), size));
    if line.width + face.width(space, size) + first <= width {
        line.push(face, space, size);
    } else {
        lines.push(Line::default());
    }
    for letter in word.chars() {
        let piece = letter.to_string();
        let Some(line) = lines.last_mut() else { return };
        if line.width + face.width(&piece, size) > width && !line.pieces.is_empty() {
            lines.push(Line::default());
        }
        if let Some(line) = lines.last_mut() {
            line.push(face, &piece, size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, width: f64) -> Vec<String> {
        let lines = wrap(&[span(Face::Regular, text)], 4.0, width);
        assert!(lines.iter().all(|line| line.width <= width), "{lines:?}");
        let joined = |line: &Line| line.pieces.iter().map(|piece| piece.text.as_str()).collect();
        lines.iter().map(joined).collect()
    }

    #[test]
    fn words_go_on_the_next_line_and_none_is_lost() {
        let text = "Công Tằng Tôn Nữ Hoàng Mẫu Nguyễn Phước Ngọc Khánh";
        let lines = texts(text, 40.0);
        assert!(lines.len() > 2);
        assert_eq!(lines.join(" "), text);
    }

    #[test]
    fn a_word_wider_than_the_line_breaks_and_loses_no_letter() {
        let text = format!("Mẫu {} hết", "ẵ".repeat(200));
        let lines = texts(&text, 30.0);
        assert!(lines.len() > 5);
        assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
    }

    #[test]
    fn line_feeds_are_kept_and_spans_meet_without_a_blank_of_their_own() {
        assert_eq!(texts("a\n\nb", 40.0), ["a", "", "b"]);
        let spans = [span(Face::Regular, "Mã: "), span(Face::Bold, "H29"), span(Face::Bold, ";")];
        let lines = wrap(&spans, 4.0, 40.0);
        let joined: String = lines[0].pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!((lines.len(), joined.as_str()), (1, "Mã: H29;"));
    }
}
