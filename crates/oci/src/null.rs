use serde::{Deserialize, Deserializer};

/// Programs in Go write `null` for every list, map and text that is empty, and read one as that.
pub(crate) fn null_is_nothing<'de, D, T>(d: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(d)?.unwrap_or_default())
}
