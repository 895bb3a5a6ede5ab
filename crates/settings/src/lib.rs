//! What the machine's user has set, as values: our settings file, apt's sources and configuration,
//! mirror lists, netrc, apt's auth.conf, and apko's `HTTP_AUTH`.
//!
//! Bytes in, values out. No file is opened and no variable read here: `distil` does both, once, and so
//! every reader is a plain function that can be tested and fuzzed. Our own file is read strictly (an
//! unknown key is an error with its line); files that belong to others are read as far as they make
//! sense, and what does not is said in [`Ignored`], because a broken apt configuration must not stop a
//! build that has no need of it.
//!
//! The price: grammars of four foreign formats are written down here, each as far as documented in
//! its man page.

mod apt_conf;
mod apt_sources;
mod credentials;
mod ignored;
mod mirror_list;
mod settings_file;
mod uri;
mod yaml;

pub use apt_conf::{AptConf, HostProxy, parse_apt_conf};
pub use apt_sources::{AptSource, AptSources, parse_deb822_sources, parse_sources_list};
pub use credentials::{Credentials, HttpAuthError, Login, parse_apt_auth, parse_http_auth, parse_netrc};
pub use ignored::Ignored;
pub use mirror_list::{ListedMirror, parse_mirror_list};
pub use settings_file::{ClientCertificate, ProxySettings, Settings, SettingsError, parse_settings};
pub use uri::{Uri, split_login};
