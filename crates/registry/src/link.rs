/// The target of the `next` link of a `Link` header (RFC 8288), as it stands there: often a path alone.
pub fn parse_next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let start = rest.find('<')?;
        let (target, after) = rest[start + 1..].split_once('>')?;
        let end = after.find('<').unwrap_or(after.len());
        let is_next = |parameter: &str| {
            let Some((name, value)) = parameter.split_once('=') else { return false };
            let value = value.trim().trim_end_matches(',').trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && value.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
        };
        if after[..end].split(';').any(is_next) {
            return Some(target.trim());
        }
        rest = &after[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_next_page() {
        let next = "</v2/a/tags/list?last=b&n=2>; rel=\"next\"";
        assert_eq!(parse_next_link(next), Some("/v2/a/tags/list?last=b&n=2"));
        assert_eq!(parse_next_link("<x>;rel=next"), Some("x"));
        assert_eq!(parse_next_link("<a>; rel=\"prev\", <b>; title=\"x\"; rel=\"last NEXT\""), Some("b"));
        for none in ["", "<a>", "<a", "a>; rel=next", "<a>; rel=prev", "<a>; rev=next"] {
            assert_eq!(parse_next_link(none), None, "{none}");
        }
    }
}
