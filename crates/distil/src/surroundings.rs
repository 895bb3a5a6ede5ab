//! From flags, variables and files of the host to what `ops` works with. Files are read only when
//! something must be fetched or loaded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diag::{Diagnostic, Kind, Note, Reporter};
use fetch::{HostTls, Login, Options, Pem, Proxies, ProxyRule, Url};
use ops::logins::Logins;
use ops::mirrors::Mirrors;
use ops::settings::Row;
use ops::{Outside, Surroundings, World};
use recipe::archives::{ARCHIVES, Archive};
use settings::{AptConf, AptSource, Credentials, Settings};

use crate::Talk;
use crate::args::Global;
use crate::environment::Environment;
use crate::options::{self, Places};
use crate::registries;

/// Where apt keeps its configuration.
const APT: &str = "/etc/apt";

/// Everything that a verb works with.
pub(crate) fn world(global: &Global, env: &Environment, talk: &Talk) -> Result<World, Diagnostic> {
    talk.watch_for_interrupt();
    let places = options::places(global, env);
    let reporter = talk.reporter();
    let settings = read_settings(&places)?;
    let host = oci::Platform::host();
    let insecure = registries::insecure_hosts(&global.insecure_registry)?;
    let mirrors = given_mirrors(&global.mirror, env, &settings)?;
    let finder = Finder {
        mirrors,
        insecure,
        env: env.clone(),
        settings: settings.clone(),
        settings_dir: places.config.parent().map(Path::to_owned).unwrap_or_default(),
        reporter: Arc::clone(&reporter),
        decided: decided(&places, &settings, global),
    };
    Ok(World {
        cache_dir: absolute(
            env,
            chosen(global.cache_dir.is_some(), env, "DISTIL_CACHE_DIR", settings.cache_dir, places.cache),
        ),
        data_dir: absolute(
            env,
            chosen(global.data_dir.is_some(), env, "DISTIL_DATA_DIR", settings.data_dir, places.data),
        ),
        working_dir: env.working_dir.clone(),
        now: env.now,
        epoch: options::epoch(env)?,
        offline: global.offline,
        threads: threads(global, env)?,
        program: env.program.clone(),
        repeated: repeated(global),
        host,
        reporter,
        surroundings: Surroundings::new(move || finder.find()),
    })
}

/// The global flags that decide what a command finds, as they are to be typed again.
fn repeated(global: &Global) -> Vec<String> {
    let dirs =
        [("--cache-dir", &global.cache_dir), ("--data-dir", &global.data_dir), ("--config", &global.config)];
    let dirs = dirs.into_iter().filter_map(|(flag, dir)| Some((flag, dir.as_ref()?.display().to_string())));
    let mirrors = global.mirror.iter().map(|m| {
        // A login is for the URL's host alone, and is told to nobody.
        let shown = m.split_once('=').map(|(name, url)| format!("{name}={}", settings::split_login(url).0));
        ("--mirror", shown.unwrap_or_else(|| m.clone()))
    });
    let insecure = global.insecure_registry.iter().map(|host| ("--insecure-registry", host.clone()));
    dirs.chain(mirrors).chain(insecure).flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
}

fn threads(global: &Global, env: &Environment) -> Result<usize, Diagnostic> {
    match global.threads {
        Some(0) => Err(Diagnostic::new(Kind::Usage, "cannot work with no threads")
            .hint("give --threads a number from 1 on")),
        Some(n) => Ok(n),
        None => Ok(env.processors),
    }
}

/// Flag, then variable, then settings file, then the default (which `places` holds with the first two).
fn chosen(flag: bool, env: &Environment, variable: &str, file: Option<PathBuf>, place: PathBuf) -> PathBuf {
    match file {
        Some(file) if !flag && env.path(variable).is_none() => file,
        _ => place,
    }
}

fn absolute(env: &Environment, path: PathBuf) -> PathBuf {
    if path.is_absolute() { path } else { env.working_dir.join(path) }
}

