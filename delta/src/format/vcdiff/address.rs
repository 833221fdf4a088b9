//! The address cache (RFC 3284, section 5.3): what lets an address be told in few bytes.

const NEAR: usize = 4;
const SAME: usize = 3 * 256;

/// Mode of an address that stands for itself.
pub const SELF: u8 = 0;
/// Mode of an address that is counted back from where the target is.
pub const HERE: u8 = 1;
/// First mode of those that are counted on from a recent address.
const FIRST_NEAR: u8 = 2;
/// First mode of those that name a recent address by one byte.
pub const FIRST_SAME: u8 = FIRST_NEAR + 4;

/// Addresses used lately in this window.
pub struct Cache {
    near: [u64; NEAR],
    next: usize,
    same: [u64; SAME],
}

impl Default for Cache {
    fn default() -> Self {
        Cache { near: [0; NEAR], next: 0, same: [0; SAME] }
    }
}

/// The slot of an address among the same ones.
fn slot(address: u64) -> usize {
    usize::try_from(address % SAME as u64).unwrap_or_default()
}

impl Cache {
    /// Forgets everything: a window begins.
    pub fn reset(&mut self) {
        *self = Cache::default();
    }

    /// The address that `told` stands for in `mode` where the target is at `here`; none when there is no such one.
    pub fn address(&mut self, mode: u8, told: u64, here: u64) -> Option<u64> {
        let address = match mode {
            SELF => told,
            HERE => here.checked_sub(told)?,
            FIRST_NEAR..FIRST_SAME => self.near.get(usize::from(mode - FIRST_NEAR))?.checked_add(told)?,
            _ => {
                let page = 256 * usize::from(mode - FIRST_SAME);
                *self.same.get(page + usize::from(u8::try_from(told).ok()?))?
            }
        };
        if address >= here {
            return None;
        }
        self.remember(address);
        Some(address)
    }

    fn remember(&mut self, address: u64) {
        self.near[self.next] = address;
        self.next = (self.next + 1) % NEAR;
        self.same[slot(address)] = address;
    }

    /// The mode in which `address` takes the fewest bytes, and what is told then; remembers the address.
    #[cfg(feature = "generate")]
    pub fn mode(&mut self, address: u64, here: u64) -> (u8, u64) {
        let told = self.best(address, here);
        self.remember(address);
        told
    }

    #[cfg(feature = "generate")]
    fn best(&self, address: u64, here: u64) -> (u8, u64) {
        let slot = slot(address);
        if self.same[slot] == address {
            let [byte, page, ..] = slot.to_le_bytes();
            return (FIRST_SAME + page, byte.into());
        }
        let mut best = (SELF, address);
        let near = (FIRST_NEAR..).zip(self.near).map(|(mode, near)| (mode, address.checked_sub(near)));
        for (mode, told) in std::iter::once((HERE, here.checked_sub(address))).chain(near) {
            if let Some(told) = told.filter(|&told| super::number::len(told) < super::number::len(best.1)) {
                best = (mode, told);
            }
        }
        best
    }
}

#[cfg(all(test, feature = "generate"))]
mod tests {
    use super::*;

    #[test]
    fn both_sides_agree_on_every_address() {
        let (mut told, mut heard) = (Cache::default(), Cache::default());
        let (mut state, mut modes) = (7_u64, [0; 9]);
        for here in (1..60_000).step_by(3) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let address = match state >> 62 {
                0 => (state >> 20) % here,
                1 => here * 2 / 3,
                2 => here - 1 - (state >> 20) % here.min(50),
                _ => 5 * ((state >> 20) % here.min(30)) % here,
            };
            let (mode, number) = told.mode(address, here);
            modes[usize::from(mode)] += 1;
            assert_eq!(heard.address(mode, number, here), Some(address));
        }
        assert!(modes.iter().all(|&n| n > 0), "{modes:?}");
    }

    #[test]
    fn addresses_that_there_are_not() {
        let mut cache = Cache::default();
        for (mode, told) in
            [(SELF, 10), (SELF, u64::MAX), (HERE, 11), (HERE, 0), (FIRST_NEAR, 10), (FIRST_SAME, 256), (9, 0)]
        {
            assert_eq!(cache.address(mode, told, 10), None, "{mode} {told}");
        }
    }
}
