//! Printed forms (Mẫu 01 to 07, TT 03/2025/TT-VPCP): data in, bytes out. A form is laid out once, in
//! millimetres; HTML and PDF draw the same list of texts and boxes (design/forms.md).

mod barcode;
mod blocks;
pub mod edition;
pub mod font;
pub mod html;
pub mod layout;
pub mod limits;
pub mod model;
pub mod paper;
pub mod pdf;
pub mod qr;
mod table;
pub mod trial;
mod values;
mod wrap;

pub use blocks::lay_out;

/// Why a form cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// The minimum of the QR code does not fit the paper.
    #[error(
        "the QR code would need {bytes} bytes, {paper} has room for {room}: the applicant's id or \
         the system's name is too long"
    )]
    QrTooLong {
        /// What it would need.
        bytes: usize,
        /// What there is.
        room: usize,
        /// On which paper.
        paper: &'static str,
    },
    /// The form is not printed on that paper.
    #[error("Mẫu {form} is not printed on {paper}; it is on {instead}")]
    Paper {
        /// Number of the form.
        form: String,
        /// What was asked for.
        paper: &'static str,
        /// Papers it has.
        instead: String,
    },
    /// The form did not exist then.
    #[error("there is no form “{}” for a dossier of {day}: the circular of that day has none", .form.word())]
    NotThen {
        /// Which form.
        form: edition::Form,
        /// Day the dossier was received.
        day: jiff::civil::Date,
    },
    /// More pages than anybody prints at once.
    #[error("the form would have more than {} pages; ask for fewer days at once", limits::PAGES)]
    TooManyPages,
    /// The compiled-in font cannot be read or reduced.
    #[error("the font of the forms: {0}")]
    Font(String),
}
