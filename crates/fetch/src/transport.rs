use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Makes requests to a proxy out of requests for `/http://host/path` at the proxy.
///
/// ureq tunnels everything through a proxy by CONNECT. Caches such as apt-cacher-ng and many company
/// proxies allow that for port 443 only, and could not cache what they do not see. So plain http is
/// asked for in the absolute form (RFC 9112 section 3.2.2): the request goes to the proxy as if it
/// were the server, and this transport takes the slash before the address out of the request line.
#[derive(Debug)]
pub(crate) struct AbsoluteForm;

impl<In: Transport> Connector<In> for AbsoluteForm {
    type Out = AbsoluteFormTransport<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|below| AbsoluteFormTransport { below, at_head: true }))
    }
}

#[derive(Debug)]
pub(crate) struct AbsoluteFormTransport<In> {
    below: In,
    /// Whether the next bytes out begin a request: at first, and after every answer.
    at_head: bool,
}

impl<In: Transport> Transport for AbsoluteFormTransport<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.below.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let mut amount = amount;
        if std::mem::take(&mut self.at_head) {
            let output = &mut self.below.buffers().output()[..amount];
            if let Some(slash) = output.windows(6).position(|w| w == b" /http") {
                output.copy_within(slash + 2.., slash + 1);
                amount -= 1;
            }
        }
        self.below.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.at_head = true;
        self.below.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.below.is_open()
    }

    fn is_tls(&self) -> bool {
        self.below.is_tls()
    }
}
