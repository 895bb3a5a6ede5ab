use diag::Diagnostic;
use registry::{Credentials, Login, Proof};
use settings::KeptLogin;

use super::Logins;

impl Credentials for Logins {
    fn login(&self, host: &str, repository: &str) -> Result<Option<Login>, Diagnostic> {
        let found = self.find(host, repository)?;
        Ok(found.map(|found| Login { secret: proof(found.login), from: found.from }))
    }
}

/// A login as the registry's client shows it.
pub(crate) fn proof(login: KeptLogin) -> Proof {
    match login {
        KeptLogin::Basic { user, password } => Proof::Basic { user, password },
        KeptLogin::IdentityToken(token) => Proof::IdentityToken(token),
        KeptLogin::RegistryToken(token) => Proof::RegistryToken(token),
    }
}
