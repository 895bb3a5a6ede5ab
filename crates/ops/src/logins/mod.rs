//! Who we are to a registry: logins of variables, of Docker's and Podman's files, and of the helpers
//! that those name. Nothing is read before a registry asks.

mod credentials;
mod fault;
mod keep;
mod programs;

pub(crate) use credentials::proof;
pub(crate) use fault::LoginError;
pub(crate) use keep::{Gone, Kept};

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use diag::{Reporter, Secret};
use settings::{AuthFile, KeptLogin, registry_host};

use programs::Helpers;

/// Where logins may be, as `distil` found it in the environment.
#[derive(Debug, Clone, Default)]
pub struct LoginPlaces {
    /// `DISTIL_REGISTRY_AUTH_<HOST>`: the end of the name, and `USER:PASSWORD`.
    pub variables: BTreeMap<String, Secret>,
    /// `DOCKER_AUTH_CONFIG`: the content of an auth file, as CI systems give it.
    pub auth_config: Option<Secret>,
    /// The files, those asked first in front.
    pub files: Vec<LoginFile>,
    /// `GITHUB_ACTOR` and `GITHUB_TOKEN`, for GitHub's own registry when nothing else knows a login.
    pub github: Option<(String, Secret)>,
    /// How long a helper may take.
    pub patience: Duration,
}

/// A file of logins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginFile {
    /// Where.
    pub path: PathBuf,
    /// Whose.
    pub maker: Maker,
}

/// Whose a file of logins is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// `REGISTRY_AUTH_FILE` names it: it must be there.
    Named,
    /// Podman's, below a directory that is gone after the session.
    PodmanSession,
    /// Podman's own.
    Podman,
    /// Docker's.
    Docker,
}

/// GitHub's registry.
const GITHUB: &str = "ghcr.io";
/// What our variables begin with.
const VARIABLE: &str = "DISTIL_REGISTRY_AUTH_";
/// No file of logins is larger.
const LARGEST: u64 = 4 << 20;

/// The end of the variable's name that holds a host's login: in capitals, with `__` for a hyphen and `_` for
/// whatever else is no letter or digit, so that two hosts never share one.
pub fn variable_of(host: &str) -> String {
    let word = |c: char| match c {
        '-' => "__".to_owned(),
        c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase().to_string(),
        _ => "_".to_owned(),
    };
    registry_host(host).chars().map(word).collect()
}

/// Knows the logins of the places.
pub struct Logins {
    places: LoginPlaces,
    helpers: Helpers,
}

/// A login, and who gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) login: KeptLogin,
    pub(crate) from: String,
}

impl Default for Logins {
    fn default() -> Logins {
        Logins::new(LoginPlaces::default(), Arc::new(diag::Silent))
    }
}

impl Logins {
    /// Logins of these places; helpers that take their time are reported.
    pub fn new(places: LoginPlaces, reporter: Arc<dyn Reporter>) -> Logins {
        let helpers = Helpers::new(places.patience, reporter);
        Logins { places, helpers }
    }

    /// Where they may be.
    pub fn places(&self) -> &LoginPlaces {
        &self.places
    }

    /// The login for a repository; the first place that has one wins.
    pub(crate) fn find(&self, host: &str, repository: &str) -> Result<Option<Found>, LoginError> {
        if let Some(found) = self.of_variables(host, repository)? {
            return Ok(Some(found));
        }
        for file in &self.places.files {
            let Some(auth) = read(file)? else { continue };
            let name = file.path.display().to_string();
            if let Some(found) = self.of_file(&auth, &name, host, repository)? {
                return Ok(Some(found));
            }
        }
        let github = self.places.github.as_ref().filter(|_| registry_host(host) == GITHUB);
        Ok(github.map(|(user, token)| Found {
            login: KeptLogin::Basic { user: user.clone(), password: token.clone() },
            from: "GITHUB_TOKEN".to_owned(),
        }))
    }

    /// Where [`Logins::find`] looks, for whoever finds nothing there.
    pub(crate) fn looked_at(&self, host: &str) -> Vec<String> {
        let variable = format!("{VARIABLE}{} is not set", variable_of(host));
        let files = self.places.files.iter().map(|file| {
            let there = if file.path.exists() { "has none" } else { "is not there" };
            format!("{} {there}", name_of(&file.path))
        });
        std::iter::once(variable).chain(files).collect()
    }

