//! Keys that were taken over from elsewhere: forty hexadecimal digits, without a class, an id or a checksum.

use avala_keys::Secret;

const DIGITS: usize = 40;

/// Fewer different digits has a random key once in ten thousand million.
const FEWEST: u32 = 8;

/// As many equal steps from digit to digit has no random key that anybody will ever see.
const MOST_STEPS: usize = (DIGITS - 1) / 2;

/// Forty lower-case hexadecimal digits. Only a server that took it over knows whether it opens anything.
#[derive(Debug)]
pub(crate) struct LegacyKey(Secret);

impl LegacyKey {
    /// Reads a key exactly as it was issued: other letters would be another key.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if bytes.len() != DIGITS || !bytes.iter().all(is_digit) {
            return None;
        }
        str::from_utf8(bytes).ok().map(|text| Self(text.into()))
    }

    /// Whether it may have come from a generator of random numbers. What was thought of, others think of, too.
    pub(crate) fn looks_random(&self) -> bool {
        let digits: Vec<u32> = self
            .0
            .expose()
            .chars()
            .filter_map(|digit| digit.to_digit(16))
            .collect();
        let different = digits.iter().fold(0_u32, |seen, digit| seen | 1 << digit);
        let repeats =
            (1..=DIGITS / 2).any(|period| digits.iter().zip(&digits[period..]).all(|(a, b)| a == b));
        let mut steps = [0_usize; 16];
        for pair in digits.windows(2) {
            steps[((pair[1] + 16 - pair[0]) % 16) as usize] += 1;
        }
        different.count_ones() >= FEWEST && !repeats && steps.iter().all(|count| *count <= MOST_STEPS)
    }

    /// The whole key.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_letters_and_lengths_are_no_key() {
        let key = "4f3c2a1b0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f50";
        assert_eq!(LegacyKey::parse(key.as_bytes()).unwrap().expose(), key);
        for other in [
            key.to_uppercase(),
            key[..39].to_owned(),
            format!("{key}0"),
            format!(" {}", &key[1..]),
            key.replace('f', "g"),
            "\u{661}".repeat(20),
        ] {
            assert!(LegacyKey::parse(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn what_somebody_thought_of_does_not_look_random() {
        let looks_random = |text: &str| LegacyKey::parse(text.as_bytes()).unwrap().looks_random();
        for thought_of in [
            "0".repeat(40),
            "deadbeef".repeat(5),
            "0123456789".repeat(4),
            "0123456789abcdef0123456789abcdef01234567".into(),
            "fedcba9876543210fedcba9876543210fedcba98".into(),
            "02468ace13579bdf02468ace13579bdf02468ace".into(),
            "a94a8fe5ccb19ba61c4c".repeat(2),
            "0123456789abcdef000000000000000000000000".into(),
        ] {
            assert!(!looks_random(&thought_of), "{thought_of}");
        }
        for _ in 0..10_000 {
            let mut bytes = [0; 20];
            getrandom::fill(&mut bytes).unwrap();
            assert!(looks_random(&crate::hex::encode(&bytes)));
        }
    }
}
