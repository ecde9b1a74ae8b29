//! Telling random characters from what people type where a key would stand.

/// Random characters of a key hold more than twice as many.
const FEWEST_DIFFERENT: usize = 8;

/// `0123456789abcdef…`, `a1b2c3d4…`, `deadbeefdeadbeef…`: characters that follow each other, or are few.
///
/// That 40 random hexadecimal digits look so happens once in ten million times.
pub(super) fn is_sample(body: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in body {
        seen[usize::from(*byte)] = true;
    }
    let different = seen.iter().filter(|seen| **seen).count();
    different < FEWEST_DIFFERENT || [1, 2].into_iter().any(|stride| mostly_follows(body, stride))
}

/// Whether more than half of the characters are the same as the one `stride` before, or the next in its row.
fn mostly_follows(body: &[u8], stride: usize) -> bool {
    let pairs = body.iter().zip(body.iter().skip(stride));
    let following = pairs
        .clone()
        .filter(|(one, two)| *one == *two || one.wrapping_add(1) == **two)
        .count();
    2 * following > pairs.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_a_sample() {
        for text in [
            "0123456789abcdef0123456789abcdef01234567",
            "1234567890abcdef",
            "a1b2c3d4e5f6a7b8c9d0",
            "abc123def456ghi789",
            "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
            "0000000000000000000000000000000000000001",
        ] {
            assert!(is_sample(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_a_generator_makes_is_none() {
        for text in [
            "9b2f6c0d84e1a73f5c28d0e6b917a45f3d60c8e2",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "7Hk2mQ9xTbWcR4vZ",
        ] {
            assert!(!is_sample(text.as_bytes()), "{text}");
        }
    }
}
