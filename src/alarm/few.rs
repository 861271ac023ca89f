//! Sets of numbers of which nearly all have one.

use std::collections::BTreeSet;

/// A set of numbers in order that takes no memory besides its own until it has two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Few(Held);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Held {
    #[default]
    None,
    One(u32),
    #[expect(clippy::box_collection, reason = "takes one word of the many sets that have one number")]
    More(Box<BTreeSet<u32>>),
}

impl Few {
    /// Adds a number.
    pub fn insert(&mut self, number: u32) {
        match &mut self.0 {
            Held::None => self.0 = Held::One(number),
            Held::One(one) if *one == number => {}
            Held::One(one) => self.0 = Held::More(Box::new([*one, number].into())),
            Held::More(more) => {
                more.insert(number);
            }
        }
    }

    /// The numbers, smallest first.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let (one, more) = match &self.0 {
            Held::None => (None, None),
            Held::One(one) => (Some(*one), None),
            Held::More(more) => (None, Some(more.iter().copied())),
        };
        one.into_iter().chain(more.into_iter().flatten())
    }

    /// Adds the numbers of another set.
    pub fn merge(&mut self, other: &Self) {
        for number in other.iter() {
            self.insert(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn holds_what_a_set_holds(
            own in prop::collection::vec(0_u32..5, 0..6),
            others in prop::collection::vec(prop_oneof![0_u32..5, any::<u32>()], 0..6),
        ) {
            let few = |numbers: &[u32]| {
                let mut few = Few::default();
                for number in numbers {
                    few.insert(*number);
                }
                few
            };
            let mut merged = few(&own);
            merged.merge(&few(&others));
            let set: BTreeSet<u32> = own.iter().chain(&others).copied().collect();
            prop_assert!(merged.iter().eq(set.iter().copied()));
            prop_assert_eq!(merged, few(&[others, own].concat()));
        }
    }

    #[test]
    fn takes_two_words() {
        assert_eq!(size_of::<Few>(), 16);
    }
}
