use std::collections::BTreeMap;

/// What is run, in apko's shape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entrypoint {
    /// `type: service-bundle`: s6 supervises the services.
    pub service_bundle: bool,
    /// The command; an empty one takes back what an include gives.
    pub command: Option<Vec<String>>,
    /// A script for `/bin/sh -c`; wins over the command.
    pub shell_fragment: Option<String>,
    /// Commands by name, each the text after `#!/bin/execlineb` in `/sv/NAME/run`.
    pub services: BTreeMap<String, String>,
}

/// What runs a service bundle.
const S6: [&str; 2] = ["/bin/s6-svscan", "/sv"];
/// The package that has it, which a service bundle asks for.
pub(crate) const S6_PACKAGE: &str = "s6";

impl Entrypoint {
    /// OCI's `Entrypoint`, as apko makes it: the fragment for a shell, else s6 for a service bundle,
    /// else the command.
    pub fn words(&self) -> Option<Vec<String>> {
        let words = match (&self.shell_fragment, self.service_bundle) {
            (Some(script), _) => vec!["/bin/sh".to_owned(), "-c".to_owned(), script.clone()],
            (None, true) => S6.map(str::to_owned).to_vec(),
            (None, false) => self.command.clone().unwrap_or_default(),
        };
        Some(words).filter(|w| !w.is_empty())
    }
}