fn read_settings(places: &Places) -> Result<Settings, Diagnostic> {
    let name = places.config.display().to_string();
    match store::read_regular(&places.config, store::MOST_OWN) {
        Ok(bytes) => Ok(settings::parse_settings(&bytes, &name)?),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !places.config_named => Ok(Settings::default()),
        Err(e) => Err(Diagnostic::new(Kind::Input, format!("cannot read settings {name}: {e}"))
            .hint("name a file that exists with --config or DISTIL_CONFIG")),
    }
}

fn decided(places: &Places, settings: &Settings, global: &Global) -> Vec<Row> {
    let row = |name: &str, value: &Path, from: &str| Row {
        name: name.to_owned(),
        value: value.display().to_string(),
        from: from.to_owned(),
    };
    let from = |flag: bool, file: bool| match (flag, file) {
        (true, _) => "flag",
        (_, true) => "settings file",
        _ => "environment or default",
    };
    vec![
        row("settings-file", &places.config, if places.config_named { "named" } else { "default" }),
        row(
            "cache-dir",
            settings.cache_dir.as_deref().unwrap_or(&places.cache),
            from(global.cache_dir.is_some(), settings.cache_dir.is_some()),
        ),
        row(
            "data-dir",
            settings.data_dir.as_deref().unwrap_or(&places.data),
            from(global.data_dir.is_some(), settings.data_dir.is_some()),
        ),
    ]
}

/// What the user says of mirrors, whether or not anything must be fetched: a slip of the pen shows at
/// once, not on the day when the cache is cold.
fn given_mirrors(flags: &[String], env: &Environment, settings: &Settings) -> Result<Mirrors, Diagnostic> {
    let mut mirrors = Mirrors::new();
    for flag in flags {
        let (name, url) = flag.split_once('=').ok_or_else(|| {
            let shown = settings::split_login(flag).0;
            Diagnostic::new(Kind::Usage, format!("cannot use --mirror {shown}: it has no `=`"))
                .hint("write --mirror ARCHIVE=URL")
        })?;
        mirrors.give(archive(name)?, &[url.to_owned()], "--mirror")?;
    }
    for archive in ARCHIVES {
        if let Some(url) = env.variable(&archive.variable()) {
            mirrors.give(archive, &[url.to_owned()], "environment")?;
        }
    }
    for (name, uris) in &settings.mirrors {
        let texts: Vec<String> = uris.iter().map(with_login).collect();
        mirrors.give(archive(name)?, &texts, "settings file")?;
    }
    Ok(mirrors)
}

/// Reads the host's files when they are wanted.
struct Finder {
    /// What flags, variables and settings say; apt's configuration is still to come.
    mirrors: Mirrors,
    /// What flags say.
    insecure: Vec<String>,
    env: Environment,
    settings: Settings,
    settings_dir: PathBuf,
    reporter: Arc<dyn Reporter>,
    decided: Vec<Row>,
}

impl Finder {
    fn find(&self) -> Result<Outside, Diagnostic> {
        let apt = self.apt_conf();
        let mut mirrors = self.mirrors.clone();
        mirrors.apt(self.apt_sources());
        let mut decided = self.decided.clone();
        for archive in ARCHIVES {
            decided.extend(mirrors.of(archive).into_iter().map(|m| Row {
                name: format!("mirror {archive}"),
                value: settings::split_login(m.base.as_str()).0,
                from: m.from.to_owned(),
            }));
        }
        let mut fetch = self.options(&apt)?;
        let places = registries::login_places(&self.env)?;
        fetch.tls.hosts = self.certificates_by_host()?;
        let logins = Arc::new(Logins::new(places, Arc::clone(&self.reporter)));
        let registry = registry::Options {
            insecure: registries::insecure(&self.insecure, &self.settings),
            rewrites: registries::rewrites(&self.settings),
            credentials: Arc::<Logins>::clone(&logins),
            reporter: Arc::clone(&self.reporter),
            ..registry::Options::default()
        };
        decided.extend(registries::rows(&self.insecure, &self.settings, logins.places()));
        decided.push(Row {
            name: "parallel".to_owned(),
            value: fetch.parallel.to_string(),
            from: "settings or default".to_owned(),
        });
        Ok(Outside { mirrors, fetch, engines: self.engines(), registry, logins, decided })
    }

