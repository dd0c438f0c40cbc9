//! What a pixel costs at a size that was never measured, by those that were. Between two it is between them. Beyond the last it goes on
//! as work of that kind does: what comes with every step, whatever its size, weighs less the larger it is, and attention, which
//! looks from each pixel at each, weighs more.

/// A size, in quarters of powers of two, and what a pixel costs there.
type Point = (f64, f64);

/// The cost at `place`, with what is known `below` it (or there) and `above` it, in order from it; `None` if that is nothing.
pub(super) fn at(
    place: f64,
    mut below: impl Iterator<Item = Point>,
    mut above: impl Iterator<Item = Point>,
) -> Option<f64> {
    match (below.next(), above.next()) {
        (Some((low, cheap)), Some((high, dear))) => {
            Some(cheap + (place - low) / (high - low) * (dear - cheap))
        }
        (Some(last), None) => Some(beyond(place, last, below)),
        (None, Some(first)) => Some(beyond(place, first, above)),
        (None, None) => None,
    }
}

/// The cost at `place`, on the far side of `last` from the `others`, in order from it.
fn beyond(place: f64, last: Point, mut others: impl Iterator<Item = Point>) -> f64 {
    /// Sizes that are nearer to each other than by half say nothing of how it goes on.
    const FAR: f64 = 4.0;
    /// What goes on so far is not believed.
    const MOST: f64 = 4.0;
    let Some(other) = others.find(|other| (other.0 - last.0).abs() >= FAR) else { return last.1 };
    let pixels = |place: f64| (place / 4.0).exp2();
    let (small, large) = if last.0 < other.0 { (last, other) } else { (other, last) };
    let (x, y, z) = (pixels(small.0), pixels(large.0), pixels(place));
    let cost = if small.1 >= large.1 {
        // A part that is the same whatever the size.
        let whole = (small.1 - large.1) / (1.0 / x - 1.0 / y);
        large.1 + whole * (1.0 / z - 1.0 / y)
    } else {
        // A part that grows with the square of the pixels.
        let square = (large.1 - small.1) / (y - x);
        large.1 + square * (z - y)
    };
    cost.clamp(last.1 / MOST, last.1 * MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places of sides of pictures, as `pace` has them.
    fn cost(side: f64, known: &[(f64, f64)]) -> f64 {
        let place = |side: f64| 4.0 * (side * side).log2();
        let point = |&(side, cost): &(f64, f64)| (place(side), cost);
        let split = known.partition_point(|it| it.0 <= side);
        let (below, above) = known.split_at(split);
        at(place(side), below.iter().rev().map(point), above.iter().map(point)).unwrap()
    }

    #[test]
    fn what_is_measured_is_what_it_is_and_one_size_says_the_same_of_all() {
        assert_eq!(at(3.0, std::iter::empty(), std::iter::empty()), None);
        for side in [64.0, 512.0, 4096.0] {
            assert!((cost(side, &[(512.0, 2.0)]) - 2.0).abs() < 1e-9);
        }
        assert!((cost(512.0, &[(256.0, 1.0), (512.0, 3.0), (1024.0, 7.0)]) - 3.0).abs() < 1e-9);
        assert!((cost(512.0, &[(256.0, 1.0), (1024.0, 3.0)]) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn attention_goes_on_with_the_square() {
        // A pixel costs 1 and for each million others 0.5.
        let of = |side: f64| 1.0 + 0.5e-6 * side * side;
        let known = [256.0, 512.0].map(|side| (side, of(side)));
        for side in [1024.0, 1536.0, 128.0] {
            assert!((cost(side, &known) / of(side) - 1.0).abs() < 1e-6, "{side}");
        }
    }

    #[test]
    fn what_comes_with_every_step_weighs_less_in_a_large_one() {
        let of = |side: f64| 1.0 + 1e5 / (side * side);
        let known = [256.0, 512.0].map(|side| (side, of(side)));
        for side in [1024.0, 2048.0, 160.0] {
            assert!((cost(side, &known) / of(side) - 1.0).abs() < 1e-6, "{side}");
        }
    }

    #[test]
    fn neighbours_say_nothing_of_how_it_goes_on_and_no_cost_is_absurd() {
        assert!((cost(2048.0, &[(500.0, 1.0), (512.0, 9.0)]) - 9.0).abs() < 1e-9);
        assert!(cost(8192.0, &[(64.0, 1.0), (512.0, 9.0)]) <= 36.0);
        assert!(cost(16.0, &[(256.0, 9.0), (512.0, 1.0)]) <= 36.0);
        assert!(cost(16.0, &[(256.0, 1.0), (512.0, 9.0)]) > 0.0);
    }
}
