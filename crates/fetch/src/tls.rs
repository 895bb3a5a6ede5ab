use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use crate::{Pem, Tls};

/// Wraps https connections in TLS. Nothing is read or computed before the first of them.
///
/// ureq has such a connector; this one exists because that panics on a client certificate that rustls
/// refuses, and cannot say which root certificates there are.
#[derive(Clone)]
pub(crate) struct TlsConnector {
    tls: Arc<Tls>,
    /// Whether the server must show a certificate that is trusted.
    verifies: bool,
    /// One for all hosts, then one for each of `tls.hosts`.
    configs: Arc<[Configured]>,
}

/// Made by the first connection that needs it.
type Configured = OnceLock<Result<Arc<ClientConfig>, String>>;

/// A fault of our own certificates, on its way through ureq's error type.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SetupFailure(pub(crate) String);

/// A failed handshake, on its way through ureq's error type.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct HandshakeFailure(pub(crate) String);

impl TlsConnector {
    pub(crate) fn new(tls: Tls) -> TlsConnector {
        let configs = std::iter::repeat_with(OnceLock::new).take(tls.hosts.len() + 1).collect();
        TlsConnector { tls: Arc::new(tls), verifies: true, configs }
    }

    /// One that takes whatever certificate is shown.
    pub(crate) fn unverified(tls: Tls) -> TlsConnector {
        TlsConnector { verifies: false, ..TlsConnector::new(tls) }
    }

    fn config(&self, host: &str, port: u16) -> Result<Arc<ClientConfig>, Error> {
        let config = match self.tls.entry_for(host, port) {
            None => self.configs[0].get_or_init(|| configure(&self.tls, self.verifies).map(Arc::new)),
            Some(entry) => self.configs[entry + 1]
                .get_or_init(|| configure(&self.tls.with_entry(entry), self.verifies).map(Arc::new)),
        };
        config.clone().map_err(|cause| Error::Other(Box::new(SetupFailure(cause))))
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(below) = chained else {
            return Ok(None);
        };
        if !details.needs_tls() || below.is_tls() {
            return Ok(Some(Either::A(below)));
        }
        let host = details.uri.host().unwrap_or_default();
        let config = self.config(host, details.uri.port_u16().unwrap_or(443))?;
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
        let name = name.map_err(|_| Error::Tls("the host's name is no name for TLS"))?;
        let mut connection = ClientConnection::new(config, name).map_err(handshake)?;
        let below: Box<dyn Transport> = Box::new(below);
        let mut socket = TransportAdapter::new(below, details.current_time.clone());
        socket.set_timeout(details.timeout);
        connection.complete_io(&mut socket).map_err(handshake_io)?;
        let buffers =
            LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { buffers, stream: StreamOwned { conn: connection, sock: socket } })))
    }
}

fn handshake(error: rustls::Error) -> Error {
    Error::Other(Box::new(HandshakeFailure(explain(&error))))
}

fn handshake_io(error: std::io::Error) -> Error {
    match error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
        Some(tls) => Error::Other(Box::new(HandshakeFailure(explain(tls)))),
        None => Error::from(error),
    }
}

/// Says which certificate problem it is, in words that can be acted on.
pub(crate) fn explain(error: &rustls::Error) -> String {
    use rustls::CertificateError as C;
    let rustls::Error::InvalidCertificate(problem) = error else {
        return error.to_string();
    };
    match problem {
        C::UnknownIssuer => "its certificate is signed by no authority that is trusted here".into(),
        C::Expired | C::ExpiredContext { .. } => "its certificate has expired".into(),
        C::NotValidYet | C::NotValidYetContext { .. } => "its certificate is not valid yet".into(),
        C::NotValidForName => "its certificate is for another name".into(),
        C::NotValidForNameContext { presented, .. } => {
            format!("its certificate is for another name ({})", presented.join(", "))
        }
        C::Revoked => "its certificate was revoked".into(),
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => "its certificate is not for a server".into(),
        // That it is an authority's would matter only if it were trusted.
        problem if is_of_an_authority(problem) => explain(&C::UnknownIssuer.into()),
        other => format!("its certificate is not good: {other}"),
    }
}

fn configure(tls: &Tls, verifies: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let trust = if verifies { trust(tls, &provider)? } else { Trust::Anyone };
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Judge { trust, provider }));
    let Some((chain, key)) = &tls.client else {
        return Ok(builder.with_no_client_auth());
    };
    let certificates = read_certificates(chain)?;
    let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes())
        .map_err(|e| format!("the private key for {} cannot be read: {e}", chain.name))?;
    builder
        .with_client_auth_cert(certificates, key)
        .map_err(|e| format!("the client certificate {} cannot be used: {e}", chain.name))
}

/// The system's authorities (of `SSL_CERT_FILE` or `SSL_CERT_DIR` where they are set) and the user's.
fn trust(tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Trust, String> {
    let mut store = RootCertStore::empty();
    let mut known = Vec::new();
    for pem in &tls.authorities {
        for certificate in read_certificates(pem)? {
            store.add(certificate.clone()).map_err(|e| format!("{} cannot be used: {e}", pem.name))?;
            known.push(certificate);
        }
    }
    if !tls.only_these {
        let system = rustls_native_certs::load_native_certs();
        let (usable, _) = store.add_parsable_certificates(system.certs.iter().cloned());
        known.extend(system.certs);
        if usable == 0 {
            // Slim containers have no certificates at all: then Mozilla's, as of this build.
            store.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
        }
    }
    let chains = if store.is_empty() {
        None
    } else {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
        Some(builder.build().map_err(|e| format!("the certificate authorities cannot be used: {e}"))?)
    };
    Ok(Trust::These { chains, known })
}

fn read_certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(&pem.text).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|e| format!("{} cannot be read: {e}", pem.name))?;
    if found.is_empty() {
        return Err(format!("{} holds no certificate", pem.name));
    }
    Ok(found)
}

/// A connection inside TLS.
pub(crate) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter<Box<dyn Transport>>>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsTransport")
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        std::io::Write::write_all(&mut self.stream, output).map_err(handshake_io)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.get_mut().set_timeout(timeout);
        let room = self.buffers.input_append_buf();
        let amount = std::io::Read::read(&mut self.stream, room).map_err(handshake_io)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// Whether a server showed a certificate that says `CA:TRUE`.
fn is_of_an_authority(problem: &CertificateError) -> bool {
    matches!(problem, CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity"))
}

/// Judges the certificate that a server shows, and asks for proof that the server has its key, so that a broken server
/// is not mistaken for a good one.
#[derive(Debug)]
struct Judge {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Trust {
    /// Any certificate is taken.
    Anyone,
    /// A certificate is taken that an authority vouches for, or one that is trusted itself.
    ///
    /// The latter is what `openssl req -x509` makes unless told otherwise, and what Docker, curl and Go take
    /// of a registry once it is among the trusted ones: webpki alone would refuse it, for being an
    /// authority's.
    These {
        /// None where no authority is trusted.
        chains: Option<Arc<WebPkiServerVerifier>>,
        known: Vec<CertificateDer<'static>>,
    },
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Trust::These { chains, known } = &self.trust else { return Ok(ServerCertVerified::assertion()) };
        let chains = chains.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        match chains.verify_server_cert(certificate, between, name, ocsp, now) {
            // Said after its time was looked at, before its name was.
            Err(rustls::Error::InvalidCertificate(problem))
                if is_of_an_authority(&problem) && known.contains(certificate) =>
            {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