    fn apt_sources(&self) -> Vec<AptSource> {
        let mut entries = Vec::new();
        for (path, bytes) in
            self.files(&Path::new(APT).join("sources.list"), &Path::new(APT).join("sources.list.d"))
        {
            let read = match path.extension().and_then(|e| e.to_str()) {
                Some("list") => settings::parse_sources_list(&bytes),
                Some("sources") => settings::parse_deb822_sources(&bytes),
                _ => continue,
            };
            for ignored in read.ignored {
                self.reporter.note(Note::Detail(format!("{}: {ignored}", path.display())));
            }
            entries.extend(read.entries.into_iter().map(|e| self.with_listed_mirrors(e)));
        }
        entries
    }

    /// `mirror+file:` names a file of mirrors.
    fn with_listed_mirrors(&self, mut entry: AptSource) -> AptSource {
        let mut uris = Vec::new();
        for uri in entry.uris {
            match uri.text.strip_prefix("mirror+file:") {
                Some(path) => {
                    let bytes = self.file(Path::new(path)).unwrap_or_default();
                    uris.extend(settings::parse_mirror_list(&bytes).0.into_iter().map(|m| m.uri));
                }
                None => uris.push(uri),
            }
        }
        entry.uris = uris;
        entry
    }

    fn apt_conf(&self) -> AptConf {
        let mut conf = AptConf::default();
        for (_, bytes) in self.files(&Path::new(APT).join("apt.conf"), &Path::new(APT).join("apt.conf.d")) {
            conf = conf.then(settings::parse_apt_conf(&bytes));
        }
        for name in conf.not_followed() {
            self.reporter.note(Note::Detail(format!("apt's {name} is not followed: distil always checks")));
        }
        conf
    }

    fn options(&self, apt: &AptConf) -> Result<Options, Diagnostic> {
        let mut options = Options { proxies: self.proxies(apt)?, ..Options::default() };
        if let Some(parallel) = self.settings.parallel {
            options.parallel = parallel.max(1);
        }
        let own = self.settings.ca_certificates.iter().map(|p| self.settings_dir.join(p));
        for path in own.chain(apt.ca_info().into_iter().map(PathBuf::from)) {
            options.tls.authorities.push(self.pem(&path)?);
        }
        let own = self
            .settings
            .client_certificate
            .as_ref()
            .map(|c| (self.settings_dir.join(&c.certificate), self.settings_dir.join(&c.key)));
        let client =
            own.or_else(|| apt.client_certificate().map(|(c, k)| (PathBuf::from(c), PathBuf::from(k))));
        if let Some((certificate, key)) = client {
            let key = self.pem(&key)?;
            let secret = diag::Secret::new(String::from_utf8_lossy(&key.text).into_owned());
            options.tls.client = Some((self.pem(&certificate)?, secret));
        }
        let credentials = self.credentials()?;
        options.credentials = Some(Arc::new(move |url: &Url| {
            credentials.login_for(url).map(|l| Login { user: l.user.clone(), password: l.password.clone() })
        }));
        Ok(options)
    }

