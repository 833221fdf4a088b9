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

/// Mixers of one kind of decision, in memory of the caller's.
pub(super) struct Decision<'m> {
    inputs: usize,
    weights: [&'m mut [i32]; 2],
    corrections: &'m mut [u32],
}

/// The shape of a kind of decision: how many inputs, and how many contexts choose weights and corrections.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub inputs: usize,
    pub sets: [usize; 2],
    pub corrections: usize,
}

impl Shape {
    /// Words of memory.
    pub(super) const fn words(&self) -> usize {
        self.inputs * (self.sets[0] + self.sets[1]) + self.corrections * STEPS
    }
}

impl<'m> Decision<'m> {
    /// Mixers in the first words of `memory`, which moves behind them.
    pub(super) fn new(shape: Shape, memory: &mut &'m mut [u32]) -> Self {
        let mut take = |len| {
            let (piece, rest) = core::mem::take(memory).split_at_mut(len);
            *memory = rest;
            piece
        };
        let weights = shape.sets.map(|sets| bytemuck::cast_slice_mut(take(sets * shape.inputs)));
        let corrections = take(shape.corrections * STEPS);
        for set in corrections.chunks_exact_mut(STEPS) {
            for (i, slot) in set.iter_mut().enumerate() {
                *slot = u32::from(squash((i * 4096 / (STEPS - 1)) as i32 - 2048)) << 6;
            }
        }
        let mut decision = Decision { inputs: shape.inputs, weights, corrections };
        decision.weights.iter_mut().for_each(|weights| weights.fill(FIRST_WEIGHT / shape.inputs as i32));
        decision
    }

    /// Codes `bit`, predicted by `inputs`, with the weights of the two `sets` and the correction of `context`.
    pub(super) fn code<C: BitCoder>(
        &mut self,
        coder: &mut C,
        bit: u32,
        inputs: &[i32],
        sets: [usize; 2],
        context: usize,
    ) -> u32 {
        let n = self.inputs;
        let [first, second] = &mut self.weights;
        let first = &mut first[sets[0] * n..][..n];
        let second = &mut second[sets[1] * n..][..n];
        let (a, b) = (mix(first, inputs), mix(second, inputs));
        let odds = (a + b) >> 1;
        let place = (odds.clamp(-BOUND, BOUND) + 2048) as usize * (STEPS - 1);
        let (step, part) = (place >> 12, (place & 4095) as u32);
        let correction = &mut self.corrections[context * STEPS + step..][..2];
        let corrected = ((correction[0] >> 6) * (4096 - part) + (correction[1] >> 6) * part) >> 12;
        let one = (u32::from(squash(odds)) + 3 * corrected) / 4;
        let bit = coder.code(bit, one.clamp(16, 65_520) as u16);
        learn(first, inputs, bit, squash(a), RATE);
        learn(second, inputs, bit, squash(b), RATE);
        let nearer = &mut correction[usize::from(part >= 2048)];
        if bit == 1 {
            *nearer += ((1 << 22) - 1 - *nearer) >> CORRECTION_SHIFT;
        } else {
            *nearer -= *nearer >> CORRECTION_SHIFT;
        }
        bit
    }
}
