//! The logistic domain: probabilities as logarithms of odds, and the mixer that adds them.

/// Logarithms of odds are in units of 1/256 and within this bound.
pub(super) const BOUND: i32 = 2047;

/// The probability of 1, in 1/65536, for each logarithm of odds from -2048 to 2047.
static SQUASH: [u16; 4096] = squash_table();
/// The logarithm of odds for each probability in 1/4096.
static STRETCH: [i16; 4096] = stretch_table();

const fn squash_table() -> [u16; 4096] {
    // e^(1/256), and e^-8 to begin with.
    const STEP: f64 = 1.003_913_889_338_347_6;
    let mut odds = 0.000_335_462_627_902_511_85;
    let mut table = [0; 4096];
    let mut i = 0;
    while i < table.len() {
        // Evaluated by the compiler, in arithmetic that does not depend on the machine.
        table[i] = (65_536.0 * odds / (1.0 + odds) + 0.5) as u16;
        odds *= STEP;
        i += 1;
    }
    table
}

const fn stretch_table() -> [i16; 4096] {
    let squash = squash_table();
    let mut table = [0; 4096];
    let mut x = 0;
    let mut i = 0;
    while i < table.len() {
        while x < 4095 && (squash[x] as usize) < i * 16 + 8 {
            x += 1;
        }
        table[i] = x as i16 - 2048;
        i += 1;
    }
    table
}

/// The probability of 1, in 1/65536, of a logarithm of odds; it is never 0 nor 1.
pub(super) fn squash(odds: i32) -> u16 {
    SQUASH[odds.clamp(-BOUND, BOUND).wrapping_add(2048) as usize & 4095]
}

/// The logarithm of odds of a probability in 1/4096.
pub(super) fn stretch(probability: u32) -> i32 {
    STRETCH[probability as usize & 4095].into()
}

/// Weights are within this bound, which is 8 times one: products of weights and inputs stay below 2^30.
const MOST_WEIGHT: i32 = 1 << 19;

/// Adds predictions with weights, in 1/65536; the weights of one set.
pub(super) fn mix<const N: usize>(weights: &[i32; N], inputs: &[i32; N]) -> i32 {
    // Bounds as above; wrapping, because checks would keep the compiler from working on several at once.
    let mut sum = 0_i32;
    for (weight, input) in weights.iter().zip(inputs) {
        sum = sum.wrapping_add(weight.wrapping_mul(*input) >> 10);
    }
    (sum >> 6).clamp(-BOUND, BOUND)
}

/// Moves the weights so that the same inputs would have predicted `bit` better than `one`.
pub(super) fn learn<const N: usize>(
    weights: &mut [i32; N],
    inputs: &[i32; N],
    bit: u32,
    one: u16,
    rate: i32,
) {
    // At most 2^16 times `rate`, which is below 2^6; an input adds 11 bits more. Wrapping as above.
    let error = ((bit << 16) as i32).wrapping_sub(i32::from(one)).wrapping_mul(rate) >> 4;
    for (weight, input) in weights.iter_mut().zip(inputs) {
        let change = input.wrapping_mul(error).wrapping_add(1 << 15) >> 16;
        *weight = weight.wrapping_add(change).clamp(-MOST_WEIGHT, MOST_WEIGHT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_the_logistic_function() {
        for odds in (-2000..=2000).step_by(50) {
            let exact = 65_536.0 / (1.0 + (-f64::from(odds) / 256.0).exp());
            assert!((f64::from(squash(odds)) - exact).abs() <= 1.0, "{odds}");
        }
        for probability in 1..4095 {
            let p = (f64::from(probability) + 0.5) / 4096.0;
            let exact = (p / (1.0 - p)).ln() * 256.0;
            let exact = exact.clamp(-2048.0, 2047.0);
            assert!((f64::from(stretch(probability)) - exact).abs() <= 16.0, "{probability}");
        }
        assert!(squash(-5000) > 0 && squash(5000) < 65_535);
    }

    #[test]
    fn weights_follow_the_better_input() {
        let mut weights = [20_000, 20_000];
        for i in 0..5000_u32 {
            let bit = (i * 7 / 3) & 1;
            let inputs = [if bit == 1 { 600 } else { -600 }, if i % 3 == 0 { 600 } else { -600 }];
            let one = squash(mix(&weights, &inputs));
            learn(&mut weights, &inputs, bit, one, 6);
        }
        assert!(weights[0] > 3 * weights[1].abs(), "{weights:?}");
    }
}
