//! A TCP listener on 127.0.0.1 whose connections end with it.
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Anything that carries bytes both ways: a TCP stream, or TLS over one.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection, encrypted or not.
pub type Wire = Box<dyn Duplex>;

/// A listener and its connections; dropping it closes them all.
pub struct Loopback {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Loopback {
    /// Listens on a port chosen by the operating system; each connection runs `serve` in its own task.
    pub async fn start<F, S>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("127.0.0.1 has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let accepting = tokio::spawn(async move {
            // The set aborts its tasks when it is dropped, and so when this task is aborted.
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        if let Ok((stream, _peer)) = accepted {
                            // Short answers would otherwise wait 40 ms for the client's TCP.
                            let _ = stream.set_nodelay(true);
                            connections.spawn(serve(stream));
                        }
                    }
                    Some(_ended) = connections.join_next() => {}
                }
            }
        });
        Self { address, accepting }
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the listener and its connections, and returns once the port refuses new ones.
    pub async fn stop(mut self) {
        self.accepting.abort();
        // An aborted task ends with an error by design.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
