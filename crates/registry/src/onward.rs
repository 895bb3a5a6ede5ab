use url::Url;

/// Where an answer of `from` leads, which may be a path alone: by `Location` or `Link`; the error says why
/// nowhere.
///
/// A registry behind a proxy that ends TLS takes itself for one without, and gives http addresses of its own
/// host; those are asked as `from` was. To another host nothing leads from https to http.
pub(crate) fn onward(from: &Url, to: &str) -> Result<Url, String> {
    let mut url = from.join(to).map_err(|e| format!("where to: {e}"))?;
    if from.scheme() == "https" && url.scheme() == "http" {
        if url.host() != from.host() || url.set_scheme("https").is_err() {
            return Err("it leads from https to http".to_owned());
        }
        let _ = url.set_port(from.port());
    }
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("it leads to a `{other}` address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_line_is_led_to_by_nobody_with_tls() {
        let to = |from: &str, to: &str| onward(&Url::parse(from).unwrap(), to).map(String::from);
        let ok = |url: &str| Ok(url.to_owned());
        assert_eq!(to("https://r.example/v2/a", "/v2/b?c"), ok("https://r.example/v2/b?c"));
        assert_eq!(to("https://r.example/v2/a", "http://R.example/b"), ok("https://r.example/b"));
        assert_eq!(to("https://r.example:8443/", "http://r.example:5000/b"), ok("https://r.example:8443/b"));
        assert_eq!(to("https://r.example/", "https://s.example/b"), ok("https://s.example/b"));
        assert_eq!(to("http://r.example/", "http://s.example/b"), ok("http://s.example/b"));
        for bad in
            ["http://s.example/b", "http://r.example.evil/", "ftp://r.example/", "file:///etc/passwd", "//["]
        {
            assert!(to("https://r.example/", bad).is_err(), "{bad}");
        }
    }
}
