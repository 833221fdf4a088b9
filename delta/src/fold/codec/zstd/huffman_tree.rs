//! Lengths of Huffman codes as libzstd chooses them: its order of equal counts, and its way to shorten long codes.

/// Bytes.
const SYMBOLS: usize = 256;
/// The longest code that a table may have.
pub(super) const LEN_MAX: usize = 12;
/// Buckets that counts are sorted into: small counts have one each, others one for each power of two.
const BUCKETS: usize = 192;
const LARGE: usize = 158;
const DISTINCT: u32 = 165;

#[derive(Debug, Clone, Copy, Default)]
struct Leaf {
    count: u32,
    symbol: u8,
    len: u8,
}

fn bucket(count: u32) -> usize {
    if count < DISTINCT { count as usize } else { count.ilog2() as usize + LARGE }
}

/// The lengths of the codes for counts of at least two symbols, none longer than `longest`; and the longest of them.
pub(super) fn lengths(counts: &[u32; SYMBOLS], max: usize, longest: usize) -> ([u8; SYMBOLS], usize) {
    let mut leaves = [Leaf::default(); SYMBOLS];
    sort(counts, max, &mut leaves);
    let last = leaves[..=max].iter().rposition(|leaf| leaf.count > 0).unwrap_or(0);
    let mut lengths = [0; SYMBOLS];
    if last == 0 {
        return (lengths, 0);
    }
    measure(&mut leaves, last);
    let longest = shorten(&mut leaves, last, longest);
    for leaf in &leaves[..=last] {
        lengths[usize::from(leaf.symbol)] = leaf.len;
    }
    (lengths, longest)
}

/// Sorts from frequent to rare.
fn sort(counts: &[u32; SYMBOLS], max: usize, leaves: &mut [Leaf; SYMBOLS]) {
    let mut starts = [0usize; BUCKETS];
    for &count in &counts[..=max] {
        starts[bucket(count)] += 1;
    }
    for at in (1..BUCKETS).rev() {
        starts[at - 1] += starts[at];
    }
    let mut ends = starts;
    for (symbol, &count) in counts[..=max].iter().enumerate() {
        let end = &mut ends[bucket(count) + 1];
        leaves[*end] = Leaf { count, symbol: symbol as u8, len: 0 };
        *end += 1;
    }
    for at in DISTINCT as usize..BUCKETS - 1 {
        if ends[at] > starts[at] + 1 {
            quick_sort(&mut leaves[starts[at]..ends[at]]);
        }
    }
}

fn quick_sort(mut leaves: &mut [Leaf]) {
    const SMALL: usize = 8;
    if leaves.len() <= SMALL {
        // Only here, not on the way down.
        insertion_sort(leaves);
        return;
    }
    while leaves.len() > 1 {
        let middle = partition(leaves);
        let (left, rest) = leaves.split_at_mut(middle);
        let right = &mut rest[1..];
        if left.len() < right.len() {
            quick_sort(left);
            leaves = right;
        } else {
            quick_sort(right);
            leaves = left;
        }
    }
}

fn insertion_sort(leaves: &mut [Leaf]) {
    for next in 1..leaves.len() {
        let mut at = next;
        while at > 0 && leaves[at - 1].count < leaves[at].count {
            leaves.swap(at - 1, at);
            at -= 1;
        }
    }
}

fn partition(leaves: &mut [Leaf]) -> usize {
    let last = leaves.len() - 1;
    let pivot = leaves[last].count;
    let mut end = 0;
    for at in 0..last {
        if leaves[at].count > pivot {
            leaves.swap(end, at);
            end += 1;
        }
    }
    leaves.swap(end, last);
    end
}

/// Builds the tree from the rare end and measures the depth of each leaf.
fn measure(leaves: &mut [Leaf; SYMBOLS], last: usize) {
    // Inner nodes, the first made first; at most one less than leaves.
    let mut counts = [0u32; SYMBOLS];
    let mut inner_parents = [0u16; SYMBOLS];
    let mut leaf_parents = [0u16; SYMBOLS];
    let (mut leaf, mut inner) = (last + 1, 0);
    for made in 0..last {
        let mut sum = 0;
        for _ in 0..2 {
            let from_leaf = leaf.checked_sub(1).map(|at| leaves[at].count);
            let from_inner = (inner < made).then(|| counts[inner]);
            match (from_leaf, from_inner) {
                (Some(count), other) if other.is_none_or(|other| count < other) => {
                    leaf -= 1;
                    leaf_parents[leaf] = made as u16;
                    sum += count;
                }
                (_, Some(count)) => {
                    inner_parents[inner] = made as u16;
                    inner += 1;
                    sum += count;
                }
                _ => {}
            }
        }
        counts[made] = sum;
    }
    let mut depths = [0u8; SYMBOLS];
    for at in (0..last - 1).rev() {
        depths[at] = depths[usize::from(inner_parents[at])] + 1;
    }
    for (leaf, parent) in leaves[..=last].iter_mut().zip(leaf_parents) {
        leaf.len = depths[usize::from(parent)] + 1;
    }
}

/// Makes codes no longer than `longest`, at the cost of others; returns the longest length that is left.
fn shorten(leaves: &mut [Leaf; SYMBOLS], last: usize, longest: usize) -> usize {
    let deepest = usize::from(leaves[last].len);
    if deepest <= longest {
        return deepest;
    }
    let target = longest as u8;
    // What the shortened ones take too much, in units of the deepest, then of the target.
    let mut debt = 0i64;
    let unit = 1i64 << (deepest - longest);
    let mut at = last;
    while leaves[at].len > target {
        debt += unit - (1 << (deepest - usize::from(leaves[at].len)));
        leaves[at].len = target;
        at -= 1;
    }
    while at > 0 && leaves[at].len == target {
        at -= 1;
    }
    debt >>= deepest - longest;
    // The last leaf of each length, by how much it is shorter than the target.
    let mut rank_last = [None; LEN_MAX + 2];
    let mut current = target;
    for position in (0..=at).rev() {
        if leaves[position].len < current {
            current = leaves[position].len;
            rank_last[usize::from(target - current)] = Some(position);
        }
    }
    while debt > 0 {
        let mut rank = debt.ilog2() as usize + 1;
        rank = rank.min(LEN_MAX + 1);
        while rank > 1 {
            if let Some(high) = rank_last[rank] {
                match rank_last[rank - 1] {
                    None => break,
                    Some(low) if leaves[high].count <= 2 * leaves[low].count => break,
                    Some(_) => {}
                }
            }
            rank -= 1;
        }
        while rank <= LEN_MAX && rank_last[rank].is_none() {
            rank += 1;
        }
        let Some(position) = rank_last.get(rank).copied().flatten() else { break };
        debt -= 1 << (rank - 1);
        leaves[position].len += 1;
        if rank_last[rank - 1].is_none() {
            rank_last[rank - 1] = Some(position);
        }
        rank_last[rank] =
            position.checked_sub(1).filter(|before| usize::from(leaves[*before].len) + rank == longest);
    }
    while debt < 0 {
        match rank_last[1] {
            None => {
                while at > 0 && leaves[at].len == target {
                    at -= 1;
                }
                leaves[at + 1].len -= 1;
                rank_last[1] = Some(at + 1);
            }
            Some(position) => {
                leaves[position + 1].len -= 1;
                rank_last[1] = Some(position + 1);
            }
        }
        debt += 1;
    }
    longest
}
