//! Logins kept and taken away, in the files and with the helpers of Docker and Podman.

use std::path::Path;

use settings::{HUB_KEY, KeptLogin, helper_program, registry_host};
use store::FileLock;

use super::{LoginError, LoginFile, Logins, Maker, bytes, is_absent, name_of, read};

/// Where a login is kept now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In this file, readable for the user alone, but not encrypted.
    File(String),
    /// With this program.
    Helper(String),
}

/// A login that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gone {
    /// What it was kept under.
    pub(crate) key: String,
    /// The file or program that had it.
    pub(crate) from: String,
}

impl Logins {
    /// Keeps a login for `place` (a host, or a path in one) where it will be found: with the helper that the
    /// files name for the host, else in the first file that has a login for it, else in Docker's, or
    /// Podman's for a path, which Docker's tools would take for the whole host.
    ///
    /// `lock` is a file of ours: two of us must not write one file at once.
    pub(crate) fn keep(&self, place: &str, login: &KeptLogin, lock: &Path) -> Result<Kept, LoginError> {
        let host = host_of(place);
        let _lock = FileLock::exclusive(lock, || {})?;
        let mut chosen = None;
        for file in self.places().files.iter() {
            // `distil login` makes the file that REGISTRY_AUTH_FILE names.
            let found = match read(file) {
                Err(LoginError::Unreadable { error, .. }) if is_absent(&error) => None,
                found => found?,
            };
            let Some(auth) = found else { continue };
            let helper = auth.helper_for(host).or(auth.store()).filter(|_| !place.contains('/'));
            if let Some(helper) = helper {
                return self.keep_with(helper, file, place, login);
            }
            // A later file, or the helper that it names, would not be asked.
            if auth.has_key_for(place) {
                chosen = Some(file);
                break;
            }
        }
        let file = chosen.or_else(|| self.usual_file(place));
        let file = file.ok_or_else(|| LoginError::NoPlace { host: place.to_owned() })?;
        write(file, |old, name| settings::with_login(old, name, &key(file, place), Some(login)))?;
        Ok(Kept::File(name_of(&file.path)))
    }

    fn keep_with(
        &self,
        helper: &str,
        file: &LoginFile,
        place: &str,
        login: &KeptLogin,
    ) -> Result<Kept, LoginError> {
        let key = key(&LoginFile { maker: Maker::Docker, ..file.clone() }, place);
        self.helpers.store(helper, &name_of(&file.path), &key, login)?;
        // An empty entry is how Docker notes that its store has the login; and no old one is left behind.
        write(file, |old, name| settings::with_login(old, name, &key, None))?;
        Ok(Kept::Helper(helper_program(helper)))
    }

    fn usual_file(&self, place: &str) -> Option<&LoginFile> {
        let order = match place.contains('/') {
            true => [Maker::Named, Maker::Podman, Maker::PodmanSession, Maker::Docker],
            false => [Maker::Named, Maker::Docker, Maker::Podman, Maker::PodmanSession],
        };
        order.into_iter().find_map(|maker| self.places().files.iter().find(|f| f.maker == maker))
    }

    /// Takes the logins for `place` away, or all of them, wherever they are kept. What fails, as a helper that
    /// is gone, keeps nothing else from being taken away; the first failure is then given back.
    pub(crate) fn take_away(&self, place: Option<&str>, lock: &Path) -> Result<Vec<Gone>, LoginError> {
        let _lock = FileLock::exclusive(lock, || {})?;
        let (mut gone, mut failed) = (Vec::new(), None);
        for file in &self.places().files {
            let found = match read(file) {
                Err(LoginError::Unreadable { error, .. }) if is_absent(&error) => None,
                Err(error) => {
                    failed.get_or_insert(error);
                    None
                }
                Ok(found) => found,
            };
            let Some(auth) = found else { continue };
            let name = name_of(&file.path);
            let helpers: Vec<&str> = match place {
                None => auth.helpers(),
                Some(place) if place.contains('/') => Vec::new(),
                Some(place) => auth.helper_for(place).or(auth.store()).into_iter().collect(),
            };
            for helper in helpers {
                match self.erase_with(helper, &name, place) {
                    Ok(erased) => gone.extend(erased),
                    Err(error) => drop(failed.get_or_insert(error)),
                }
            }
            let mut keys = Vec::new();
            let written = write(file, |old, name| {
                let left = settings::without_logins(old, name, place)?;
                Ok(left.map_or_else(
                    || old.to_vec(),
                    |left| {
                        keys = left.gone;
                        left.bytes
                    },
                ))
            });
            if let Err(error) = written {
                failed.get_or_insert(error);
                continue;
            }
            // An empty entry was a note of what the helper had, and went with it.
            let real = |key: &String| gone.iter().all(|g| !same(&g.key, key));
            let keys: Vec<String> = keys.into_iter().filter(real).collect();
            gone.extend(keys.into_iter().map(|key| Gone { key, from: name.clone() }));
        }
        failed.map_or(Ok(gone), Err)
    }

    fn erase_with(&self, helper: &str, named_in: &str, place: Option<&str>) -> Result<Vec<Gone>, LoginError> {
        let servers = match place {
            Some(place) => settings::helper_servers(place),
            None => self.helpers.list(helper, named_in)?,
        };
        let mut gone = Vec::new();
        for server in servers {
            if self.helpers.erase(helper, named_in, &server)? {
                gone.push(Gone { key: server, from: helper_program(helper) });
            }
        }
        Ok(gone)
    }
}

fn same(one: &str, other: &str) -> bool {
    let bare = |key: &str| registry_host(host_of(key.split_once("://").map_or(key, |(_, rest)| rest)));
    bare(one) == bare(other)
}

fn host_of(place: &str) -> &str {
    place.split('/').next().unwrap_or(place)
}

/// What a login stands under: Docker keeps Docker Hub's under an address.
fn key(file: &LoginFile, place: &str) -> String {
    let hub = registry_host(place) == registry_host("docker.io");
    match file.maker {
        Maker::Docker if hub => HUB_KEY.to_owned(),
        _ => place.to_owned(),
    }
}

/// Writes a file anew, whole, for the user alone to read.
fn write(
    file: &LoginFile,
    change: impl FnOnce(&[u8], &str) -> Result<Vec<u8>, settings::AuthFileError>,
) -> Result<(), LoginError> {
    let absent_is_fine = LoginFile { maker: Maker::Docker, ..file.clone() };
    let old = bytes(&absent_is_fine)?;
    let new = change(old.as_deref().unwrap_or_default(), &name_of(&file.path))?;
    if old.unwrap_or_default() == new {
        return Ok(());
    }
    store::write_private(&file.path, &new)
        .map_err(|error| LoginError::Unwritable { file: name_of(&file.path), error })
}
