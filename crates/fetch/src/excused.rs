use std::sync::Arc;

use url::Url;

/// Hosts that the user has called insecure: their certificates are not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excused(Option<Arc<[String]>>);

impl Excused {
    /// Each `host`, for all of its ports, or `host:port`.
    pub fn new(hosts: impl IntoIterator<Item = String>) -> Excused {
        let hosts: Arc<[String]> = hosts.into_iter().collect();
        Excused(Some(hosts).filter(|h| !h.is_empty()))
    }

    /// Whether the user has named the host of that address.
    pub fn covers(&self, url: &Url) -> bool {
        let (Some(hosts), Some(host)) = (&self.0, url.host_str()) else { return false };
        let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
        hosts.iter().any(|h| h.eq_ignore_ascii_case(host) || h.eq_ignore_ascii_case(&with_port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_excused_by_its_whole_name() {
        let hosts = ["Store.example", "reg.example:5000", "[::1]", "plain.example:443"];
        let excused = Excused::new(hosts.map(str::to_owned));
        let covers = |url: &str| excused.covers(&Url::parse(url).unwrap());
        for url in [
            "https://store.example/x",
            "https://STORE.example:9000",
            "https://reg.example:5000/v2/",
            "https://[::1]:7/",
            "https://plain.example/",
        ] {
            assert!(covers(url), "{url}");
        }
        for url in [
            "https://reg.example/",
            "https://a.store.example/",
            "https://store.example.evil/",
            "https://evil/store.example",
            "https://store.example@evil/",
            "file:///store.example",
        ] {
            assert!(!covers(url), "{url}");
        }
        assert!(!Excused::default().covers(&Url::parse("https://store.example").unwrap()));
    }
}
