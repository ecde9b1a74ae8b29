//! Options of every command, accepted before and after the verb.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The server to talk to, such as `https://api.avala.ai/api/v1`
    #[arg(long, global = true, value_name = "URL")]
    pub base_url: Option<String>,

    /// Use this profile's key and server
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,

    /// Read the key, and the URL that goes with it, from a file of NAME=value lines
    #[arg(long, global = true, value_name = "FILE")]
    pub env_file: Option<PathBuf>,

    /// How to print [default: a table on a terminal, tab-separated in a pipe]
    #[arg(long, short, global = true, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,

    /// How long one call may take, repetitions included, such as 30s or 2m
    #[arg(long, global = true, value_name = "TIME", value_parser = super::values::duration)]
    pub timeout: Option<Duration>,

    /// Refuse everything that would change something
    #[arg(long, global = true)]
    pub read_only: bool,

    /// Allow plain HTTP to this machine
    #[arg(long, global = true)]
    pub allow_insecure_loopback: bool,

    /// Tell on stderr what is going on; short for `--log debug`
    #[arg(long, short, global = true)]
    pub verbose: bool,

    /// What to log on stderr: error, warn, info, debug, trace, or `target=level,…`
    #[arg(long, global = true, value_name = "LEVEL", conflicts_with = "verbose")]
    pub log: Option<String>,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: aligned columns, readable times
    Table,
    /// For programs: the API's own JSON, errors included
    Json,
}
