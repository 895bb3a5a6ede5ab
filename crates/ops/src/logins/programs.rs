//! Credential helpers: started, asked, and judged by what they say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diag::{Note, Reporter};
use process::{Input, Program, Ran};
use settings::{KeptLogin, helper_has_none, helper_program, helper_servers};

use super::LoginError;
use super::fault::{HelperFault, HelperTrouble};

/// An answer is a few hundred bytes; tokens of clouds have some thousand.
const LONGEST: usize = 256 << 10;

/// The helpers of this machine. Each is asked once for each host: some ask the user.
pub(super) struct Helpers {
    patience: Duration,
    reporter: Arc<dyn Reporter>,
    /// By helper and host.
    answers: Mutex<BTreeMap<(String, String), Option<KeptLogin>>>,
}

/// What a helper is told to do, about which server, and who names it.
struct Order<'a> {
    helper: &'a str,
    /// `get`, `store`, `erase` or `list`.
    word: &'static str,
    server: &'a str,
    named_in: &'a str,
}

impl Order<'_> {
    fn doing(&self) -> String {
        let (program, server) = (helper_program(self.helper), self.server);
        match self.word {
            "get" => format!("ask {program} for the login of {server}"),
            "store" => format!("keep the login of {server} with {program}"),
            "erase" => format!("take the login of {server} out of {program}"),
            _ => format!("ask {program} which logins it has"),
        }
    }

    fn failed(&self, fault: HelperFault) -> LoginError {
        LoginError::Helper(Box::new(HelperTrouble {
            doing: self.doing(),
            program: helper_program(self.helper),
            server: self.server.to_owned(),
            named_in: self.named_in.to_owned(),
            fault,
        }))
    }
}

impl Helpers {
    pub(super) fn new(patience: Duration, reporter: Arc<dyn Reporter>) -> Helpers {
        Helpers { patience, reporter, answers: Mutex::default() }
    }

    /// The login that a helper has for a host, under any of the host's names.
    pub(super) fn login(
        &self,
        helper: &str,
        named_in: &str,
        host: &str,
    ) -> Result<Option<KeptLogin>, LoginError> {
        // Held while the helper runs: two questions at once would be two windows on the screen.
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (helper.to_owned(), host.to_owned());
        if let Some(known) = answers.get(&key) {
            return Ok(known.clone());
        }
        let mut login = None;
        for server in helper_servers(host) {
            let order = Order { helper, word: "get", server: &server, named_in };
            login = self.ask(&order)?;
            if login.is_some() {
                break;
            }
        }
        answers.insert(key, login.clone());
        Ok(login)
    }

    fn ask(&self, order: &Order<'_>) -> Result<Option<KeptLogin>, LoginError> {
        let ran = self.run(order, order.server.as_bytes())?;
        if ran.is_good() {
            let answer = settings::parse_helper_answer(&ran.stdout);
            return answer.map_err(|e| order.failed(HelperFault::Answer(e)));
        }
        match words(&ran) {
            said if helper_has_none(&said) => {
                let program = helper_program(order.helper);
                let text = format!("{program} has no login for {} ({said})", order.server);
                self.reporter.note(Note::Detail(text));
                Ok(None)
            }
            said => Err(order.failed(HelperFault::Failed(said))),
        }
    }

    /// Has a helper keep a login.
    pub(super) fn store(
        &self,
        helper: &str,
        named_in: &str,
        server: &str,
        login: &KeptLogin,
    ) -> Result<(), LoginError> {
        let order = Order { helper, word: "store", server, named_in };
        let request = settings::helper_store_request(server, login).ok_or_else(|| LoginError::NoForm {
            server: server.to_owned(),
            program: helper_program(helper),
        })?;
        self.obey(&order, request.reveal().as_bytes()).map(drop)
    }

    /// Has a helper forget a login; false where it had none.
    pub(super) fn erase(&self, helper: &str, named_in: &str, server: &str) -> Result<bool, LoginError> {
        let order = Order { helper, word: "get", server, named_in };
        if self.ask(&order)?.is_none() {
            return Ok(false);
        }
        let order = Order { word: "erase", ..order };
        self.obey(&order, server.as_bytes()).map(|()| true)
    }

    /// The servers that a helper has logins for.
    pub(super) fn list(&self, helper: &str, named_in: &str) -> Result<Vec<String>, LoginError> {
        let order = Order { helper, word: "list", server: "", named_in };
        let ran = self.run(&order, b"")?;
        if !ran.is_good() {
            return Err(order.failed(HelperFault::Failed(words(&ran))));
        }
        let listed = settings::parse_helper_list(&ran.stdout);
        let listed = listed.map_err(|e| order.failed(HelperFault::Answer(e)))?;
        Ok(listed.into_keys().collect())
    }

    fn obey(&self, order: &Order<'_>, input: &[u8]) -> Result<(), LoginError> {
        let ran = self.run(order, input)?;
        if ran.is_good() { Ok(()) } else { Err(order.failed(HelperFault::Failed(words(&ran)))) }
    }

    fn run(&self, order: &Order<'_>, input: &[u8]) -> Result<Ran, LoginError> {
        let program = Program::new(helper_program(order.helper)).word(order.word);
        let program = program.within(self.patience).saying_at_most(LONGEST);
        program.run(Input::Bytes(input), self.reporter.as_ref()).map_err(|e| order.failed(e.into()))
    }
}

/// The complaint of a helper, which by the protocol stands on stdout. One that fails after it has printed
/// a login is not repeated.
fn words(ran: &Ran) -> String {
    if ran.stdout.trim_ascii_start().starts_with(b"{") {
        return Ran { stdout: Vec::new(), ..ran.clone() }.complaint();
    }
    let both = Ran { stderr: [&ran.stdout[..], b" ", &ran.stderr[..]].concat(), ..ran.clone() };
    both.complaint()
}
