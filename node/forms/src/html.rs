//! A layout as HTML: one SVG a page, no script, no inline style. Its style sheet comes from [`style`].

use crate::{
    font::Face,
    layout::{Item, Layout, Page},
    limits::LARGEST_SCALE,
};
use std::fmt::Write as _;

/// Where a browser finds what the page needs beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Address of the style sheet.
    pub style: String,
}

/// The document.
pub fn write(layout: &Layout, places: &Places) -> String {
    let mut out =
        String::from("<!doctype html>\n<html lang=\"vi\">\n<head>\n<meta charset=\"utf-8\">\n");
    let (title, style) = (escaped(&layout.title), escaped(&places.style));
    let _ = write!(out, "<title>{title}</title>\n<link rel=\"stylesheet\" href=\"{style}\">\n");
    // Nothing more is asked for.
    out.push_str("<link rel=\"icon\" href=\"data:,\">\n");
    out.push_str("</head>\n<body>\n<main>\n");
    for page in &layout.pages {
        write_page(page, &mut out);
    }
    out + "</main>\n</body>\n</html>\n"
}

/// The size of a page as its box: what the paper still holds when a browser prints at 110 %. There is
/// nothing outside; a box of the paper's size would be parted or shrunk then.
fn held(page: &Page) -> (f64, f64) {
    (tenth(page.width / LARGEST_SCALE), tenth(page.height / LARGEST_SCALE))
}

fn tenth(size: f64) -> f64 {
    (size * 10.0).floor() / 10.0
}

fn write_page(page: &Page, out: &mut String) {
    let (wide, high) = held(page);
    let _ = writeln!(
        out,
        "<div class=\"sheet\"><svg xmlns=\"http://www.w3.org/2000/svg\" xml:space=\"preserve\" \
         width=\"{wide}mm\" height=\"{high}mm\" viewBox=\"0 0 {wide} {high}\">"
    );
    let mut path = String::new();
    for item in &page.items {
        if let Item::Box { x, y, wide, high } = item {
            let _ = write!(
                path,
                "M{} {}h{}v{}h-{}z",
                short(*x),
                short(*y),
                short(*wide),
                short(*high),
                short(*wide)
            );
        }
    }
    let _ = writeln!(out, "<path d=\"{path}\" shape-rendering=\"crispEdges\"/>");
    for item in &page.items {
        let Item::Text { x, y, size, face, text } = item else { continue };
        if text.trim().is_empty() {
            continue;
        }
        let class = if *face == Face::Bold { " class=\"b\"" } else { "" };
        // The length is what the layout reckoned with, whatever a browser makes of hints.
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" textLength=\"{}\"{class}>{}</text>",
            short(*x),
            short(*y),
            short(*size),
            short(face.width(text, *size)),
            escaped(text)
        );
    }
    out.push_str("</svg></div>\n");
}

/// Thousandths of a millimetre are enough for any printer.
fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            plain => out.push(plain),
        }
    }
    out
}

/// The style sheet for a paper of this size in millimetres, with the two faces of the font at `fonts`,
/// an address that the names of [`Face::name`] with `.ttf` are put behind.
pub fn style(width: u32, height: u32, fonts: &str) -> String {
    let mut out = String::new();
    for (face, weight) in [(Face::Regular, 400), (Face::Bold, 700)] {
        let _ = writeln!(
            out,
            "@font-face{{font-family:\"Mot Cua Form\";font-weight:{weight};src:url(\"{fonts}{}.ttf\")}}",
            face.name()
        );
    }
    let _ = write!(
        out,
        "@page{{size:{width}mm {height}mm;margin:0}}\n\
         html,body,main{{margin:0;padding:0}}\n\
         svg{{display:block;overflow:hidden}}\n\
         text{{font-family:\"Mot Cua Form\";font-weight:400;white-space:pre;\
         text-rendering:geometricPrecision;fill:#000}}\n\
         text.b{{font-weight:700}}\n\
         @media print{{.sheet+.sheet{{break-before:page;page-break-before:always}}}}\n\
         @media screen{{body{{background:#d8d8d8}}.sheet{{width:{width}mm;height:{height}mm;\
         margin:6mm auto;background:#fff;box-shadow:0 0 2mm #888}}}}\n"
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;

    fn page(text: &str) -> Layout {
        let text =
            Item::Text { x: 1.0, y: 2.0, size: 3.0, face: Face::Regular, text: text.to_owned() };
        let black = Item::Box { x: 1.0 / 3.0, y: 0.0, wide: 2.0, high: 0.5 };
        let page = Page { width: 80.0, height: 100.0, used: 3.0, items: vec![text, black] };
        let (title, paper) = ("<b>".to_owned(), Paper::Roll80);
        Layout { title, paper, pages: vec![page], qr: None, digits: None }
    }

    #[test]
    fn markup_and_quotes_in_data_are_only_text() {
        let places = Places { style: "/a.css?x=\"y".into() };
        let html = write(&page("</text><script>alert('1')</script>&\""), &places);
        assert_eq!(html.matches('<').count(), html.matches("</").count() * 2 + 6 - 1, "{html}");
        assert!(!html.contains("<script") && !html.contains("<b>"));
        assert!(
            html.contains(
                "&lt;/text&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;"
            )
        );
        assert!(html.contains("href=\"/a.css?x=&quot;y\""));
        assert!(html.contains("M0.333 0h2v0.5h-2z"));
        assert!(!html.contains("style=") && !html.contains("onload"));
    }

    #[test]
    fn the_style_sheet_says_the_size_of_the_paper_and_asks_nobody_else() {
        let style = style(80, 213, "/fonts/");
        assert!(style.contains("@page{size:80mm 213mm;margin:0}"));
        assert_eq!(style.matches("url(").count(), 2);
        assert_eq!(style.matches("url(\"/fonts/DejaVuSansCondensed").count(), 2);
    }
}
