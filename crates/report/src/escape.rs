//! Foreign text made inert: for people, for HTML and for the data block of the page.

use std::fmt::Write;

use serde::Serialize;

/// A name of an image as text that shows what is in it and does nothing, as every command shows and takes it
/// ([`rootfs::shown`]): what is no UTF-8 is `\xFF`, and so are the bytes of what [`inert`] writes out.
pub fn shown(bytes: &[u8]) -> String {
    inert(&rootfs::shown(bytes))
}

/// Text that does nothing: what is not seen ([`rootfs::is_unseen`]) are its bytes, as `\xE2\x80\xAE`.
pub(crate) fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push_inert(&mut out, c));
    out
}

fn push_inert(out: &mut String, c: char) {
    if !rootfs::is_unseen(c) {
        return out.push(c);
    }
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        // Writing to a string does not fail.
        let _ = write!(out, "\\x{byte:02X}");
    }
}

/// Text for the inside of an element or of a quoted attribute.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => push_inert(&mut out, c),
        }
    }
    out
}

/// JSON for a `<script type="application/json">`: in it nothing but `</script` and `<!--` ends or changes the
/// text (HTML, "restrictions for contents of script elements"), and without `<` there is neither.
pub(crate) fn data_block(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("plain values with text as keys are JSON");
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_out() {
        assert_eq!(shown("tür/\u{65e5}".as_bytes()), "tür/\u{65e5}");
        let names: [&[u8]; 3] =
            [b"a\x1b[31m\n\xff", "exe\u{202e}gpj.\u{200b}".as_bytes(), b"\\x0A and \\xyz"];
        let texts = ["a\\x1B[31m\\x0A\\xFF", "exe\\xE2\\x80\\xAEgpj.\\xE2\\x80\\x8B", "\\x5Cx0A and \\xyz"];
        for (name, text) in names.into_iter().zip(texts) {
            assert_eq!(shown(name), text);
            assert_eq!(rootfs::typed(text), name, "what is shown can be typed");
            assert_eq!(inert(text), text, "and is not written out twice");
        }
    }

    #[test]
    fn html_has_no_markup_left() {
        assert_eq!(
            html("</script><img src=x onerror='a' \"b\">&\u{2067}"),
            "&lt;/script&gt;&lt;img src=x onerror=&#39;a&#39; &quot;b&quot;&gt;&amp;\\xE2\\x81\\xA7"
        );
    }

    #[test]
    fn a_data_block_cannot_be_left_and_keeps_its_text() {
        let hostile = ["</script><img>", "<!-- <script>", "&lt;"];
        let block = data_block(&hostile);
        assert!(!block.contains(['<', '>', '&']), "{block}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&block).unwrap(), hostile);
    }
}
