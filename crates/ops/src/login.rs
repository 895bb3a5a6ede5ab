//! `distil login` and `distil logout`: a login is shown to the registry first, and kept only if it is good.

use std::sync::Arc;

use diag::{Diagnostic, Kind, Note, Secret};
use registry::{Checked, Login};
use settings::{KeptLogin, registry_host};

use crate::World;
use crate::logins::{Gone, Kept, Logins};

/// A login to be kept.
#[derive(Debug, Clone)]
pub struct LoginRequest {
    /// `HOST[:PORT][/PATH]`; an address is taken for its host.
    pub registry: String,
    /// The user's name; `<token>` for an identity token.
    pub user: String,
    /// The password or token.
    pub password: Secret,
}

/// A login that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedIn {
    /// For what, as it was understood.
    pub registry: String,
    /// The user's name.
    pub user: String,
    /// The file or program that keeps it.
    pub kept_in: String,
    /// A program keeps it, not a file.
    pub by_helper: bool,
    /// The registry wanted to see it, and accepted it.
    pub checked: bool,
}

/// The login that is used for a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// For what, as it was understood.
    pub registry: String,
    /// The user's name; none of a token.
    pub user: Option<String>,
    /// The file, program or variable that has it.
    pub from: String,
    /// The registry wanted to see it, and accepted it.
    pub checked: bool,
}

/// A login that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedOut {
    /// What it was kept under.
    pub key: String,
    /// The file or program that had it.
    pub from: String,
}

/// Shows a login to its registry and keeps it.
///
/// # Errors
/// The name is no registry's; the registry refuses the login or does not answer; it cannot be kept.
pub fn login(world: &World, request: &LoginRequest) -> Result<LoggedIn, Diagnostic> {
    let place = registry_place(&request.registry)?;
    let login = kept_login(request)?;
    let outside = world.surroundings.outside()?;
    let checked = check(world, &place, &login, "this command")?;
    let kept = outside.logins.keep(&place, &login, &lock(world))?;
    let (kept_in, by_helper) = match kept {
        Kept::Helper(program) => (program, true),
        Kept::File(file) => {
            let text = format!(
                "the password is kept in {file}, readable for you alone but not encrypted; a credential helper \
                 (`credsStore` in that file) would keep it in the system's own store"
            );
            world.reporter.note(Note::Warning(text));
            (file, false)
        }
    };
    say_what_shadows(world, &outside.logins, &place, Some(&login), "it is used in place of this login");
    Ok(LoggedIn {
        registry: place,
        user: request.user.clone(),
        kept_in,
        by_helper,
        checked: checked == Checked::Accepted,
    })
}

/// Finds the login that would be used for a registry, or a path in one, and shows it to the registry.
///
/// # Errors
/// There is none; a file or helper is broken; the registry refuses it or does not answer.
pub fn known(world: &World, registry: &str) -> Result<Known, Diagnostic> {
    let place = registry_place(registry)?;
    let (host, path) = place.split_once('/').unwrap_or((&place, ""));
    let logins = &world.surroundings.outside()?.logins;
    let Some(found) = logins.find(host, path)? else {
        let none = Diagnostic::new(Kind::Input, format!("cannot log in to {place}: no login for it is kept"));
        let none = none.hint(format!("`distil login {place}` keeps one"));
        return Err(logins.looked_at(host).into_iter().fold(none, Diagnostic::detail));
    };
    let checked = check(world, &place, &found.login, &found.from)?;
    let user = match found.login {
        KeptLogin::Basic { user, .. } => Some(user),
        _ => None,
    };
    Ok(Known { registry: place, user, from: found.from, checked: checked == Checked::Accepted })
}

/// Takes the logins for a registry away, or with none all of them; gives those that were there.
///
/// # Errors
/// The name is no registry's; a file or helper does not let go.
pub fn logout(world: &World, registry: Option<&str>) -> Result<Vec<LoggedOut>, Diagnostic> {
    let place = registry.map(registry_place).transpose()?;
    let logins = &world.surroundings.outside()?.logins;
    let gone = logins.take_away(place.as_deref(), &lock(world))?;
    if let Some(place) = &place {
        say_what_shadows(world, logins, place, None, "it is still used");
    }
    Ok(gone.into_iter().map(|Gone { key, from }| LoggedOut { key, from }).collect())
}

