//! Which column is which field. A mapping file says so (docs/import.md); what it does not say is found by
//! the usual names of columns.

use crate::{
    cell::{Row, letters, place},
    encoding::Encoding,
    error::ReadError,
    field::Field,
    table::Hints,
};
use motcua_dossier::search::fold;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A mapping as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Name of the sheet; the first visible one that has rows otherwise.
    pub sheet: Option<String>,
    /// Row of the header; looked for otherwise.
    pub header: Option<u32>,
    /// Table of the text of a CSV; found out otherwise.
    pub encoding: Option<String>,
    /// What stands between the fields of a CSV; found out otherwise.
    pub separator: Option<char>,
    /// Header of each field, or `@B` for column B. An empty text takes a field from no column.
    pub columns: BTreeMap<String, String>,
    /// Values of fields whose cell is empty or that have no column.
    pub defaults: BTreeMap<String, String>,
    /// What a dossier without a code gets.
    pub without_code: WithoutCode,
}

/// What a row without a printed code becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutCode {
    /// A dossier without one: it was received under some other order.
    #[default]
    None,
    /// A fresh code of today.
    Fresh,
    /// Nothing: the row is stopped.
    Stop,
}

impl Mapping {
    /// Reads TOML, or JSON.
    ///
    /// # Errors
    /// [`ReadError::Mapping`] in the words of the parser, or for a field that does not exist.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let bad = |why: String| ReadError::Mapping(why);
        let mapping: Self = match text.trim_start().starts_with('{') {
            true => serde_json::from_str(text).map_err(|error| bad(error.to_string()))?,
            false => toml::from_str(text).map_err(|error| bad(error.message().to_owned()))?,
        };
        for word in mapping.columns.keys().chain(mapping.defaults.keys()) {
            if Field::of_word(word).is_none() {
                let known: Vec<&str> = Field::ALL.into_iter().map(Field::word).collect();
                return Err(bad(format!(
                    "there is no field {word:?}; there are {}",
                    known.join(", ")
                )));
            }
        }
        if let Some(name) =
            mapping.encoding.as_deref().filter(|name| Encoding::of_name(name).is_none())
        {
            return Err(bad(format!("there is no encoding {name:?}")));
        }
        Ok(mapping)
    }

    /// What it says of the file as a whole.
    pub fn hints(&self) -> Hints {
        Hints {
            sheet: self.sheet.clone(),
            encoding: self.encoding.as_deref().and_then(Encoding::of_name),
            separator: self.separator.and_then(|letter| u8::try_from(letter).ok()),
        }
    }

    /// The default of a field.
    pub fn default_of(&self, field: Field) -> Option<&str> {
        self.defaults.get(field.word()).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Columns by the header in `row`; none if this cannot be the header.
    ///
    /// # Errors
    /// [`ReadError::Column`] if the row is the header and lacks a column that was asked for.
    pub fn columns_in(&self, row: &Row) -> Result<Option<Columns>, ReadError> {
        let headers: Vec<String> = row.cells.iter().map(|cell| cell.written()).collect();
        let folded: Vec<String> = headers.iter().map(|header| fold(header)).collect();
        let mut found = Columns { headers: headers.clone(), ..Columns::default() };
        let mut missing = None;
        for (word, wanted) in self.columns.iter().filter(|(_, wanted)| !wanted.is_empty()) {
            let Some(field) = Field::of_word(word) else { continue };
            let at = match wanted.strip_prefix('@') {
                Some(letters) => place(&format!("{letters}1")).map(|(column, _)| column),
                None => only(&headers, |header| header.trim() == wanted.trim())
                    .or_else(|| only(&folded, |header| *header == fold(wanted))),
            };
            match at {
                Some(column) => {
                    found.by_field.insert(field, column);
                }
                None => missing = missing.or(Some((field, wanted.clone()))),
            }
        }
        let is_asked = self.header == Some(row.number);
        let by_name =
            self.columns.values().filter(|wanted| !wanted.is_empty() && !wanted.starts_with('@'));
        let wanted_names = by_name.count();
        if let Some((field, wanted)) = missing {
            // Titles above the header have none of the columns.
            let known = found.by_field.len() * 2 >= wanted_names && !found.by_field.is_empty();
            return match is_asked || known {
                true => Err(ReadError::Column { field: field.word(), wanted, headers }),
                false => Ok(None),
            };
        }
        let asked = found.by_field.len();
        for field in Field::ALL {
            if self.columns.contains_key(field.word()) {
                continue;
            }
            let names = usual(field);
            let at = names.iter().find_map(|name| {
                let at = only(&folded, |header| header == name)?;
                let free = !found.by_field.values().any(|taken| *taken == at);
                free.then_some(at)
            });
            if let Some(at) = at {
                found.by_field.insert(field, at);
            }
        }
        let enough = match wanted_names {
            // Two columns that are usual: a title has none, a row of data hardly one.
            0 => found.by_field.len() >= 2,
            _ => asked > 0,
        };
        Ok((is_asked || enough).then_some(found))
    }
}