    /// The settings file, then apt's configuration, then the usual variables.
    fn proxies(&self, apt: &AptConf) -> Result<Proxies, Diagnostic> {
        let mut proxies = Proxies::none();
        // `HTTP_PROXY` in capitals is what a CGI request header would set (httpoxy): not believed.
        if let Some(value) = self.env.variable("http_proxy") {
            proxies = proxies.with(ProxyRule::Http(value))?;
        }
        let either = |lower: &str, upper: &str| self.env.variable(lower).or_else(|| self.env.variable(upper));
        if let Some(value) = either("https_proxy", "HTTPS_PROXY") {
            proxies = proxies.with(ProxyRule::Https(value))?;
        }
        if let Some(value) = either("all_proxy", "ALL_PROXY") {
            proxies = proxies.with(ProxyRule::All(value))?;
        }
        if let Some(value) = either("no_proxy", "NO_PROXY") {
            proxies = proxies.with(ProxyRule::Except(value))?;
        }
        if let Some(proxy) = apt.http_proxy() {
            proxies = proxies.with(ProxyRule::Http(proxy))?;
        }
        if let Some(proxy) = apt.https_proxy() {
            proxies = proxies.with(ProxyRule::Https(proxy))?;
        }
        for host in apt.host_proxies() {
            proxies = proxies.with(ProxyRule::Host(&host.host, &host.proxy))?;
        }
        let own = &self.settings.proxy;
        if let Some(uri) = &own.http {
            proxies = proxies.with(ProxyRule::Http(&with_login(uri)))?;
        }
        if let Some(uri) = &own.https {
            proxies = proxies.with(ProxyRule::Https(&with_login(uri)))?;
        }
        if let Some(uri) = &own.all {
            proxies = proxies.with(ProxyRule::All(&with_login(uri)))?;
        }
        if !own.no_proxy.is_empty() {
            proxies = proxies.with(ProxyRule::Except(&own.no_proxy.join(",")))?;
        }
        Ok(proxies)
    }

    fn credentials(&self) -> Result<Credentials, Diagnostic> {
        let mut all = Credentials::default();
        if let Some(text) = self.env.variable("HTTP_AUTH") {
            all = all.then(settings::parse_http_auth(text)?);
        }
        for path in &self.settings.credentials {
            if let Some(bytes) = self.file(&self.settings_dir.join(path)) {
                all = all.then(settings::parse_netrc(&bytes).0);
            }
        }
        let netrc = self.env.path("NETRC").or_else(|| self.env.path("HOME").map(|h| h.join(".netrc")));
        if let Some(bytes) = netrc.and_then(|p| self.file(&p)) {
            all = all.then(settings::parse_netrc(&bytes).0);
        }
        for (_, bytes) in self.files(&Path::new(APT).join("auth.conf"), &Path::new(APT).join("auth.conf.d")) {
            all = all.then(settings::parse_apt_auth(&bytes).0);
        }
        Ok(all)
    }

    fn engines(&self) -> engine::Choice {
        let home = self.env.path("HOME");
        let docker = self.env.path("DOCKER_CONFIG").or_else(|| home.as_ref().map(|h| h.join(".docker")));
        let config = docker.as_ref().and_then(|d| self.file(&d.join("config.json")));
        let named = self.env.variable("DOCKER_CONTEXT").map(str::to_owned);
        let context = named.or_else(|| engine::current_context(&config?)).filter(|name| name != "default");
        let context = context.map(|name| {
            let meta = docker.and_then(|docker| self.file(&engine::Context::file(&docker, &name)));
            engine::read_context(&name, meta.as_deref())
        });
        engine::Choice {
            docker_host: self.env.variable("DOCKER_HOST").map(str::to_owned),
            docker_tls: self.env.variable("DOCKER_TLS_VERIFY").is_some(),
            docker_context: context,
            container_host: self.env.variable("CONTAINER_HOST").map(str::to_owned),
            runtime_dir: self.env.path("XDG_RUNTIME_DIR"),
            home,
        }
    }

