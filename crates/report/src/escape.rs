//! Foreign text made inert: for people, for HTML and for the data block of the page.

use serde::Serialize;

/// Bytes of an image as text that shows what is in it and does nothing: what is not UTF-8 becomes `\xFF`;
/// control characters, and those that reorder or hide text (Unicode's Bidi_Control, zero width), `\u{202E}`.
pub fn shown(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push_shown(&mut out, c));
        chunk.invalid().iter().for_each(|b| out.push_str(&format!("\\x{b:02X}")));
    }
    out
}

fn push_shown(out: &mut String, c: char) {
    if acts(c) { out.push_str(&format!("\\u{{{:04X}}}", u32::from(c))) } else { out.push(c) }
}

/// Characters that are not seen, but change what is.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
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
            c => push_shown(&mut out, c),
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
        assert_eq!(shown(b"a\x1b[31m\n\xff"), "a\\u{001B}[31m\\u{000A}\\xFF");
        assert_eq!(shown("exe\u{202e}gpj.\u{200b}".as_bytes()), "exe\\u{202E}gpj.\\u{200B}");
    }

    #[test]
    fn html_has_no_markup_left() {
        assert_eq!(
            html("</script><img src=x onerror='a' \"b\">&\u{2067}"),
            "&lt;/script&gt;&lt;img src=x onerror=&#39;a&#39; &quot;b&quot;&gt;&amp;\\u{2067}"
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