    /// The name of the variable that has a login for that host: no file can change that.
    pub(crate) fn variable_with(&self, host: &str) -> Option<String> {
        let name = variable_of(host);
        self.places.variables.contains_key(&name).then(|| format!("{VARIABLE}{name}"))
    }

    fn of_variables(&self, host: &str, repository: &str) -> Result<Option<Found>, LoginError> {
        let name = variable_of(host);
        if let Some(value) = self.places.variables.get(&name) {
            let variable = format!("{VARIABLE}{name}");
            let (user, password) = value
                .reveal()
                .split_once(':')
                .ok_or_else(|| LoginError::Variable { variable: variable.clone() })?;
            let login = KeptLogin::of_helper(user, Secret::new(password));
            return Ok(Some(Found { login, from: variable }));
        }
        let Some(text) = &self.places.auth_config else { return Ok(None) };
        const NAME: &str = "DOCKER_AUTH_CONFIG";
        let auth = settings::parse_auth_file(text.reveal().as_bytes(), NAME)?;
        self.of_file(&auth, NAME, host, repository)
    }

    /// A helper for this host, whose answer ends the search in this file, as for Docker; else the store of
    /// all hosts, then the file itself.
    fn of_file(
        &self,
        auth: &AuthFile,
        file: &str,
        host: &str,
        repository: &str,
    ) -> Result<Option<Found>, LoginError> {
        let own = auth.helper_for(host);
        if let Some(helper) = own.or(auth.store()) {
            if let Some(login) = self.helpers.login(helper, file, host)? {
                let from = format!("{}, named in {file}", settings::helper_program(helper));
                return Ok(Some(Found { login, from }));
            }
            if own.is_some() {
                return Ok(None);
            }
        }
        let login = auth.login_for(host, repository);
        Ok(login.map(|(_, login)| Found { login: login.clone(), from: file.to_owned() }))
    }
}

/// What a file says; none where there is none and need not be.
fn read(file: &LoginFile) -> Result<Option<AuthFile>, LoginError> {
    let Some(bytes) = bytes(file)? else { return Ok(None) };
    Ok(Some(settings::parse_auth_file(&bytes, &file.path.display().to_string())?))
}

fn bytes(file: &LoginFile) -> Result<Option<Vec<u8>>, LoginError> {
    match store::read_regular(&file.path, LARGEST) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if is_absent(&e) && file.maker != Maker::Named => Ok(None),
        Err(error) => Err(LoginError::unreadable(&file.path, file.maker, error)),
    }
}

/// A directory on the way that is a file, as `HOME=/dev/null` has it, means the same.
fn is_absent(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn name_of(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logins(places: LoginPlaces) -> Logins {
        Logins::new(places, Arc::new(diag::Silent))
    }

    #[test]
    fn githubs_token_is_for_github_and_comes_last() {
        let dir = tempfile::tempdir().unwrap();
        let file = LoginFile { path: dir.path().join("config.json"), maker: Maker::Docker };
        let github = Some(("octocat".to_owned(), Secret::new("t")));
        let places = LoginPlaces { github, files: vec![file.clone()], ..LoginPlaces::default() };
        let logins = logins(places);
        let from = |host: &str| logins.find(host, "a/b").unwrap().map(|found| found.from);
        assert_eq!(from("GHCR.io").as_deref(), Some("GITHUB_TOKEN"));
        assert_eq!((from("docker.io"), from("ghcr.io.example"), from("ghcr.io:443")), (None, None, None));
        let text = r#"{"auths": {"ghcr.io": {"auth": "YTpi"}}}"#;
        store::write_private(&file.path, text.as_bytes()).unwrap();
        assert_eq!(from("ghcr.io"), Some(name_of(&file.path)));
    }

    #[test]
    fn two_hosts_never_share_a_variable() {
        assert_eq!(variable_of("registry-1.docker.io"), "DOCKER_IO");
        assert_eq!(variable_of("my-registry.example:5000"), "MY__REGISTRY_EXAMPLE_5000");
        assert_eq!(variable_of("my.registry.example:5000"), "MY_REGISTRY_EXAMPLE_5000");
        let variables = [("GHCR_IO".to_owned(), Secret::new("<token>:t"))].into();
        let logins = logins(LoginPlaces { variables, ..LoginPlaces::default() });
        let found = logins.find("ghcr.io", "a").unwrap().unwrap();
        assert_eq!(found.login, KeptLogin::IdentityToken(Secret::new("t")));
        assert_eq!(logins.variable_with("ghcr.io").as_deref(), Some("DISTIL_REGISTRY_AUTH_GHCR_IO"));
    }
}
