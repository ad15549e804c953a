//! Words of a closed set: portal states, channels, countries.

use super::text::clean;
use crate::{
    cell::Cell,
    finding::{Reading, stop},
};
use motcua_dossier::{search::fold, state::State};

/// A state by the portal's number or words, in Vietnamese with or without marks, or in English.
pub fn state_of(text: &str) -> Option<State> {
    let folded = fold(text);
    if let Ok(code) = folded.parse::<u8>() {
        return State::from_code(code);
    }
    let known = State::ALL
        .into_iter()
        .find(|state| fold(state.vi()) == folded || fold(state.en()) == folded);
    known.or(match folded.as_str() {
        "da tiep nhan" | "tiep nhan" | "moi tiep nhan" => Some(State::Accepted),
        "tu choi" | "tu choi tiep nhan" => Some(State::Refused),
        "dang giai quyet" => Some(State::InProcess),
        "yeu cau bo sung" | "cho bo sung" | "bo sung" => Some(State::Supplement),
        "rut ho so" | "da rut" => Some(State::Withdrawn),
        "da giai quyet" | "da co ket qua" | "cho tra ket qua" => Some(State::Finished),
        "da tra" | "da tra ket qua cho cong dan" | "hoan thanh" => Some(State::Returned),
        _ => None,
    })
}

pub(super) fn read(cell: &Cell) -> Reading {
    let text = clean(&cell.written());
    match state_of(&text) {
        Some(state) => Reading::of(state.code().to_string()),
        None => Reading::stopped(stop(
            "state.unknown",
            format!("không biết trạng thái “{text}”"),
            format!("there is no state {text:?}"),
        )),
    }
}

pub(super) fn channel(cell: &Cell) -> Reading {
    let text = clean(&cell.written());
    let known = match fold(&text).as_str() {
        "direct" | "truc tiep" | "tai quay" => "direct",
        "online" | "truc tuyen" | "qua mang" => "online",
        "post" | "buu chinh" | "buu dien" | "qua buu chinh" | "bcci" => "post",
        _ => {
            return Reading::stopped(stop(
                "channel.unknown",
                format!("không biết hình thức nộp “{text}”"),
                format!("there is no channel {text:?}"),
            ));
        }
    };
    Reading::of(known)
}

pub(super) fn nationality(cell: &Cell) -> Reading {
    let text = clean(&cell.written());
    let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    match fold(&text).as_str() {
        "viet nam" | "vn" | "vietnam" => Reading::of("VN"),
        _ if is_code => Reading::of(text),
        _ => Reading::stopped(stop(
            "nationality.unknown",
            format!("“{text}”: hãy ghi hai chữ cái như VN, LA"),
            format!("{text:?}: write two letters such as VN, LA"),
        )),
    }
}
