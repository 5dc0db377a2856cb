//! Runs the cluster of a folder until standard input ends: `hold DATA [SETTING=VALUE]...`

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use local_postgres::{Cluster, Settings};

fn main() -> ExitCode {
    match hold() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error that is closed leaves the exit code to tell.
            let _ = writeln!(io::stderr(), "hold: {error}");
            ExitCode::FAILURE
        }
    }
}

fn hold() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data = arguments
        .next()
        .ok_or("usage: hold DATA [SETTING=VALUE]...")?;
    let settings = arguments
        .filter_map(|argument| {
            argument
                .split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        })
        .fold(Settings::default(), |settings, (name, value)| {
            settings.set(&name, &value)
        });

    let cluster = if data == "temporary" {
        Cluster::temporary(&settings)?
    } else {
        Cluster::start(Path::new(&data), &settings)?
    };
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", cluster.url("postgres"))?;
    writeln!(stdout, "{}", cluster.data_dir().display())?;
    stdout.flush()?;

    io::stdin().read_to_end(&mut Vec::new())?;
    cluster.stop()?;
    Ok(())
}
