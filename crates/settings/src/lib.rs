//! What the machine's user has set, as values: our settings file, apt's sources and configuration,
//! mirror lists, netrc, apt's auth.conf, apko's `HTTP_AUTH`, and the logins of registries that Docker and
//! Podman keep.
//!
//! Bytes in, values out. No file is opened and no variable read here: `distil` does both, once, and so
//! every reader is a plain function that can be tested and fuzzed. Our own file is read strictly (an
//! unknown key is an error with its line); files that belong to others are read as far as they make
//! sense, and what does not is said in [`Ignored`], because a broken apt configuration must not stop a
//! build that has no need of it. Files of logins are the exception: one that is broken is an error, since
//! going on without it would end in a refusal that nobody could explain.
//!
//! The price: grammars of six foreign formats are written down here, each as far as documented in
//! its man page.

mod apt_conf;
mod apt_sources;
mod auth_file;
mod credential_helper;
mod credentials;
mod ignored;
mod mirror_list;
mod registry_name;
mod settings_file;
mod uri;
mod yaml;

pub use apt_conf::{AptConf, HostProxy, parse_apt_conf};
pub use apt_sources::{AptSource, AptSources, parse_deb822_sources, parse_sources_list};
pub use auth_file::{
    AuthFile, AuthFileError, KeptLogin, Shortened, parse_auth_file, with_login, without_logins,
};
pub use credential_helper::{
    HelperAnswerError, helper_has_none, helper_program, helper_store_request, parse_helper_answer,
    parse_helper_list,
};
pub use credentials::{Credentials, HttpAuthError, Login, parse_apt_auth, parse_http_auth, parse_netrc};
pub use ignored::Ignored;
pub use mirror_list::{ListedMirror, parse_mirror_list};
pub use registry_name::{HUB_KEY, helper_servers, registry_host};
pub use settings_file::{
    ClientCertificate, ProxySettings, RegistrySettings, Settings, SettingsError, parse_settings,
};
pub use uri::{Uri, split_login};
