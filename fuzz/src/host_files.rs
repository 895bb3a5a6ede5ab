use diag::Explain;

use super::choice;

/// Files of the host: apt's sources and configuration, credentials, lists of mirrors. Their lines
/// may be nonsense: then they are passed over, with a reason.
pub(crate) fn apt_files(data: &[u8]) {
    let (which, bytes) = choice(data);
    match which % 6 {
        0 => drop(settings::parse_sources_list(bytes)),
        1 => drop(settings::parse_deb822_sources(bytes)),
        2 => drop(settings::parse_apt_conf(bytes)),
        3 => drop(settings::parse_apt_auth(bytes)),
        4 => drop(settings::parse_netrc(bytes)),
        _ => drop(settings::parse_mirror_list(bytes)),
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = settings::parse_http_auth(text);
        let _ = settings::Uri::read(text).scheme();
    }
}

/// What Docker keeps of its contexts.
pub(crate) fn docker_context(data: &[u8]) {
    let _ = engine::current_context(data);
    let _ = engine::read_context("fuzz", Some(data));
}

/// What an engine answers: a body never has more bytes than came.
pub(crate) fn http_response(data: &[u8]) {
    if let Ok(mut response) = engine::http::read_response(data) {
        let mut body = Vec::new();
        let _ = std::io::Read::read_to_end(&mut response.body, &mut body);
        assert!(body.len() <= data.len() && (200..600).contains(&response.status));
    }
}

/// Our settings file: each mistake has words and a place inside the file.
pub(crate) fn settings_file(data: &[u8]) {
    if let Err(error) = settings::parse_settings(data, "fuzz.yaml") {
        assert!(!error.to_string().is_empty());
        if let Some(excerpt) = error.excerpt() {
            assert!(excerpt.line >= 1 && excerpt.width >= 1);
        }
    }
}

/// Logins of registries, and what helpers answer. What can be read can be written into, and then has
/// what was written and every other key that it had.
pub(crate) fn registry_logins(data: &[u8]) {
    let _ = settings::parse_helper_list(data);
    let Ok(before) = settings::parse_auth_file(data, "fuzz") else { return };
    let answered = settings::parse_helper_answer(data).ok();
    // The file's form has no room for a colon in a name, nor for NUL around a password.
    let fits = |l: &settings::KeptLogin| {
        l.for_helper().is_some_and(|(user, secret)| {
            !user.contains(':') && secret.reveal().trim_matches('\0') == secret.reveal()
        })
    };
    let login = match answered.flatten().filter(fits) {
        Some(answered) => answered,
        None => settings::KeptLogin::IdentityToken(diag::Secret::new("fuzz")),
    };
    let bytes = settings::with_login(data, "fuzz", "host.example/path", Some(&login)).expect("it was read");
    let after = settings::parse_auth_file(&bytes, "fuzz").expect("what was written is read");
    assert_eq!(after.login_for("host.example", "path").map(|(_, login)| login), Some(&login));
    assert!(after.keys().count() <= before.keys().count() + 1 && after.helpers() == before.helpers());
    let left = settings::without_logins(&bytes, "fuzz", None).expect("it was read").expect("one was there");
    assert_eq!(settings::parse_auth_file(&left.bytes, "fuzz").expect("sound").keys().count(), 0);
}
