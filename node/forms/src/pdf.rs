//! A layout as PDF: the same texts and boxes, with the letters it uses of the same font.

use crate::{
    FormError,
    font::Face,
    layout::{Item, Layout, Page},
};
use pdf_writer::{
    Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr,
    types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap},
};
use std::collections::BTreeMap;
use subsetter::GlyphRemapper;

/// Points in a millimetre.
const POINTS: f64 = 72.0 / 25.4;
const IDENTITY: Name<'static> = Name(b"Identity-H");
const SYSTEM: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// Letters of a face that a layout uses, and the numbers they get.
struct Used {
    face: Face,
    glyphs: GlyphRemapper,
    letters: BTreeMap<u16, char>,
}

impl Used {
    fn new(face: Face) -> Self {
        Self { face, glyphs: GlyphRemapper::new(), letters: BTreeMap::new() }
    }

    fn bytes(&mut self, text: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() * 2);
        for letter in text.chars() {
            let number = self.glyphs.remap(self.face.measures().glyph(letter).0);
            self.letters.insert(number, letter);
            out.extend(number.to_be_bytes());
        }
        out
    }

    fn resource(&self) -> Name<'static> {
        match self.face {
            Face::Regular => Name(b"F1"),
            Face::Bold => Name(b"F2"),
        }
    }
}

/// The document.
///
/// # Errors
/// [`FormError::Font`] when the compiled-in font cannot be reduced.
pub fn write(layout: &Layout) -> Result<Vec<u8>, FormError> {
    let mut used = Face::ALL.map(Used::new);
    let mut pdf = Pdf::new();
    let mut numbers = (1..).map(Ref::new);
    let mut next = move || numbers.next().unwrap_or(Ref::new(i32::MAX));
    let (catalog, tree, info) = (next(), next(), next());
    let fonts = used.each_ref().map(|_| [next(), next(), next(), next(), next()]);
    pdf.catalog(catalog).pages(tree).lang(TextStr("vi"));
    pdf.document_info(info).title(TextStr(&layout.title)).producer(TextStr("Một Cửa"));
    let mut kids = Vec::new();
    for page in &layout.pages {
        let (id, stream) = (next(), next());
        kids.push(id);
        pdf.stream(stream, &content(page, &mut used));
        let mut written = pdf.page(id);
        let (wide, high) = (page.width * POINTS, page.height * POINTS);
        written.media_box(Rect::new(0.0, 0.0, wide as f32, high as f32)).parent(tree);
        written.contents(stream);
        let mut resources = written.resources();
        let mut named = resources.fonts();
        for (used, ids) in used.iter().zip(&fonts) {
            named.pair(used.resource(), ids[0]);
        }
        named.finish();
        resources.finish();
    }
    let count = i32::try_from(kids.len()).unwrap_or(i32::MAX);
    pdf.pages(tree).kids(kids).count(count);
    for (used, ids) in used.iter().zip(fonts) {
        write_font(&mut pdf, used, ids)?;
    }
    Ok(pdf.finish())
}

fn content(page: &Page, used: &mut [Used; 2]) -> Vec<u8> {
    let mut content = Content::new();
    let up = |y: f64| ((page.height - y) * POINTS) as f32;
    let points = |size: f64| (size * POINTS) as f32;
    let mut any = false;
    for item in &page.items {
        if let Item::Box { x, y, wide, high } = item {
            content.rect(points(*x), up(y + high), points(*wide), points(*high));
            any = true;
        }
    }
    if any {
        content.fill_nonzero();
    }
    for item in &page.items {
        let Item::Text { x, y, size, face, text } = item else { continue };
        let used = &mut used[*face as usize];
        content.begin_text().set_font(used.resource(), points(*size));
        content.next_line(points(*x), up(*y)).show(Str(&used.bytes(text))).end_text();
    }
    content.finish().to_vec()
}

fn write_font(pdf: &mut Pdf, used: &Used, ids: [Ref; 5]) -> Result<(), FormError> {
    let [outer, inner, descriptor, map, file] = ids;
    let measures = used.face.measures();
    let bad = |error: subsetter::Error| FormError::Font(format!("{}: {error}", used.face.name()));
    let reduced = subsetter::subset(used.face.file(), 0, &used.glyphs).map_err(bad)?;
    // Six capitals say that it is a part of the font.
    let name = format!("MOTCUA+{}", used.face.name());
    let name = Name(name.as_bytes());
    let scale = |units: i16| f32::from(units) * 1_000.0 / f32::from(measures.units);
    pdf.type0_font(outer)
        .base_font(name)
        .encoding_predefined(IDENTITY)
        .descendant_font(inner)
        .to_unicode(map);
    let mut font = pdf.cid_font(inner);
    font.subtype(CidFontType::Type2).base_font(name).system_info(SYSTEM);
    font.font_descriptor(descriptor).default_width(0.0);
    font.cid_to_gid_map_predefined(Name(b"Identity"));
    let wide =
        |letter: &char| f32::from(measures.glyph(*letter).1) * 1_000.0 / f32::from(measures.units);
    let mut widths = font.widths();
    for (number, letter) in &used.letters {
        widths.consecutive(*number, [wide(letter)]);
    }
    widths.finish();
    font.finish();
    let [left, bottom, right, top] = measures.bounds.map(scale);
    pdf.font_descriptor(descriptor)
        .name(name)
        .flags(FontFlags::NON_SYMBOLIC)
        .bbox(Rect::new(left, bottom, right, top))
        .italic_angle(0.0)
        .ascent(scale(measures.ascent))
        .descent(scale(measures.descent))
        .cap_height(scale(measures.capitals))
        .stem_v(80.0)
        .font_file2(file);
    let mut unicode = UnicodeCmap::new(Name(b"Custom"), SYSTEM);
    for (number, letter) in &used.letters {
        unicode.pair(*number, *letter);
    }
    pdf.cmap(map, &unicode.finish());
    pdf.stream(file, &reduced);
    Ok(())
}
