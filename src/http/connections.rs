//! Connections with limits: how many there are, and how long one may stay without a request or an
//! answer.
//!
//! A handler's time limit begins when a request's head is there. Who sends a head byte by byte, or
//! does not read an answer, is cut off here.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Open connections; further ones wait in the system's queue. Below the 1,024 files that a process
/// may usually open.
const CONNECTIONS_MAX: usize = 900;
/// A connection without a request is closed after so long, and one whose answer is not read.
const IDLE_S: u64 = 30;

/// A listener whose connections are limited in number and time.
pub(super) struct Connections {
    listener: TcpListener,
    free: Arc<Semaphore>,
    request_limit: Duration,
}

impl Connections {
    /// `request_timeout` is what a handler has; the request's head and body have as much again.
    pub(super) fn new(listener: TcpListener, request_timeout: Duration) -> Self {
        let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Self { listener, free, request_limit: request_timeout.saturating_mul(2) }
    }
}

impl Listener for Connections {
    type Io = OpenConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (OpenConnection, SocketAddr) {
        // The semaphore is never closed, so there is always a permit to come.
        let permit = Arc::clone(&self.free).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let deadline = Box::pin(sleep(Duration::from_secs(IDLE_S)));
        let request_limit = self.request_limit;
        let connection =
            OpenConnection { stream, deadline, request_limit, is_idle: true, _permit: permit };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection with a deadline, which a request's first byte and every written byte set anew.
pub(super) struct OpenConnection {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    request_limit: Duration,
    is_idle: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

impl OpenConnection {
    fn check_deadline(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    fn allow(&mut self, time: Duration) {
        self.deadline.as_mut().reset(Instant::now() + time);
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(_)) = written {
            self.is_idle = true;
            self.allow(Duration::from_secs(IDLE_S));
        }
        written
    }
}

impl AsyncRead for OpenConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_deadline(context)?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.is_idle && buffer.filled().len() > before {
            self.is_idle = false;
            let request_limit = self.request_limit;
            self.allow(request_limit);
        }
        read
    }
}

impl AsyncWrite for OpenConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_deadline(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_deadline(context)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
