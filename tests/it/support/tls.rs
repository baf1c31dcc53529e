//! A certificate authority made for one server, as a company's private one would be.
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rcgen::{KeyUsagePurpose, PKCS_ECDSA_P256_SHA256};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use super::loopback::Wire;

/// Whether a server speaks TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Plain TCP.
    #[default]
    Off,
    /// TLS 1.2 or 1.3, from the first byte.
    On,
}

/// What a server needs to speak TLS, and the certificate by which a client can trust it.
pub struct Identity {
    ca_pem: String,
    acceptor: TlsAcceptor,
}

impl Identity {
    /// A fresh authority, and a certificate of it for `localhost` and `127.0.0.1`.
    pub fn fresh() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "loopback authority");
        let authority = CertifiedIssuer::self_signed(params, fresh_key())
            .expect("an authority signs its own certificate");

        let key = fresh_key();
        let certificate = CertificateParams::new(["localhost", "127.0.0.1"].map(String::from).to_vec())
            .and_then(|params| params.signed_by(&key, &authority))
            .expect("an authority signs the certificate of a server");

        // The provider is named here, so that the servers need no process-wide one.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .expect("the key belongs to the certificate");
        Self { ca_pem: authority.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    /// The authority's certificate, for a client's list of trusted ones.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Shakes hands on `wire` as the server; fails when the client does not trust the certificate.
    pub async fn accept(&self, wire: Wire) -> std::io::Result<Wire> {
        Ok(Box::new(self.acceptor.accept(wire).await?))
    }
}

fn fresh_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("the system has randomness for a key")
}