    /// Of the settings, then of the directories where Docker and Podman keep them.
    fn certificates_by_host(&self) -> Result<Vec<HostTls>, Diagnostic> {
        let mut hosts = Vec::new();
        for registry in &self.settings.registries {
            let mut authorities = Vec::new();
            for path in &registry.ca_certificates {
                authorities.push(self.pem(&self.settings_dir.join(path))?);
            }
            let client = match &registry.client_certificate {
                None => None,
                Some(own) => {
                    let key = self.pem(&self.settings_dir.join(&own.key))?;
                    let secret = diag::Secret::new(String::from_utf8_lossy(&key.text).into_owned());
                    Some((self.pem(&self.settings_dir.join(&own.certificate))?, secret))
                }
            };
            if !authorities.is_empty() || client.is_some() {
                let host = registries::reached_as(&registry.prefix).to_owned();
                hosts.push(HostTls { host, authorities, client });
            }
        }
        for dir in registries::certificate_dirs(&self.env) {
            for (host, files) in registries::hosts_of(&dir) {
                let known = hosts.iter().any(|h| h.host == host);
                if !known {
                    hosts.extend(self.certificates_of(host, &files));
                }
            }
        }
        Ok(hosts)
    }

    /// `*.crt` are authorities, a `*.cert` and the `*.key` of the same name the client's own
    /// (containers-certs.d(5)). What cannot be read there is passed over: it may be for another host.
    fn certificates_of(&self, host: String, files: &[PathBuf]) -> Option<HostTls> {
        let with = |end: &'static str| files.iter().filter(move |f| f.extension().is_some_and(|e| e == end));
        let pem = |path: &PathBuf| {
            let read = self.pem(path);
            if let Err(why) = &read {
                self.reporter.note(Note::Detail(why.to_string()));
            }
            read.ok()
        };
        let authorities: Vec<Pem> = with("crt").filter_map(pem).collect();
        let client = with("cert").find_map(|certificate| {
            let key = pem(&certificate.with_extension("key"))?;
            let key = diag::Secret::new(String::from_utf8_lossy(&key.text).into_owned());
            Some((pem(certificate)?, key))
        });
        (!authorities.is_empty() || client.is_some()).then_some(HostTls { host, authorities, client })
    }

    fn pem(&self, path: &Path) -> Result<Pem, Diagnostic> {
        let name = path.display().to_string();
        let text = store::read_regular(path, store::MOST_OWN).map_err(|e| {
            Diagnostic::new(Kind::Input, format!("cannot read certificate {name}: {e}"))
                .hint("it is named in the settings or in apt's configuration")
        })?;
        Ok(Pem { name, text })
    }

    /// A file and then those of a directory, by name, as apt reads them.
    #[expect(clippy::disallowed_methods, reason = "the host's configuration is read here, once")]
    fn files(&self, file: &Path, dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
        paths.sort();
        paths.insert(0, file.to_owned());
        paths.into_iter().filter_map(|p| self.file(&p).map(|b| (p, b))).collect()
    }

    fn file(&self, path: &Path) -> Option<Vec<u8>> {
        store::read_regular(path, store::MOST_OWN).ok()
    }
}

fn archive(name: &str) -> Result<Archive, Diagnostic> {
    Archive::by_name(name).ok_or_else(|| {
        let known: Vec<&str> = ARCHIVES.iter().map(|a| a.as_str()).collect();
        let near =
            diag::nearest(name, known.iter().copied(), 1).first().map(|n| format!("did you mean {n}? "));
        Diagnostic::new(Kind::Usage, format!("cannot set a mirror of `{name}`: there is no such archive"))
            .hint(format!("{}the archives are {}", near.unwrap_or_default(), known.join(", ")))
    })
}

fn with_login(uri: &settings::Uri) -> String {
    let Some(login) = &uri.login else { return uri.text.clone() };
    let Ok(mut url) = Url::parse(&uri.text) else { return uri.text.clone() };
    // Both fail only for URLs that cannot have user information.
    let _ = url.set_username(&login.user);
    let _ = url.set_password(Some(login.password.reveal()));
    url.into()
}
