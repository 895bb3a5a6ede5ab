use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Child;

use crate::machine::stop;
use crate::wait::{PATIENCE, wait_for, within};

/// A port of the loopback where nobody listens, and which the kernel gives to nobody else: whoever connects
/// is refused. A port that was only free a moment ago may belong to another test by now.
///
/// It is held by a connection. A server that sets `SO_REUSEADDR`, as about all do, can still listen there:
/// so does one that starts again while its connections last.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    _ends: (TcpStream, TcpStream),
}

impl Port {
    /// One that was free.
    pub fn reserve() -> Port {
        Port::after(TcpListener::bind("127.0.0.1:0").expect("a port on the loopback"))
    }

    /// The one of this listener, which ends.
    pub(crate) fn after(listener: TcpListener) -> Port {
        let address = listener.local_addr().expect("the port");
        let near = TcpStream::connect(address).expect("the listener");
        // Others may have been quicker to connect.
        let ours = |far: &TcpStream| far.peer_addr().ok() == near.local_addr().ok();
        let far = listener.incoming().flatten().find(ours).expect("the other end");
        drop(listener);
        // A program that another thread starts just now has the listener too, until it is that program.
        wait_for("the end of the listener", || TcpStream::connect(address).is_err().then_some(()));
        Port { address, _ends: (near, far) }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has a program listen here that cannot choose a port itself. What answers is the program and none other.
    pub fn serve(&self, start: impl FnOnce(SocketAddr) -> io::Result<Child>) -> Result<Child, String> {
        let mut child = start(self.address).map_err(|e| e.to_string())?;
        let listens = within(PATIENCE, || {
            if TcpStream::connect(self.address).is_ok() {
                return Some(Ok(()));
            }
            child.try_wait().ok().flatten().map(|status| Err(format!("it ended: {status}")))
        });
        let listens = listens.unwrap_or_else(|| Err("it does not answer".to_owned()));
        if listens.is_err() {
            stop(&mut child);
        }
        listens.map(|()| child)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_it_and_who_asks_is_refused() {
        let port = Port::reserve();
        let refused = || TcpStream::connect(port.address()).map_err(|e| e.kind());
        assert_eq!(refused().unwrap_err(), io::ErrorKind::ConnectionRefused);
        // About as many as the kernel has to give.
        let another = || TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap();
        assert!((0..20_000).all(|_| another() != port.address()));
        // But who names it may have it.
        let _named = TcpListener::bind(port.address()).unwrap();
        assert!(refused().is_ok());
    }

    #[test]
    fn a_listener_leaves_its_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let early = TcpStream::connect(address).unwrap();
        let port = Port::after(listener);
        drop(early);
        assert_eq!(port.address(), address);
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_program_that_ends_does_not_answer() {
        let ends = |_: SocketAddr| std::process::Command::new("false").spawn();
        assert!(Port::reserve().serve(ends).unwrap_err().contains("it ended"));
    }
}
