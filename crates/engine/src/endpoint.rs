use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::EngineError;

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// Plain TCP, without TLS.
    Tcp {
        /// A name or an address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

/// Docker's port without TLS (dockerd(8), `--host`).
const PLAIN_PORT: u16 = 2375;

impl FromStr for Endpoint {
    type Err = EngineError;

    /// Reads what stands in `DOCKER_HOST`: `unix:///run/docker.sock`, `tcp://host:2375`, or a path.
    fn from_str(text: &str) -> Result<Endpoint, EngineError> {
        let text = text.trim();
        let bad = |why: &'static str| EngineError::Address { text: text.to_owned(), why };
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text {
                _ if text.starts_with('/') => Ok(Endpoint::Unix(PathBuf::from(text))),
                _ => Err(bad("it is neither a path nor an address such as unix:///run/docker.sock")),
            };
        };
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Endpoint::Unix(PathBuf::from(rest))),
            "unix" => Err(bad("the path of the socket must begin with a slash")),
            "tcp" | "http" => read_host(rest).ok_or_else(|| bad("a host and a port are expected")),
            "ssh" | "https" | "npipe" | "fd" => {
                Err(EngineError::Transport { text: text.to_owned(), scheme: scheme.to_owned() })
            }
            _ => Err(bad("no engine is reached that way")),
        }
    }
}

fn read_host(rest: &str) -> Option<Endpoint> {
    let rest = rest.trim_end_matches('/');
    // User information has no meaning for the engine's API; a path would be a prefix that we do not add.
    if rest.contains(['/', '@', '?', '#']) || rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let (host, port) = match rest.strip_prefix('[') {
        Some(v6) => {
            let (host, port) = v6.split_once(']')?;
            (host, port.strip_prefix(':').or(port.is_empty().then_some(""))?)
        }
        None => rest.rsplit_once(':').unwrap_or((rest, "")),
    };
    let port = if port.is_empty() { PLAIN_PORT } else { port.parse().ok()? };
    // Docker lets the host out (`tcp://:2375`): this machine.
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    Some(Endpoint::Tcp { host: host.to_owned(), port })
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Unix(path) => write!(f, "{}", path.display()),
            Endpoint::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Endpoint::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_docker_host_may_say() {
        let tcp = |host: &str, port| Endpoint::Tcp { host: host.to_owned(), port };
        for (text, wanted) in [
            ("unix:///run/user/1000/docker.sock", Endpoint::Unix("/run/user/1000/docker.sock".into())),
            ("/var/run/docker.sock", Endpoint::Unix("/var/run/docker.sock".into())),
            ("tcp://10.0.0.5:2375", tcp("10.0.0.5", 2375)),
            ("tcp://docker", tcp("docker", 2375)),
            ("tcp://[::1]:99/", tcp("::1", 99)),
            ("tcp://:2375", tcp("127.0.0.1", 2375)),
            ("http://build:80", tcp("build", 80)),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap(), wanted, "{text}");
        }
        for bad in [
            "",
            "docker",
            "unix://run/x",
            "tcp://a:b",
            "tcp://a b",
            "tcp://u@h:1",
            "ftp://x",
            "tcp://h:70000",
        ] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn says_what_to_do_instead_of_ssh() {
        let error = diag::Diagnostic::from("ssh://me@host".parse::<Endpoint>().unwrap_err());
        assert_eq!(
            error.to_string(),
            "cannot reach a container engine at ssh://me@host: distil does not speak ssh to an engine"
        );
        assert!(error.hint.as_deref().unwrap().contains("ssh -nNT -L"), "{:?}", error.hint);
    }
}
