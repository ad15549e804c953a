//! Cities of generated shape: a city hub, one to three districts, two to six wards, and now and then
//! a second machine in a ward.

use crate::dice::{Dice, Throw};
use motcua_core::{
    id::OfficeId,
    trust::{NodeKind, Tier},
};

/// An office, by its place in [`Shape::offices`].
pub type OfficeAt = usize;

/// One office.
#[derive(Debug, Clone, Copy)]
pub struct Office {
    /// City, district or ward.
    pub tier: Tier,
    /// The office above.
    pub parent: Option<OfficeAt>,
}

/// Where a machine stands.
#[derive(Debug, Clone, Copy)]
pub struct Seat {
    /// Its office.
    pub office: OfficeAt,
    /// Hub or node.
    pub kind: NodeKind,
}

/// A city before anything has happened in it.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The city's office first, then districts, then wards.
    pub offices: Vec<Office>,
    /// One machine an office in the same order, then second machines.
    pub seats: Vec<Seat>,
}

impl Shape {
    /// A city for these dice.
    pub fn throw(dice: &mut Dice) -> Self {
        let mut offices = vec![Office { tier: Tier::City, parent: None }];
        let districts = dice.between(1, 3) as usize;
        offices.extend((0..districts).map(|_| Office { tier: Tier::District, parent: Some(0) }));
        for _ in 0..dice.between(2, 6) {
            let parent = Some(1 + dice.below(districts as u64) as usize);
            offices.push(Office { tier: Tier::Ward, parent });
        }
        let kind = |office: &Office| match office.tier {
            Tier::Ward => NodeKind::Node,
            _ => NodeKind::Hub,
        };
        let seats = offices.iter().enumerate();
        let mut seats: Vec<Seat> =
            seats.map(|(at, office)| Seat { office: at, kind: kind(office) }).collect();
        if dice.one_in(2) {
            let office = dice.between(districts as u64 + 1, offices.len() as u64 - 1) as usize;
            seats.push(Seat { office, kind: NodeKind::Node });
        }
        Self { offices, seats }
    }

    /// Districts, by place.
    pub fn districts(&self) -> Vec<OfficeAt> {
        self.of_tier(Tier::District)
    }

    /// Wards, by place.
    pub fn wards(&self) -> Vec<OfficeAt> {
        self.of_tier(Tier::Ward)
    }

    /// Whether `below` is `above` or stands under it.
    pub fn is_within(&self, below: OfficeAt, above: OfficeAt) -> bool {
        let mut at = Some(below);
        while let Some(office) = at {
            if office == above {
                return true;
            }
            at = self.offices[office].parent;
        }
        false
    }

    fn of_tier(&self, tier: Tier) -> Vec<OfficeAt> {
        (0..self.offices.len()).filter(|at| self.offices[*at].tier == tier).collect()
    }
}

/// The id of an office.
pub fn office_id(at: OfficeAt) -> OfficeId {
    OfficeId([at as u8 + 1; 16])
}
