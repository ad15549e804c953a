//! Letters that look like Đ and are others: the eth of Iceland (Ð, ð) and the African D (Ɖ, ɖ), which come
//! into Vietnamese names by copy and paste and by wrong keyboards.

/// A name with đ wherever a look-alike begins a word that then goes on with a vowel, as every
/// Vietnamese syllable with đ does; none if there is nothing to put right. In *Guðrún* the eth stands
/// inside of the word, and stays.
pub fn with_right_d(name: &str) -> Option<String> {
    let mut right = String::with_capacity(name.len());
    let mut before = ' ';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let begins = !before.is_alphabetic() && letters.peek().is_some_and(|next| is_vowel(*next));
        right.push(match letter {
            'Ð' | 'Ɖ' if begins => 'Đ',
            'ð' | 'ɖ' if begins => 'đ',
            letter => letter,
        });
        before = letter;
    }
    (right != name).then_some(right)
}

fn is_vowel(letter: char) -> bool {
    use unicode_normalization::UnicodeNormalization;
    let base = letter.to_lowercase().nfd().next();
    base.is_some_and(|base| "aeiouy".contains(base))
}

#[cfg(test)]
mod tests {
    use crate::{
        action::{Registration, register},
        fact::{Act, Applicant, Kind, Request},
    };
    use motcua_core::id::OfficeId;

    fn registered(name: &str, nationality: &str) -> Applicant {
        let act = Act { at: 1, ..Act::default() };
        let applicant = Applicant {
            name: name.into(),
            nationality: nationality.into(),
            ..Applicant::default()
        };
        let registration = Registration {
            applicant,
            request: Request::default(),
            papers: Vec::new(),
            due: None,
            code: String::new(),
        };
        let action = register(registration, act, OfficeId::ZERO).expect("a name");
        let facts: Vec<_> = action.facts.into_iter().map(|fact| fact.with_id("1".into())).collect();
        let fact = facts.iter().find(|fact| fact.kind == Kind::Applicant).expect("an applicant");
        fact.read().expect("its fields")
    }

    #[test]
    fn vietnamese_names_hold_the_vietnamese_letter_and_tell_what_was_typed() {
        #[derive(serde::Deserialize)]
        struct Person {
            ho_ten: String,
            #[serde(default)]
            quoc_tich: String,
        }
        let people: Vec<Person> =
            serde_json::from_str(include_str!("../tests/data/look-alikes.json")).expect("people");
        let names = people.iter().map(|one| registered(&one.ho_ten, &one.quoc_tich));
        let names: Vec<(String, Option<String>)> =
            names.map(|applicant| (applicant.name, applicant.typed_name)).collect();
        let typed = |name: &str| Some(name.to_owned());
        assert_eq!(
            names,
            [
                ("Đặng Thị Mẫu Ánh".to_owned(), None),
                ("Đặng Văn Mẫu Bình".to_owned(), typed("Ðặng Văn Mẫu Bình")),
                ("Đặng Mẫu Hoài".to_owned(), typed("Ɖặng Mẫu Hoài")),
                ("đào Thị Mẫu".to_owned(), typed("ðào Thị Mẫu")),
                ("Đặng Mẫu Duy".to_owned(), None),
                ("Guðrún Mẫu Jónsdóttir".to_owned(), None),
            ]
        );
        // Whoever has another nationality may be called anything.
        assert_eq!(registered("Ɖela Mẫu", "TG").name, "Ɖela Mẫu");
        assert_eq!(registered("Ðặng Mẫu", "VN").name, "Đặng Mẫu");
    }
}
