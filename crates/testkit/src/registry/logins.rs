use base64::Engine as _;

use super::Inner;
use super::answer::Answer;

/// Whom a registry lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Logins {
    /// Everybody.
    None,
    /// Who knows a name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// Who has a token for what is asked. Tokens are given at `/token` of the same host.
    Token {
        /// Who may get any token.
        user: String,
        /// The password, or the identity token by which it is exchanged (OAuth2).
        password: String,
        /// After so many requests a token is no good.
        good_for: u32,
        /// What is said of its time, in seconds.
        claimed: u64,
        /// Whether everybody may read.
        anonymous: bool,
    },
}

/// A token that was given.
#[derive(Debug, Clone)]
pub(super) struct Token {
    scopes: Vec<String>,
    left: u32,
}

impl Inner {
    /// Whether a request is let in, else the answer to it.
    pub(super) fn admit(
        &self,
        method: &str,
        repository: &str,
        query: &[(String, String)],
        authorization: Option<&str>,
    ) -> Result<(), Answer> {
        let hidden = self.setup.hides.filter(|_| !repository.is_empty());
        let unauthorized = || Answer::error(401, "UNAUTHORIZED", "authentication required");
        let refused = |challenge: String| match hidden {
            Some(status) => Answer::error(status, "NAME_UNKNOWN", "there is nothing to be seen"),
            None => unauthorized().header("WWW-Authenticate", challenge),
        };
        match &self.setup.logins {
            Logins::None => Ok(()),
            Logins::Basic { user, password } => {
                if authorization == Some(&basic(user, password)) {
                    return Ok(());
                }
                Err(refused(r#"Basic realm="a test""#.to_owned()))
            }
            Logins::Token { .. } => {
                let needed = needed(method, repository, query, self.setup.deleting);
                let challenge = |error: &str| {
                    let scope = needed.join(" ");
                    let realm = format!("{}/token", self.called());
                    refused(format!(r#"Bearer realm="{realm}",service="a test",scope="{scope}"{error}"#))
                };
                let Some(token) = authorization.and_then(|a| a.strip_prefix("Bearer ")) else {
                    return Err(challenge(""));
                };
                let mut state = self.state();
                match state.tokens.get_mut(token) {
                    Some(token) if token.left > 0 && needed.iter().all(|n| token.allows(n)) => {
                        token.left -= 1;
                        Ok(())
                    }
                    Some(token) if token.left > 0 => Err(challenge(r#",error="insufficient_scope""#)),
                    _ => Err(challenge(r#",error="invalid_token""#)),
                }
            }
        }
    }

    /// The token server.
    pub(super) fn give_token(
        &self,
        method: &str,
        query: &[(String, String)],
        form: &[(String, String)],
        authorization: Option<&str>,
    ) -> Answer {
        let Logins::Token { user, password, good_for, claimed, anonymous } = &self.setup.logins else {
            return Answer::new(404);
        };
        let value = |pairs: &[(String, String)], name: &str| {
            pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone())
        };
        let known = match (method, authorization) {
            ("POST", _) => value(form, "refresh_token").as_deref() == Some(password),
            (_, Some(shown)) => shown == basic(user, password),
            (_, None) => false,
        };
        let tried = authorization.is_some() || method == "POST";
        if tried && !known {
            return Answer::error(401, "UNAUTHORIZED", "incorrect username or password");
        }
        let asked: Vec<String> = if method == "POST" {
            value(form, "scope").unwrap_or_default().split(' ').map(str::to_owned).collect()
        } else {
            query.iter().filter(|(n, _)| n == "scope").map(|(_, v)| v.clone()).collect()
        };
        let actions = |scope: &str| scope.rsplit_once(':').map(|(_, a)| a.to_owned()).unwrap_or_default();
        let is_known = |scope: &String| {
            let known = self.setup.actions;
            known.is_empty() || actions(scope).split(',').all(|a| known.contains(&a))
        };
        if !asked.iter().all(is_known) {
            return Answer::error(400, "INVALID_REQUEST", "unable to decode repository and actions");
        }
        let scopes = asked.into_iter().filter_map(|scope| match scope.rsplit_once(':') {
            Some((thing, _)) if !known => anonymous.then(|| format!("{thing}:pull")),
            _ => Some(scope),
        });
        let token = Token { scopes: scopes.collect(), left: *good_for };
        let mut state = self.state();
        let name = state.next_name("token");
        state.tokens.insert(name.clone(), token);
        let key = if method == "POST" { "access_token" } else { "token" };
        Answer::new(200).body(format!(r#"{{"{key}":"{name}","expires_in":{claimed}}}"#))
    }
}

impl Token {
    fn allows(&self, needed: &str) -> bool {
        let Some((thing, actions)) = needed.rsplit_once(':') else { return false };
        let granted = |action: &str| {
            self.scopes.iter().any(|s| match s.rsplit_once(':') {
                Some((t, granted)) => t == thing && granted.split(',').any(|g| g == action || g == "*"),
                None => false,
            })
        };
        actions.split(',').all(granted)
    }
}

/// What distribution asks for: reading, writing, deleting; and reading where a mount comes from.
fn needed(method: &str, repository: &str, query: &[(String, String)], deleting: &str) -> Vec<String> {
    if repository.is_empty() {
        // `/v2/` itself: any token will do.
        return Vec::new();
    }
    let actions = match method {
        "GET" | "HEAD" => "pull",
        "DELETE" => deleting,
        _ => "pull,push",
    };
    let mut needed = vec![format!("repository:{repository}:{actions}")];
    if let Some((_, from)) = query.iter().find(|(n, _)| n == "from") {
        needed.push(format!("repository:{from}:pull"));
    }
    needed
}

fn basic(user: &str, password: &str) -> String {
    let pair = format!("{user}:{password}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}
