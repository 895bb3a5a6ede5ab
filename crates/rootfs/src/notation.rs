//! Names that are no UTF-8, as text: a byte of theirs is `\xE9`, in capitals. Where a name has these four characters
//! itself its backslash is `\x5C`, so that two names are never the same text and every text leads back to its name.

use std::fmt::Write;

use bstr::BString;

/// Bytes as text; what is UTF-8 stays as it is.
pub fn shown(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let mut out = String::with_capacity(bytes.len());
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' if escape(&bytes[at..]).is_some() => out.push_str(r"\x5C"),
                c => out.push(c),
            }
            at += c.len_utf8();
        }
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(out, "\\x{byte:02X}");
        }
        at += chunk.invalid().len();
    }
    out
}

/// The bytes that a text of [`shown`] is of. Small letters and bytes that are UTF-8 may stand as `\x..`, too.
pub fn typed(text: impl AsRef<[u8]>) -> BString {
    let mut rest = text.as_ref();
    let mut out = BString::default();
    while let Some(&first) = rest.first() {
        let byte = escape(rest);
        out.push(byte.unwrap_or(first));
        rest = &rest[if byte.is_some() { 4 } else { 1 }..];
    }
    out
}

/// Is a character not seen, but changes what is? Control characters, and those that reorder or hide text or take no
/// room (Unicode's Bidi_Control and Default_Ignorable_Code_Point).
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// The byte of a `\xE9` at the beginning.
fn escape(text: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    match text {
        [b'\\', b'x', high, low, ..] => Some((digit(*high)? << 4) | digit(*low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bstr::ByteSlice;

    use super::*;

    #[test]
    fn no_two_names_look_alike() {
        for (name, text) in [
            (&b"n/lat\xe9"[..], r"n/lat\xE9"),
            (b"n/lat\xe8", r"n/lat\xE8"),
            ("\u{fc}n\u{ef}".as_bytes(), "\u{fc}n\u{ef}"),
            (br"\back\slash", r"\back\slash"),
            (br"lat\xE9", r"lat\x5CxE9"),
            (br"lat\xe9", r"lat\x5Cxe9"),
            (br"\x5CxE9", r"\x5Cx5CxE9"),
            (b"\\\xe9", r"\\xE9"),
            (b"\\x\xe9", r"\x\xE9"),
            (b"\xe9\\x41", r"\xE9\x5Cx41"),
            (b"\xff\xfe\x00", "\\xFF\\xFE\0"),
        ] {
            assert_eq!(shown(name), text);
            assert_eq!(typed(text), name);
        }
    }

    #[test]
    fn every_name_comes_back() {
        // All words of five letters of those that matter.
        let letters = [b'\\', b'x', b'4', b'C', 0xe9, b'/'];
        for n in 0..letters.len().pow(5) {
            let name: Vec<u8> =
                (0..5).map(|at: u32| letters[n / letters.len().pow(at) % letters.len()]).collect();
            assert_eq!(typed(shown(&name)), name, "{}", name.as_bstr());
        }
    }

    #[test]
    fn what_is_seen_is_no_secret() {
        for c in
            ['\n', '\u{7f}', '\u{9b}', '\u{ad}', '\u{200b}', '\u{202e}', '\u{2069}', '\u{fe0f}', '\u{feff}']
        {
            assert!(is_unseen(c), "{c:?}");
        }
        for c in [' ', 'a', '\u{a0}', '\u{fc}', '\u{2010}', '\u{202f}', '\u{3042}', '\u{fdd0}', '\u{1f600}'] {
            assert!(!is_unseen(c), "{c:?}");
        }
    }

    #[test]
    fn small_letters_and_plain_bytes_may_be_typed() {
        assert_eq!(typed(r"lat\xe9\x41"), b"lat\xe9A".as_bstr());
        assert_eq!(typed(b"raw\xe9"), b"raw\xe9".as_bstr());
    }
}
