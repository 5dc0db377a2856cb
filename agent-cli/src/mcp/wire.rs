//! Standard input and output, a message a line, between the client and the server's library.
//!
//! The library drops a line that is no JSON; JSON-RPC has an answer to it. So lines are looked at on their way in, and the answer takes
//! its turn among the library's own on their way out.

use std::io;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::json;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf,
    WriteHalf,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What is under way between two tasks of this program.
const BUFFER: usize = 64 << 10;
/// How long a client that reads nothing is waited for at the end.
const FAREWELL: Duration = Duration::from_secs(3);

/// The client, as the server's library sees it.
pub(super) struct Wire {
    pub(super) ends: (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>),
    pub(super) writer: Writer,
}

/// What writes to the client.
pub(super) struct Writer(JoinHandle<io::Result<()>>);

impl Wire {
    /// Cancels `closing` when the client is gone, so that whoever waits stops at once.
    pub(super) fn open(closing: &CancellationToken) -> Self {
        let (near, far) = tokio::io::duplex(BUFFER);
        let (answers, requests) = tokio::io::split(near);
        let (refused, refusals) = mpsc::unbounded_channel();
        let gone = closing.clone();
        tokio::spawn(async move {
            // An input that breaks is one that ends.
            let _ = read(tokio::io::stdin(), requests, &refused).await;
            gone.cancel();
        });
        let gone = closing.clone();
        let writer = tokio::spawn(async move {
            let written = write(answers, refusals).await;
            gone.cancel();
            written
        });
        Self {
            ends: tokio::io::split(far),
            writer: Writer(writer),
        }
    }
}

impl Writer {
    /// Waits until what the server said is written; its end of the wire must be dropped.
    pub(super) async fn close(self) {
        // A client that is gone reads nothing any more.
        let _ = tokio::time::timeout(FAREWELL, self.0).await;
    }
}

/// Passes on the lines that are JSON, and the error of each that is not.
async fn read(
    input: impl AsyncRead + Unpin,
    mut requests: WriteHalf<DuplexStream>,
    refused: &mpsc::UnboundedSender<String>,
) -> io::Result<()> {
    let mut lines = BufReader::new(input).split(b'\n');
    while let Some(mut line) = lines.next_segment().await? {
        let text = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line);
        if text.trim_ascii().is_empty() {
            continue;
        }
        if let Err(error) = serde_json::from_slice::<IgnoredAny>(text) {
            let answer = json!({"jsonrpc": "2.0", "id": null, "error": {
                "code": -32700, "message": format!("this line is no JSON: {error}; send one message a line")}});
            // Nobody writes any more once the client has stopped reading.
            let _ = refused.send(answer.to_string());
            continue;
        }
        line.push(b'\n');
        requests.write_all(&line).await?;
    }
    requests.shutdown().await
}

async fn write(
    answers: ReadHalf<DuplexStream>,
    mut refusals: mpsc::UnboundedReceiver<String>,
) -> io::Result<()> {
    let mut output = tokio::io::stdout();
    let mut answers = BufReader::new(answers).lines();
    loop {
        let line = tokio::select! {
            line = answers.next_line() => match line? {
                Some(line) => line,
                None => return Ok(()),
            },
            Some(refusal) = refusals.recv() => refusal,
        };
        output.write_all((line + "\n").as_bytes()).await?;
        output.flush().await?;
    }
}
