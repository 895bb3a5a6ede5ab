//! Commands that are applied literally: what they would do becomes data.

use crate::state::{Act, Answer};
use crate::text::Text;
use crate::walk::Walker;

/// The rule that covers a command, and what it asks for.
pub type Literal = (&'static str, Vec<Act>);

impl Walker<'_> {
    /// Reads a command as literal acts, and asks for them; `None` where it is not literal, or where
    /// whether it runs cannot be said.
    pub(crate) fn applied(&mut self, name: &str, arguments: &[Text]) -> Option<(&'static str, Answer)> {
        self.begin_touches();
        let literal = self.literal_files(name, arguments).map(|acts| ("file-actions", acts));
        let literal = literal.or_else(|| self.system.literal(name, arguments));
        let Some((rule, acts)) = literal else {
            self.forget_touches();
            return None;
        };
        // An account more does no harm: it is made also where whether it is cannot be said.
        let harmless =
            |a: &Act| matches!(a, Act::User(_) | Act::Group(_) | Act::Membership(_) | Act::Shell(_));
        if !acts.iter().all(harmless) && !self.is_decided() {
            self.forget_touches();
            return None;
        }
        for act in acts {
            self.ask(act);
        }
        Some((rule, Answer::known(true)))
    }
}
