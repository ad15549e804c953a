//! A form from its edition and data: head with the QR code, title, blocks, numbered pages.

use crate::{
    FormError, barcode,
    edition::{Block, Edition, Form, Part, Value, in_force},
    font::Face,
    layout::{Align, Flow, LEADING, Layout},
    limits::{GROWTH, PAGES, QUIET},
    model::{Data, Dossier, Printing},
    paper::Paper,
    qr::{self, Qr},
    table,
    values::{self, DOTS},
    wrap::{Span, span, wrap},
};

/// Height of bars: a tenth of their usual width and more, so that one sweep by hand meets them.
const BAR_HIGH: f64 = 7.0;
/// White beside bars, in modules (ISO/IEC 15417).
const BAR_QUIET: f64 = 10.0;
/// Room to sign in, of the size of the text.
const SIGN_HIGH: f64 = 3.5;
const STATE: [&str; 2] = ["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"];

/// Lays a form out. `sign` signs what the QR code says (design/forms.md).
///
/// # Errors
/// [`FormError`]
pub fn lay_out(
    form: Form,
    data: &Data,
    paper: Paper,
    sign: &dyn Fn(&str) -> String,
) -> Result<Layout, FormError> {
    let edition = in_force(form, data.day());
    let edition = edition.ok_or(FormError::NotThen { form, day: data.day() })?;
    if !edition.papers.contains(&paper) {
        let instead: Vec<&str> = edition.papers.iter().map(|paper| paper.word()).collect();
        let (form, instead) = (edition.number.clone(), instead.join(", "));
        return Err(FormError::Paper { form, paper: paper.word(), instead });
    }
    let qr = match data.dossier() {
        Some(dossier) => Some(qr::make(content(edition, data, dossier), sign, paper)?),
        None => None,
    };
    let digits = data.digits();
    let mut flow = Flow::new(paper);
    let (column, low) = head(&mut flow, data, qr.as_ref());
    title(&mut flow, edition, data, column);
    flow.y = flow.y.max(low);
    if let Some(digits) = &digits {
        bars(&mut flow, digits);
    }
    flow.gap(flow.sheet.text * 0.5);
    for block in &edition.blocks {
        put(&mut flow, block, data);
        if flow.pages() > PAGES {
            return Err(FormError::TooManyPages);
        }
    }
    let foot = match data.dossier() {
        Some(dossier) => format!("Mẫu {} · {}", edition.number, dossier.code),
        None => format!("Mẫu {}", edition.number),
    };
    let pages = flow.finish(&foot);
    Ok(Layout { title: edition.title.clone(), paper, pages, qr: qr.map(|qr| qr.text), digits })
}

fn content(edition: &Edition, data: &Data, dossier: &Dossier) -> qr::Content {
    let minute = |time: jiff::civil::DateTime| time.strftime("%Y-%m-%dT%H:%M").to_string();
    qr::Content {
        code: dossier.code.clone(),
        procedure: dossier.procedure.clone(),
        applicant: dossier.applicant_id.clone(),
        document: edition.title.clone(),
        system: data.system.clone(),
        issued: minute(data.issued),
        due: dossier.due.last().copied().map(minute).unwrap_or_default(),
        office: data.office.clone(),
        procedure_name: dossier.procedure_name.clone(),
    }
}

/// QR code top left, beside or below it the agency and the national motto. Gives the column in which the
/// title stands, and the lower edge of what is beside it.
fn head(flow: &mut Flow, data: &Data, qr: Option<&Qr>) -> ((f64, f64), f64) {
    let (top, sheet) = (flow.y, flow.sheet);
    let side = qr.map_or(0.0, |qr| draw_qr(flow, qr));
    let beside = sheet.inner() - side;
    let narrow = beside < sheet.inner() / 2.0;
    let (x, wide) = if narrow { (sheet.left, sheet.inner()) } else { (sheet.left + side, beside) };
    flow.y = if narrow { top + side } else { top };
    let size = sheet.small;
    let agency = [(Face::Regular, data.above.to_uppercase()), (Face::Bold, data.office.clone())];
    let motto = STATE.map(|line| (Face::Bold, line.to_owned()));
    let issued = data.issued;
    let date = format!(
        "{}, ngày {:02} tháng {:02} năm {:04}",
        if data.place.is_empty() { DOTS } else { &data.place },
        issued.day(),
        issued.month(),
        issued.year()
    );
    let date = [(Face::Regular, date)];
    if sheet.two_columns && !narrow {
        let left = wide * 0.42;
        column(flow, &agency, (x, left), size);
        let low = std::mem::replace(&mut flow.y, top);
        column(flow, &motto, (x + left, wide - left), size);
        flow.gap(1.5);
        column(flow, &date, (x + left, wide - left), size);
        // The title has the whole width below.
        flow.y = flow.y.max(low).max(top + side);
        return ((sheet.left, sheet.inner()), flow.y);
    }
    column(flow, &motto, (x, wide), size);
    flow.gap(1.0);
    column(flow, &agency, (x, wide), size);
    flow.gap(1.0);
    column(flow, &date, (x, wide), size);
    ((x, wide), if narrow { flow.y } else { top + side })
}

