use bstr::{BStr, BString, ByteSlice};

use super::number::{NumberError, parse_decimal, parse_time};
use super::sparse::PaxSparse;
use crate::Xattr;

/// What the records of one PAX header say.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) path: Option<BString>,
    pub(super) link: Option<BString>,
    pub(super) size: Option<u64>,
    pub(super) mtime: Option<i64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) user: Option<BString>,
    pub(super) group: Option<BString>,
    pub(super) xattrs: Vec<Xattr>,
    pub(super) vendor: Vec<(BString, Vec<u8>)>,
    pub(super) sparse: Option<PaxSparse>,
}

/// What a header's records are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The next member.
    Member,
    /// All that follow.
    Global,
    /// The next member of somebody else's archive (`Limits::foreign`).
    Foreign,
}

/// Reads the records of an extended header (POSIX.1-2017 pax, "pax Extended Header": lines of
/// `LENGTH KEY=VALUE\n`). `global` headers may carry comments only: their other records would apply
/// to every later member, which readers do differently.
pub(super) fn parse_records(bytes: &[u8], scope: Scope) -> Result<Records, String> {
    let mut records = Records::default();
    let mut seen: Vec<&[u8]> = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (key, value, after) = split_record(rest).ok_or_else(|| "a record is malformed".to_owned())?;
        rest = after;
        if scope == Scope::Foreign
            && let Some(word) = key.strip_prefix(b"GNU.sparse.")
        {
            let sparse = records.sparse.get_or_insert_default();
            sparse.take(word, value).map_err(|why| format!("the record `{}`: {why}", BStr::new(key)))?;
            continue;
        }
        if seen.contains(&key) {
            return Err(format!("the record `{}` stands twice", BStr::new(key)));
        }
        // Bounds the search above; real headers have a handful.
        if seen.len() >= 256 {
            return Err("more than 256 records".to_owned());
        }
        seen.push(key);
        if scope == Scope::Global && key != b"comment" {
            return Err(format!("the record `{}` in a global header", BStr::new(key)));
        }
        let foreign = scope == Scope::Foreign;
        records.take(key, value, foreign).map_err(|why| format!("the record `{}`: {why}", BStr::new(key)))?;
    }
    records.xattrs.sort();
    Ok(records)
}

impl Records {
    fn take(&mut self, key: &[u8], value: &[u8], foreign: bool) -> Result<(), &'static str> {
        match key {
            b"path" => self.path = Some(value.into()),
            b"linkpath" => self.link = Some(value.into()),
            b"size" => self.size = Some(parse_decimal(value).map_err(said)?),
            b"mtime" => self.mtime = Some(parse_time(value).map_err(said)?),
            b"uid" => self.uid = Some(parse_decimal(value).map_err(said)?),
            b"gid" => self.gid = Some(parse_decimal(value).map_err(said)?),
            b"uname" => self.user = Some(value.into()),
            b"gname" => self.group = Some(value.into()),
            b"atime" | b"ctime" | b"comment" => {}
            b"hdrcharset" if foreign => {}
            // Would change what the bytes of `path` mean.
            b"hdrcharset" => return Err("not supported"),
            _ => return self.take_extension(key, value, foreign),
        }
        Ok(())
    }

    fn take_extension(&mut self, key: &[u8], value: &[u8], foreign: bool) -> Result<(), &'static str> {
        if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
            if name.is_empty() || name.len() > 255 || name.contains(&0) {
                return Err("not the name of an attribute");
            }
            self.xattrs.push(Xattr { name: name.into(), value: value.to_vec() });
        } else if !foreign && (key.starts_with(b"GNU.sparse.") || key == b"SCHILY.realsize") {
            return Err("sparse files are not supported");
        } else if key.starts_with(b"APK-TOOLS.") {
            self.vendor.push((key.into(), value.to_vec()));
        } else if foreign {
            // Go's reader passes over what it does not know.
        } else if !key.contains(&b'.') || !key[0].is_ascii_uppercase() {
            // POSIX reserves keys without a vendor's prefix in capitals for its own future use.
            return Err("unknown");
        }
        Ok(())
    }
}

fn said(error: NumberError) -> &'static str {
    match error {
        NumberError::Malformed => "not a number",
        NumberError::Negative => "negative",
        NumberError::TooLarge => "too large",
    }
}

/// The first record of `bytes` and what follows.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|&b| b == b' ')?;
    // No leading zeros or signs: two readers may differ about them.
    if bytes[0] == b'0' {
        return None;
    }
    let len = usize::try_from(parse_decimal(&bytes[..space]).ok()?).ok()?;
    let record = bytes.get(space + 1..len)?;
    let record = record.strip_suffix(b"\n")?;
    let equals = record.find_byte(b'=')?;
    let (key, value) = (&record[..equals], &record[equals + 1..]);
    (!key.is_empty()).then_some((key, value, &bytes[len..]))
}

/// Appends one record; the length counts its own digits.
pub(super) fn push_record(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while rest + decimal_len(len) != len {
        len = rest + decimal_len(len);
    }
    out.extend_from_slice(len.to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn decimal_len(n: usize) -> usize {
    n.checked_ilog10().unwrap_or(0) as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_it_reads_at_every_length() {
        for len in 1..1100 {
            let mut out = Vec::new();
            push_record(&mut out, b"path", &vec![b'x'; len]);
            let records = parse_records(&out, Scope::Member).unwrap();
            assert_eq!(records.path.unwrap().len(), len);
        }
    }

    #[test]
    fn refuses_what_readers_see_differently() {
        for (bytes, why) in [
            (&b"10 size=1\n10 size=1\n"[..], "stands twice"),
            (b"11 size=-1\n", "negative"),
            (b"010 size=1\n", "malformed"),
            (b"99 size=1\n", "malformed"),
            (b"5 =1\n", "malformed"),
            (b"10 size=12", "malformed"),
            (b"21 hdrcharset=BINARY\n", "not supported"),
            (b"22 GNU.sparse.major=1\n", "sparse"),
            (b"12 nosuch=1\n", "unknown"),
        ] {
            let error = parse_records(bytes, Scope::Member).unwrap_err();
            assert!(error.contains(why), "{}: {error}", BStr::new(bytes));
        }
        assert!(parse_records(b"10 size=1\n", Scope::Global).is_err());
        assert!(parse_records(b"13 comment=x\n", Scope::Global).is_ok());
    }
}
