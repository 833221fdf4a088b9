//! One binary decision out of several predictions: two mixers, their mean, and a last correction.

use super::coder::BitCoder;
use super::logistic::{BOUND, learn, mix, squash};

/// Steps of probability between which a correction interpolates.
const STEPS: usize = 24;
/// How fast weights move.
const RATE: i32 = 22;
/// Corrections move by this power of two.
const CORRECTION_SHIFT: u32 = 6;
/// Weights of all inputs together to begin with, in 1/65536.
const FIRST_WEIGHT: i32 = 90_000;

/// Mixers of one kind of decision with `N` inputs, in memory of the caller's.
pub(super) struct Decision<'m, const N: usize> {
    weights: [&'m mut [[i32; N]]; 2],
    corrections: &'m mut [u32],
}

/// The shape of a kind of decision: how many contexts choose weights and corrections.
#[derive(Clone, Copy)]
pub(super) struct Shape<const N: usize> {
    pub sets: [usize; 2],
    pub corrections: usize,
}

impl<const N: usize> Shape<N> {
    /// Words of memory.
    pub(super) const fn words(&self) -> usize {
        N * (self.sets[0] + self.sets[1]) + self.corrections * STEPS
    }
}

impl<'m, const N: usize> Decision<'m, N>
where
    [i32; N]: bytemuck::Pod,
{
    /// Mixers in the first words of `memory`, which moves behind them.
    pub(super) fn new(shape: Shape<N>, memory: &mut &'m mut [u32]) -> Self {
        let mut take = |len| {
            let (piece, rest) = core::mem::take(memory).split_at_mut(len);
            *memory = rest;
            piece
        };
        let weights = shape.sets.map(|sets| bytemuck::cast_slice_mut(take(sets * N)));
        let corrections = take(shape.corrections * STEPS);
        for set in corrections.chunks_exact_mut(STEPS) {
            for (i, slot) in set.iter_mut().enumerate() {
                *slot = u32::from(squash((i * 4096 / (STEPS - 1)) as i32 - 2048)) << 6;
            }
        }
        let mut decision = Decision { weights, corrections };
        decision.weights.iter_mut().for_each(|weights| weights.fill([FIRST_WEIGHT / N as i32; N]));
        decision
    }

    /// Codes `bit`, predicted by `inputs`, with the weights of the two `sets` and the correction of `context`.
    pub(super) fn code<C: BitCoder>(
        &mut self,
        coder: &mut C,
        bit: u32,
        inputs: &[i32; N],
        sets: [usize; 2],
        context: usize,
    ) -> u32 {
        let [first, second] = &mut self.weights;
        let (first, second) = (&mut first[sets[0]], &mut second[sets[1]]);
        let (a, b) = (mix(first, inputs), mix(second, inputs));
        // All of this stays below 2^28; wrapping, because checks would cost a branch each.
        let odds = a.wrapping_add(b) >> 1;
        let place = (odds.clamp(-BOUND, BOUND).wrapping_add(2048) as u32).wrapping_mul(STEPS as u32 - 1);
        let (step, part) = ((place >> 12) as usize, place & 4095);
        let set = &mut self.corrections[context * STEPS..][..STEPS];
        let (before, behind) = (set[step] >> 6, set[step + 1] >> 6);
        let corrected = before.wrapping_mul(4096 - part).wrapping_add(behind.wrapping_mul(part)) >> 12;
        let one = u32::from(squash(odds)).wrapping_add(corrected.wrapping_mul(3)) / 4;
        let bit = coder.code(bit, one.clamp(16, 65_520) as u16);
        learn(first, inputs, bit, squash(a), RATE);
        learn(second, inputs, bit, squash(b), RATE);
        // What is left between it and `bit`; see `slots::update`.
        let nearer = &mut set[step + usize::from(part >= 2048)];
        let turn = 0_u32.wrapping_sub(bit) >> 10;
        let left = *nearer ^ turn;
        *nearer = left.wrapping_sub(left >> CORRECTION_SHIFT) ^ turn;
        bit
    }
}