/// Lines in the middle of a column with a short rule below the last.
fn column(flow: &mut Flow, texts: &[(Face, String)], (x, wide): (f64, f64), size: f64) {
    for (face, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
        let lines = wrap(&[span(*face, text)], size, wide - 2.0);
        flow.lines(&lines, x + 1.0, wide - 2.0, size, Align::Middle);
    }
    if texts.len() > 1 {
        flow.rule(x + wide / 2.0 - 10.0, flow.y + 0.6, 20.0);
        flow.gap(1.2);
    }
}

/// Draws the code with its white border; how long a side is.
pub(crate) fn draw_qr(flow: &mut Flow, qr: &Qr) -> f64 {
    let (sheet, quiet) = (flow.sheet, f64::from(QUIET));
    let modules = f64::from(qr.size()) + 2.0 * quiet;
    let fits = modules * sheet.module <= sheet.inner();
    let module = if fits { sheet.module } else { sheet.small_module };
    let (x, y) = (flow.sheet.left + quiet * module, flow.y + quiet * module);
    let place = |at: u8| f64::from(at) * module;
    for row in 0..qr.size() {
        let up = y + place(row);
        for (from, long) in qr.runs(row) {
            flow.fill(x + place(from), up, place(long) - GROWTH, module - GROWTH);
        }
        for (from, long) in qr.runs_down(row) {
            flow.fill(x + place(from), up + module - GROWTH, place(long) - GROWTH, GROWTH);
        }
    }
    modules * module
}

/// Title, code, and which printing it is.
fn title(flow: &mut Flow, edition: &Edition, data: &Data, (x, wide): (f64, f64)) {
    let sheet = flow.sheet;
    let mut line = |spans: &[Span], size: f64| {
        let lines = wrap(spans, size, wide);
        flow.lines(&lines, x, wide, size, Align::Middle);
    };
    line(&[], sheet.text * 0.6);
    line(&[span(Face::Bold, &edition.title.to_uppercase())], sheet.title);
    let source = format!("(Mẫu số {}, {})", edition.number, edition.source);
    line(&[span(Face::Regular, &source)], sheet.small);
    if let Some(dossier) = data.dossier() {
        let code = if dossier.code.is_empty() { DOTS } else { &dossier.code };
        line(&[span(Face::Regular, "Mã hồ sơ: "), span(Face::Bold, code)], sheet.text);
    }
    if data.dossier().is_some_and(|dossier| dossier.void) {
        line(&[span(Face::Bold, "ĐÃ HỦY ĐĂNG KÝ, KHÔNG CÒN GIÁ TRỊ")], sheet.text);
    }
    let payment = data.dossier().and_then(|dossier| dossier.payment.as_ref());
    if payment.is_some_and(|payment| payment.cancelled) {
        line(&[span(Face::Bold, "BIÊN NHẬN ĐÃ HỦY, KHÔNG CÒN GIÁ TRỊ")], sheet.text);
    }
    let mark = match data.printing {
        Printing::Preview => "BẢN XEM TRƯỚC, CHƯA IN".to_owned(),
        Printing::Number(number) if number > 1 => format!("In lại lần {}", number - 1),
        Printing::Number(_) | Printing::Uncounted => return,
    };
    line(&[span(Face::Bold, &mark)], sheet.text);
}

