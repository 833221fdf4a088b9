//! The sums that a report is made of.

use std::ops::{Add, Sub};

/// Names of the sums, as columns of the database and in reports, in the order of [`Figures::numbers`].
pub(crate) const COLUMNS: [&str; 13] = [
    "assigned",
    "assigned_bytes",
    "transferred_origin",
    "transferred_gateway",
    "retransmitted_origin",
    "retransmitted_gateway",
    "aborted",
    "completed",
    "full_bytes",
    "saved",
    "saved_at_origin",
    "unseen",
    "without_full_size",
];

/// Sums over some downloads. docs/ledger.md says what each means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// How often an Artifact was assigned to a device.
    pub assigned: i64,
    /// Bytes of the Artifacts that were assigned: what counting at assignment tells.
    pub assigned_bytes: i64,
    /// Bytes that came from the origin.
    pub transferred_origin: i64,
    /// Bytes that came from a gateway.
    pub transferred_gateway: i64,
    /// Of the bytes from the origin, those that the device had downloaded before.
    pub retransmitted_origin: i64,
    /// Of the bytes from a gateway, those that the device had downloaded before.
    pub retransmitted_gateway: i64,
    /// Requests that broke off.
    pub aborted: i64,
    /// Devices that have all of an Artifact of the deployment.
    pub completed: i64,
    /// What full Artifacts would have cost the completed devices, where that is known.
    pub full_bytes: i64,
    /// `full_bytes` less all that was transferred to these devices; less than 0 when it was more.
    pub saved: i64,
    /// `full_bytes` less what came to these devices from the origin.
    pub saved_at_origin: i64,
    /// Bytes that the completed devices must have downloaded, though no event tells of them.
    pub unseen: i64,
    /// Completed devices of which nobody said how large the full Artifact is: they count in neither of the savings.
    pub without_full_size: i64,
}

impl Figures {
    /// All sums in the order of their columns.
    pub(crate) fn numbers(&self) -> [i64; 13] {
        [
            self.assigned,
            self.assigned_bytes,
            self.transferred_origin,
            self.transferred_gateway,
            self.retransmitted_origin,
            self.retransmitted_gateway,
            self.aborted,
            self.completed,
            self.full_bytes,
            self.saved,
            self.saved_at_origin,
            self.unseen,
            self.without_full_size,
        ]
    }

    /// The other way.
    pub(crate) fn of(numbers: [i64; 13]) -> Self {
        let [
            assigned,
            assigned_bytes,
            transferred_origin,
            transferred_gateway,
            retransmitted_origin,
            retransmitted_gateway,
            aborted,
            completed,
            full_bytes,
            saved,
            saved_at_origin,
            unseen,
            without_full_size,
        ] = numbers;
        Self {
            assigned,
            assigned_bytes,
            transferred_origin,
            transferred_gateway,
            retransmitted_origin,
            retransmitted_gateway,
            aborted,
            completed,
            full_bytes,
            saved,
            saved_at_origin,
            unseen,
            without_full_size,
        }
    }

    /// Each sum with its name, in the order of the columns.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, i64)> {
        COLUMNS.into_iter().zip(self.numbers())
    }

    /// Bytes that came, wherever from.
    #[must_use]
    pub fn transferred(&self) -> i64 {
        self.transferred_origin.saturating_add(self.transferred_gateway)
    }

    /// Of them, those that the device had downloaded before.
    #[must_use]
    pub fn retransmitted(&self) -> i64 {
        self.retransmitted_origin.saturating_add(self.retransmitted_gateway)
    }

    fn with(self, other: Self, each: fn(i64, i64) -> i64) -> Self {
        let mut numbers = self.numbers();
        for (number, other) in numbers.iter_mut().zip(other.numbers()) {
            *number = each(*number, other);
        }
        Self::of(numbers)
    }
}

/// Stays at the bounds of 63 bits; what the database adds up fails there.
impl Add for Figures {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.with(other, i64::saturating_add)
    }
}

impl Sub for Figures {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.with(other, i64::saturating_sub)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_the_names_of_the_fields() {
        let figures = Figures::of([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let shown = format!("{figures:?}");
        for (name, number) in figures.named() {
            assert!(shown.contains(&format!(" {name}: {number}")), "{name}");
        }
        assert_eq!((figures + figures - figures).numbers(), figures.numbers());
    }
}
