//! What a user asks of a batch that is under way: the service stores it, the batch's run sees to it.

/// A wish, and since when it stands (Unix seconds).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wish {
    /// The batch is to be cancelled.
    Cancel {
        /// When that was asked for.
        since: u64,
    },
}

impl Wish {
    /// The value of its key.
    pub(crate) fn encode(self) -> Vec<u8> {
        let Self::Cancel { since } = self;
        since.to_string().into_bytes()
    }

    /// A stored wish. That it is there is the wish: one that cannot be read stands since `now`.
    pub(crate) fn decode(value: &[u8], now: u64) -> Self {
        let since = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
        Self::Cancel { since: since.unwrap_or(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::Wish;

    #[test]
    fn a_wish_reads_back_as_it_was_stored_and_a_damaged_one_stands_since_now() {
        let wish = Wish::Cancel { since: 1_790_000_000 };
        assert_eq!(wish.encode(), b"1790000000");
        assert_eq!(Wish::decode(&wish.encode(), 7), wish);
        for damaged in [b"".as_slice(), b"17x", b"\xFF"] {
            assert_eq!(Wish::decode(damaged, 7), Wish::Cancel { since: 7 });
        }
    }
}