/// The code in bars and digits.
pub(crate) fn bars(flow: &mut Flow, digits: &str) {
    let sheet = flow.sheet;
    let whole = barcode::bars(digits);
    // Beside the content there is white paper, but not without end.
    let fits = |modules: u32| {
        let wide = f64::from(modules) * sheet.bar;
        let white = BAR_QUIET * sheet.bar;
        (wide <= sheet.inner() && wide + 2.0 * white <= sheet.width).then_some(wide)
    };
    if let Some((bars, wide)) = whole.and_then(|(bars, modules)| Some((bars, fits(modules)?))) {
        flow.gap(0.8);
        let x = sheet.left + (sheet.inner() - wide) / 2.0;
        for (from, long) in bars {
            let (from, long) = (f64::from(from), f64::from(long));
            flow.fill(x + from * sheet.bar, flow.y, long * sheet.bar - GROWTH, BAR_HIGH);
        }
        flow.gap(BAR_HIGH + 0.4);
    }
    // In groups of four: read aloud on the telephone.
    let groups: Vec<&str> =
        (0..digits.len()).step_by(4).map(|at| &digits[at..digits.len().min(at + 4)]).collect();
    flow.text(&[span(Face::Regular, &groups.join(" "))], sheet.small, Align::Middle);
}

fn put(flow: &mut Flow, block: &Block, data: &Data) {
    let size = flow.sheet.text;
    match block {
        Block::Field { label, value, strong } => {
            let face = if *strong { Face::Bold } else { Face::Regular };
            let shown = values::value(*value, data).unwrap_or_else(|| DOTS.into());
            let label = span(Face::Regular, &format!("{label} "));
            flow.text(&[label, span(face, &shown)], size, Align::Left);
            flow.gap(size * 0.1);
        }
        Block::Line { parts } => {
            let part = |part: &Part| {
                let shown = values::value(part.value, data).unwrap_or_else(|| DOTS.into());
                format!("{} {shown}", part.label)
            };
            let parts: Vec<String> = parts.iter().map(part).collect();
            flow.text(&[span(Face::Regular, &parts.join("; "))], size, Align::Left);
            flow.gap(size * 0.1);
        }
        Block::Text { text, middle } => {
            let align = if *middle { Align::Middle } else { Align::Left };
            flow.text(&[span(Face::Regular, text)], size, align);
            flow.gap(size * 0.1);
        }
        Block::Table { label, rows, columns } => {
            if let Some(label) = label {
                // Not alone at the foot of a page.
                flow.need(size * LEADING * 4.0);
                flow.text(&[span(Face::Regular, label)], size, Align::Left);
                flow.gap(size * 0.1);
            }
            table::put(flow, *rows, columns, data, flow.sheet.text * 0.94);
            flow.gap(size * 0.4);
        }
        Block::Signatures { left, left_name, right, right_name } => {
            let left = left.as_deref().map(|who| (who, *left_name));
            signatures(flow, [left, Some((right.as_str(), *right_name))], data);
        }
    }
}

fn signatures(flow: &mut Flow, who: [Option<(&str, Option<Value>)>; 2], data: &Data) {
    let (sheet, size) = (flow.sheet, flow.sheet.text);
    let wide = sheet.inner() / 2.0;
    let lines = |face, text: &str| wrap(&[Span { face, text: text.into() }], size, wide - 2.0);
    let parts = who.map(|who| {
        let (title, name) = who?;
        let name = name.and_then(|name| values::value(name, data)).unwrap_or_default();
        Some((lines(Face::Bold, title), lines(Face::Bold, &name)))
    });
    let most = |pick: fn(&(Vec<_>, Vec<_>)) -> usize| {
        parts.iter().flatten().map(pick).max().unwrap_or(0) as f64 * size * LEADING
    };
    let (titles, names) = (most(|part| part.0.len()), most(|part| part.1.len()));
    let (hint, room) = (sheet.small * LEADING, SIGN_HIGH * size);
    flow.gap(size * 0.6);
    flow.need(titles + hint + room + names);
    let top = flow.y;
    for (number, part) in parts.iter().enumerate() {
        let Some((title, name)) = part else { continue };
        let x = sheet.left + wide * number as f64 + 1.0;
        let mut place = |lines: &[_], y: f64, size: f64| {
            flow.y = y;
            flow.lines(lines, x, wide - 2.0, size, Align::Middle);
        };
        place(title, top, size);
        let say = wrap(&[span(Face::Regular, "(Ký, ghi rõ họ tên)")], sheet.small, wide - 2.0);
        place(&say, top + titles, sheet.small);
        place(name, top + titles + hint + room, size);
    }
    flow.y = top + titles + hint + room + names;
}