fn check(world: &World, place: &str, login: &KeptLogin, from: &str) -> Result<Checked, Diagnostic> {
    let outside = world.surroundings.outside()?;
    let fetch = fetch::Client::new(fetch::Options { offline: world.offline, ..outside.fetch.clone() });
    let client = registry::Client::new(&fetch, outside.registry.clone());
    let shown = Login { secret: crate::logins::proof(login.clone()), from: from.to_owned() };
    let host = place.split('/').next().unwrap_or(place);
    client.check_login(host, &shown).map_err(|error| {
        let refused = error.refuses_login();
        let said = Diagnostic::from(error);
        if !refused {
            return said;
        }
        said.hint(format!(
            "check user name and password; many registries want an access token in place of the password (it is \
             made in your account at {host})"
        ))
    })
}

fn lock(world: &World) -> std::path::PathBuf {
    world.data_dir.join("logins.lock")
}

/// A login that was kept need not be the one that is found: a variable or a file that is asked before may
/// have another. Whoever pushes as somebody else should know.
fn say_what_shadows(
    world: &World,
    logins: &Arc<Logins>,
    place: &str,
    kept: Option<&KeptLogin>,
    effect: &str,
) {
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    if let Some(variable) = logins.variable_with(host) {
        world.reporter.note(Note::Warning(format!("{variable} is set: {effect}")));
    } else if let Ok(Some(found)) = logins.find(host, path)
        && Some(&found.login) != kept
    {
        world.reporter.note(Note::Warning(format!("{} has a login for {place}: {effect}", found.from)));
    }
}

fn kept_login(request: &LoginRequest) -> Result<KeptLogin, Diagnostic> {
    let refuse = |why: &str, hint: &str| {
        Err(Diagnostic::new(Kind::Usage, format!("cannot log in to {}: {why}", request.registry)).hint(hint))
    };
    if request.user.is_empty() {
        return refuse("the user's name is empty", "give it with -u USER");
    }
    if request.user.contains(':') {
        return refuse(
            "a user's name has no colon in it",
            "give only the name with -u, and the password with --password-stdin",
        );
    }
    if request.password.reveal().is_empty() {
        return refuse("the password is empty", "give it on standard input with --password-stdin");
    }
    Ok(KeptLogin::of_helper(&request.user, request.password.clone()))
}

/// What a login is for: `HOST[:PORT][/PATH]` of what was typed, which may be an address.
fn registry_place(text: &str) -> Result<String, Diagnostic> {
    let bare = text.trim().split_once("://").map_or(text.trim(), |(_, rest)| rest);
    let bare = bare.trim_end_matches('/');
    let bare = bare.strip_suffix("/v1").or(bare.strip_suffix("/v2")).unwrap_or(bare);
    let refuse = |why: &str, hint: String| {
        // A password in it is nobody's business.
        let shown = settings::split_login(text).0;
        Diagnostic::new(Kind::Usage, format!("cannot log in to `{shown}`: {why}")).hint(hint)
    };
    let usual = || "name the registry's host, as ghcr.io, docker.io or registry.example:5000".to_owned();
    if bare.contains('@') {
        return Err(refuse("a registry's name holds no user and no digest", usual()));
    }
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    if !(host.contains(['.', ':']) || host == "localhost") {
        return Err(refuse("that is no host", usual()));
    }
    // The reader of images' names knows what a host and a path may be.
    let name = if path.is_empty() { format!("{host}/x") } else { format!("{host}/{path}") };
    let reference = name.to_ascii_lowercase().parse::<oci::Reference>();
    match reference.map_err(|e| refuse(&e.to_string(), usual()))? {
        oci::Reference { registry: Some(_), tag: None, digest: None, .. } => {}
        _ => return Err(refuse("a registry's name has no tag", usual())),
    }
    let path = if path.is_empty() { String::new() } else { format!("/{}", path.to_ascii_lowercase()) };
    Ok(format!("{}{path}", registry_host(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_and_perhaps_a_path() {
        for (text, place) in [
            ("ghcr.io", "ghcr.io"),
            ("https://GHCR.io/", "ghcr.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
            ("localhost", "localhost"),
            ("localhost:5000/v2/", "localhost:5000"),
            ("quay.io/acme/app", "quay.io/acme/app"),
            ("[::1]:5000", "[::1]:5000"),
        ] {
            assert_eq!(registry_place(text).unwrap(), place, "{text}");
        }
        for (text, words) in [
            ("acme", "that is no host"),
            ("", "that is no host"),
            ("ghcr.io/acme/app:1", "has no tag"),
            ("https://me:hunter2@ghcr.io", "holds no user"),
            ("ghcr.io/-", "not an image name"),
        ] {
            let error = registry_place(text).unwrap_err();
            assert!(error.to_string().contains(words), "{text}: {error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
