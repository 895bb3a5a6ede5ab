use std::fmt;
use std::str::FromStr;

use oci::MediaType;

/// How layers are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// One gzip member of fragments that libdeflate made, with its level (1 to 12).
    Gzip(u8),
    /// zstd frames, with their level (1 to 19).
    Zstd(u8),
}

impl Default for Codec {
    /// gzip at level 6: level 9 takes 3.5 times as long for 1 % fewer bytes.
    fn default() -> Codec {
        Codec::Gzip(6)
    }
}

impl Codec {
    /// Counts up when a codec gives other bytes for some input: another library version, fragment
    /// size or framing. Part of every segment's key; stands in the lock beside the codec.
    pub const REVISION: u32 = 1;

    /// The type of a layer compressed with it.
    pub fn media_type(self) -> MediaType {
        match self {
            Codec::Gzip(_) => MediaType::LAYER_GZIP,
            Codec::Zstd(_) => MediaType::LAYER_ZSTD,
        }
    }

    /// How many bytes are compressed by themselves: larger compresses better, smaller spreads
    /// better and needs less memory. At most so many follow each other without a seam.
    pub(crate) fn fragment(self) -> usize {
        match self {
            Codec::Gzip(_) => 1 << 20,
            Codec::Zstd(_) => 4 << 20,
        }
    }
}

impl fmt::Display for Codec {
    /// `gzip:6`, as it is written in the lock and read from the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Codec::Gzip(level) => write!(f, "gzip:{level}"),
            Codec::Zstd(level) => write!(f, "zstd:{level}"),
        }
    }
}

/// A text that is no codec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a compression (expected gzip, gzip:1 to gzip:12, zstd, or zstd:1 to zstd:19)")]
pub struct CodecError {
    /// What was given.
    pub text: String,
}

impl FromStr for Codec {
    type Err = CodecError;

    fn from_str(text: &str) -> Result<Codec, CodecError> {
        let bad = || CodecError { text: text.to_owned() };
        let (name, level) = match text.split_once(':') {
            Some((name, level)) if level.bytes().all(|b| b.is_ascii_digit()) => (name, Some(level)),
            Some(_) => return Err(bad()),
            None => (text, None),
        };
        let level = level.map(|l| l.parse::<u8>().map_err(|_| bad())).transpose()?;
        match (name, level) {
            ("gzip", level) => Some(level.unwrap_or(6)).filter(|l| (1..=12).contains(l)).map(Codec::Gzip),
            ("zstd", level) => Some(level.unwrap_or(3)).filter(|l| (1..=19).contains(l)).map(Codec::Zstd),
            _ => None,
        }
        .ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_refuses_the_rest() {
        for (text, codec) in
            [("gzip", Codec::Gzip(6)), ("gzip:9", Codec::Gzip(9)), ("zstd:19", Codec::Zstd(19))]
        {
            assert_eq!(text.parse::<Codec>().unwrap(), codec);
            assert_eq!(codec.to_string().parse::<Codec>().unwrap(), codec);
        }
        for bad in ["", "gzip:", "gzip:0", "gzip:13", "zstd:+3", "zstd:20", "xz", "gzip:6:1"] {
            assert!(bad.parse::<Codec>().is_err(), "{bad}");
        }
    }
}