/// The only one that fits.
fn only(all: &[String], fits: impl Fn(&String) -> bool) -> Option<usize> {
    let mut found = all.iter().enumerate().filter(|(_, one)| fits(one));
    let (at, _) = found.next()?;
    found.next().is_none().then_some(at)
}

/// Usual headers, folded; the more certain first.
fn usual(field: Field) -> &'static [&'static str] {
    match field {
        Field::Id => &["ma noi bo", "id"],
        Field::Code => {
            &["ma ho so", "so ho so", "ma so ho so", "ma bien nhan", "so bien nhan", "code"]
        }
        Field::Procedure => {
            &["ma tthc", "ma thu tuc", "thu tuc", "thu tuc hanh chinh", "tthc", "procedure"]
        }
        Field::ProcedureName => {
            &["ten thu tuc", "ten tthc", "ten thu tuc hanh chinh", "procedure name"]
        }
        Field::Received => &[
            "ngay nhan",
            "ngay tiep nhan",
            "thoi gian nhan",
            "thoi diem nhan",
            "gio nhan",
            "ngay gio nhan",
            "ngay nhan ho so",
            "ngay nop",
            "received",
        ],
        Field::Due => {
            &["ngay hen tra", "ngay hen", "hen tra", "ngay hen tra ket qua", "han tra", "due"]
        }
        Field::State => {
            &["trang thai", "tinh trang", "tinh trang ho so", "trang thai ho so", "state"]
        }
        Field::Name => &[
            "ho va ten",
            "ho ten",
            "nguoi nop",
            "ten nguoi nop",
            "nguoi nop ho so",
            "ho ten nguoi nop",
            "ho va ten nguoi nop",
            "nguoi yeu cau",
            "ten cong dan",
            "name",
        ],
        Field::IdNumber => &[
            "so dinh danh",
            "so dinh danh ca nhan",
            "cccd",
            "so cccd",
            "cmnd",
            "so cmnd",
            "cccd cmnd",
            "cmnd cccd",
            "so giay to",
            "so can cuoc",
            "id number",
        ],
        Field::BirthDate => {
            &["ngay sinh", "ngay thang nam sinh", "nam sinh", "sinh ngay", "birth date"]
        }
        Field::Phone => &["dien thoai", "so dien thoai", "sdt", "dien thoai lien he", "phone"],
        Field::Address => &[
            "dia chi",
            "noi o",
            "noi cu tru",
            "cho o",
            "dia chi thuong tru",
            "thuong tru",
            "address",
        ],
        Field::Email => &["thu dien tu", "email", "e mail"],
        Field::Nationality => &["quoc tich", "nationality"],
        Field::Request => {
            &["noi dung", "noi dung yeu cau", "yeu cau", "trich yeu", "viec", "request"]
        }
        Field::Fee => &["le phi", "phi", "phi le phi", "so tien", "fee"],
        Field::Channel => &["hinh thuc nop", "kenh", "kenh tiep nhan", "channel"],
        Field::Papers => &["thanh phan ho so", "giay to", "papers"],
        Field::Note => &["ghi chu", "note"],
    }
}

/// Columns of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// The header as it is written.
    pub headers: Vec<String>,
    /// Column of each field.
    pub by_field: BTreeMap<Field, usize>,
}

/// A column of a list, as a person chooses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Header {
    /// Its letters, such as `B`.
    pub at: String,
    /// What the header says; may be empty.
    pub name: String,
    /// The field that is read from it.
    pub field: Option<Field>,
}

impl Columns {
    /// All columns in their order.
    pub fn named(&self) -> Vec<Header> {
        let field_of = |at| self.by_field.iter().find(|(_, taken)| **taken == at).map(|one| *one.0);
        let named = self.headers.iter().enumerate();
        named
            .map(|(at, name)| Header {
                at: letters(at),
                name: name.trim().to_owned(),
                field: field_of(at),
            })
            .collect()
    }

    /// Which row is the header again, as on each printed page, or counts the columns.
    pub fn is_repeated(&self, row: &Row) -> bool {
        let named = self.headers.iter().enumerate().filter(|(_, header)| !header.trim().is_empty());
        let again = named.clone().all(|(at, header)| fold(&row.cell(at).written()) == fold(header));
        let counts = named.clone().count() > 2
            && named.enumerate().all(|(count, (at, _))| {
                let written = row.cell(at).written();
                written.trim_matches(|c: char| !c.is_ascii_digit()) == (count + 1).to_string()
                    && written.trim().len() <= 4
            });
        again || counts
    }

    /// Columns without a field, by header or letter.
    pub fn others(&self) -> impl Iterator<Item = (usize, String)> + '_ {
        let free = |at: &usize| !self.by_field.values().any(|taken| taken == at);
        (0..self.headers.len()).filter(free).map(|at| {
            let header = self.headers[at].trim();
            (at, if header.is_empty() { letters(at) } else { header.to_owned() })
        })
    }
}
