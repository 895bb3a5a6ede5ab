/// How a registry wants to be shown who asks (`WWW-Authenticate`, RFC 9110 section 11.6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// A token from a token server (distribution's token specification).
    Bearer {
        /// The token server.
        realm: String,
        /// What the registry calls itself there.
        service: Option<String>,
        /// What the request needs.
        scope: Option<String>,
        /// Why the last token was no good (RFC 6750 section 3.1).
        error: Option<String>,
    },
    /// A name and a password.
    Basic,
    /// Something that we cannot do, by its name.
    Other(String),
}

/// More challenges or parameters than this nobody sends.
const MOST: usize = 32;

/// Reads one header, which may hold several challenges: `Basic realm="x", Bearer realm="y",scope="z"`.
/// What makes no sense is left out; a server that says nothing usable has then said nothing.
pub fn parse_challenges(header: &str) -> Vec<Challenge> {
    let mut words = Words { rest: header };
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for _ in 0..MOST * 4 {
        match words.next_item() {
            Some(Item::Scheme(name)) if found.len() < MOST => found.push((name, Vec::new())),
            Some(Item::Parameter(name, value)) => {
                if let Some((_, parameters)) = found.last_mut()
                    && parameters.len() < MOST
                {
                    parameters.push((name.to_ascii_lowercase(), value));
                }
            }
            _ => break,
        }
    }
    found.into_iter().filter_map(|(scheme, parameters)| challenge(&scheme, parameters)).collect()
}

fn challenge(scheme: &str, parameters: Vec<(String, String)>) -> Option<Challenge> {
    let value = |name: &str| parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer {
            realm: value("realm")?,
            service: value("service"),
            scope: value("scope"),
            error: value("error"),
        }),
        _ => Some(Challenge::Other(scheme.to_owned())),
    }
}

enum Item {
    Scheme(String),
    Parameter(String, String),
}

struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn next_item(&mut self) -> Option<Item> {
        self.rest = self.rest.trim_start_matches([' ', '\t', ',']);
        let name = self.token()?;
        let after = self.rest.trim_start_matches([' ', '\t']);
        match after.strip_prefix('=') {
            // `Negotiate abc==` has its data right after the scheme; its equals signs name nothing.
            Some(value) if !value.starts_with('=') => {
                self.rest = value.trim_start_matches([' ', '\t']);
                let value = self.value()?;
                Some(Item::Parameter(name, value))
            }
            Some(value) => {
                self.rest = value.trim_start_matches('=');
                self.next_item()
            }
            None => Some(Item::Scheme(name)),
        }
    }

    fn token(&mut self) -> Option<String> {
        let end = self.rest.find(|c: char| c.is_ascii_whitespace() || "=,\"".contains(c));
        let (token, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!token.is_empty()).then(|| token.to_owned())
    }

    fn value(&mut self) -> Option<String> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            return self.token();
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Some(value);
                }
                '\\' => value.push(characters.next()?.1),
                c => value.push(c),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let own = |t: Option<&str>| t.map(str::to_owned);
        Challenge::Bearer { realm: realm.to_owned(), service: own(service), scope: own(scope), error: None }
    }

    #[test]
    fn reads_what_registries_send() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull""#;
        let expected = bearer(
            "https://auth.docker.io/token",
            Some("registry.docker.io"),
            Some("repository:library/alpine:pull"),
        );
        assert_eq!(parse_challenges(hub), [expected]);
        assert_eq!(parse_challenges(r#"Basic realm="Registry""#), [Challenge::Basic]);
        assert_eq!(parse_challenges("basic"), [Challenge::Basic]);
        let two = r#"Negotiate YWJj==, bearer REALM = "https://t/x" , scope="a:b:c,d" , Basic realm="a \"b\", c=d""#;
        let negotiate = Challenge::Other("Negotiate".into());
        let token = Challenge::Other("YWJj".into());
        let found = parse_challenges(two);
        assert_eq!(found[0], negotiate);
        assert!(found.contains(&bearer("https://t/x", None, Some("a:b:c,d"))), "{found:?}");
        assert!(found.contains(&Challenge::Basic) && !found[1..].contains(&negotiate), "{found:?}");
        assert!(!found.contains(&token), "{found:?}");
    }

    #[test]
    fn nonsense_is_nothing() {
        for text in [
            "",
            ",,,",
            "=",
            "\"",
            "Bearer",
            "Bearer realm=",
            "Bearer realm=\"x",
            "Bearer service=\"x\"",
            "= = =",
        ] {
            assert!(parse_challenges(text).iter().all(|c| matches!(c, Challenge::Other(_))), "{text}");
        }
        assert_eq!(parse_challenges(r#"Bearer error="invalid_token",realm=x"#).len(), 1);
    }
}
