//! Damaging files: bits, numbers that lie, pieces that are missing, there twice, or from another file.

use crate::random::Random;

/// Numbers that sizes, counts and offsets should not be.
const NUMBERS: [u64; 18] = [
    0,
    1,
    2,
    3,
    7,
    31,
    32,
    255,
    256,
    1 << 16,
    (1 << 31) - 1,
    1 << 31,
    u32::MAX as u64,
    1 << 32,
    (1 << 62) - 1,
    1 << 63,
    u64::MAX - 31,
    u64::MAX,
];

/// Where most of the sense of a file is.
const HEAD: usize = 512;

/// Longest input; what is thrown at parsers is small, so that any large allocation is a lie believed.
const LONGEST: usize = 1 << 16;

/// One of `pool`, damaged in some ways.
pub(crate) fn mutated(pool: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = pool[random.below(pool.len())].clone();
    for _ in 0..=random.below(6) {
        damage(&mut input, pool, random);
    }
    input.truncate(LONGEST);
    input
}

fn damage(input: &mut Vec<u8>, pool: &[Vec<u8>], random: &mut Random) {
    let place = |random: &mut Random, length: usize| match random.below(3) {
        0 => random.below(length),
        _ => random.below(length.min(HEAD)),
    };
    let at = place(random, input.len());
    let span = random.below(input.len().saturating_sub(at).min(64)) + 1;
    match random.below(11) {
        0 => change(input, at, &[random.next() as u8]),
        1 => {
            let bit = 1 << random.below(8);
            if let Some(byte) = input.get_mut(at) {
                *byte ^= bit;
            }
        }
        2 => change(input, at, &number(random).to_le_bytes()),
        3 => change(input, at, &(number(random) as u32).to_le_bytes()),
        4 => input.truncate(at),
        5 => drop(input.drain(at..(at + span).min(input.len()))),
        6 => {
            let piece = input[at..(at + span).min(input.len())].to_vec();
            let to = place(random, input.len());
            input.splice(to..to, piece);
        }
        7 => {
            let bytes: Vec<u8> = (0..span).map(|_| random.next() as u8).collect();
            input.splice(at..at, bytes);
        }
        8 => {
            let other = &pool[random.below(pool.len())];
            let from = random.below(other.len());
            let piece = &other[from..(from + 4 * span).min(other.len())];
            let end = (at + piece.len()).min(input.len());
            input.splice(at..end, piece.iter().copied());
        }
        9 => in_text(input, at, random),
        _ => header_length(input),
    }
}

fn number(random: &mut Random) -> u64 {
    let number = NUMBERS[random.below(NUMBERS.len())];
    number.wrapping_add(random.below(3) as u64).wrapping_sub(1)
}

fn change(input: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, from) in input.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

/// Another number in place of the next one that is written in digits, as in JSON.
fn in_text(input: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(first) = input[at..].iter().position(u8::is_ascii_digit).map(|i| at + i) else {
        return;
    };
    let digits = input[first..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = number(random).to_string().into_bytes();
    input.splice(first..first + digits, text);
}

/// Makes the length before a JSON header right again, so that damage inside of it is looked at.
fn header_length(input: &mut [u8]) {
    if input.get(8) == Some(&b'{')
        && let Some(end) = input.windows(2).rposition(|pair| pair == b"}}")
        && let Some(length) = (end + 2).checked_sub(8)
    {
        change(input, 0, &(length as u64).to_le_bytes());
    }
}
