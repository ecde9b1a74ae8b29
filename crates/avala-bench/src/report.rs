//! The sections of `docs/performance.md`, and the promises they make.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs, thread};

use anyhow::{Context, Result, bail};

const FILE: &str = "docs/performance.md";
const INTRODUCTION: &str = "\
# Performance

Every number on this page is made by `cargo xtask bench`, which replaces the section it measures.
Medians over alternating rounds; the fastest and the slowest round are in brackets. `cargo xtask bench --check` fails when a promise does not hold.
";

/// What one measurement has to say.
pub(crate) struct Section {
    name: &'static str,
    body: String,
    promises: Vec<Promise>,
}

/// A figure that must hold.
pub(crate) struct Promise {
    /// What is compared, as a sentence without a verb: `async client against bare reqwest, 1 in flight`.
    pub(crate) what: &'static str,
    /// What was measured.
    pub(crate) measured: f64,
    /// What is promised.
    pub(crate) limit: Limit,
}

/// What is promised of a ratio, a duration or a rate.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    /// So many times as long, at most.
    TimesAsLong(f64),
    /// So many times faster, at least.
    TimesFaster(f64),
    /// So many milliseconds, at most; measured in seconds.
    Milliseconds(f64),
    /// So many nanoseconds, at most; measured in seconds.
    Nanoseconds(f64),
    /// So many in a second, at least.
    PerSecond(f64),
    /// So many megabytes, at most; measured in bytes.
    Megabytes(f64),
    /// None at all.
    None,
}

impl Section {
    /// A section under its heading; `name` is also the task's argument that makes it.
    pub(crate) fn new(name: &'static str, heading: &str, text: &str, promises: Vec<Promise>) -> Self {
        let mut body = format!("## {heading}\n\n{text}\n");
        body.push_str("| Promise | Measured | Limit | |\n| --- | --- | --- | --- |\n");
        for promise in &promises {
            let verdict = if promise.holds() {
                "holds"
            } else {
                "**does not hold**"
            };
            let (measured, limit) = promise.figures();
            // Writing to a string cannot fail.
            let _ = writeln!(body, "| {} | {measured} | {limit} | {verdict} |", promise.what);
        }
        // `client-20` is a part of `client`.
        let task = name.split('-').next().unwrap_or(name);
        let _ = writeln!(body, "\n{}\n\nMade by `cargo xtask bench {task}`.", machine());
        Self { name, body, promises }
    }

    /// The section in Markdown.
    pub(crate) fn text(&self) -> &str {
        &self.body
    }

    /// Puts the section into the page, in place of its last measurement.
    pub(crate) fn write(&self) -> Result<()> {
        let path = Path::new(FILE);
        let page = fs::read_to_string(path).unwrap_or_else(|_| INTRODUCTION.to_owned());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, replaced(&page, self.name, &self.body)).with_context(|| format!("writing {FILE}"))
    }

    /// Fails when a promise does not hold.
    pub(crate) fn check(&self) -> Result<()> {
        let broken: Vec<&str> = self
            .promises
            .iter()
            .filter(|promise| !promise.holds())
            .map(|promise| promise.what)
            .collect();
        if !broken.is_empty() {
            bail!("these promises do not hold: {}", broken.join("; "));
        }
        Ok(())
    }
}

impl Promise {
    fn holds(&self) -> bool {
        match self.limit {
            Limit::TimesAsLong(limit) => self.measured <= limit,
            Limit::TimesFaster(limit) | Limit::PerSecond(limit) => self.measured >= limit,
            Limit::Milliseconds(limit) => self.measured * 1e3 <= limit,
            Limit::Nanoseconds(limit) => self.measured * 1e9 <= limit,
            Limit::Megabytes(limit) => self.measured / 1e6 <= limit,
            Limit::None => self.measured == 0.0,
        }
    }

    fn figures(&self) -> (String, String) {
        match self.limit {
            Limit::TimesAsLong(limit) => (format!("{:.2} ×", self.measured), format!("≤ {limit:.2} ×")),
            Limit::TimesFaster(limit) => {
                // Near one, the second digit is the one that counts.
                let digits = if limit < 2.0 { 2 } else { 1 };
                (format!("{:.digits$} ×", self.measured), format!("≥ {limit} ×"))
            }
            Limit::Milliseconds(limit) => (
                format!("{:.2} ms", self.measured * 1e3),
                format!("≤ {limit:.0} ms"),
            ),
            Limit::Nanoseconds(limit) => (
                format!("{:.0} ns", self.measured * 1e9),
                format!("≤ {limit:.0} ns"),
            ),
            Limit::Megabytes(limit) => (
                format!("{:.1} MB", self.measured / 1e6),
                format!("≤ {limit:.0} MB"),
            ),
            Limit::PerSecond(limit) => (format!("{:.0} /s", self.measured), format!("≥ {limit:.0} /s")),
            Limit::None => (format!("{}", self.measured), "0".to_owned()),
        }
    }
}

/// The page with the section in its place, or at the end when it has none yet.
fn replaced(page: &str, name: &str, body: &str) -> String {
    let (start, end) = (
        format!("<!-- bench {name} -->"),
        format!("<!-- end of {name} -->"),
    );
    let section = format!("{start}\n{body}{end}");
    match (page.split_once(&start), page.split_once(&end)) {
        (Some((before, _)), Some((_, after))) => format!("{before}{section}{after}"),
        _ => format!("{}\n\n{section}\n", page.trim_end()),
    }
}

/// What it was measured on.
fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, name)| name.trim());
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rust =
        first_line(Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("--version"));
    format!(
        "Machine: {processor}, {cores} cores, {} {} ({}); {rust}; avala {}.",
        env::consts::OS,
        kernel.trim(),
        env::consts::ARCH,
        env!("CARGO_PKG_VERSION"),
    )
}

/// How busy the machine was before the measurement: a figure made beside other work is worth less.
pub(crate) fn load_before() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let last_minute = load
        .split(' ')
        .next()
        .filter(|figure| !figure.is_empty())
        .unwrap_or("unknown");
    format!("Load average of the machine before it began: {last_minute}.")
}

/// The first line that a command prints, or that it could not be run.
pub(crate) fn first_line(command: &mut Command) -> String {
    let Ok(answer) = command.output() else {
        return "unknown version".to_owned();
    };
    String::from_utf8_lossy(&answer.stdout)
        .lines()
        .next()
        .unwrap_or("unknown version")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_its_last_measurement() {
        let page = replaced("# Performance\n", "client", "old\n");
        let page = replaced(&page, "command", "other\n");
        let page = replaced(&page, "client", "new\n");
        assert_eq!(
            page,
            "# Performance\n\n<!-- bench client -->\nnew\n<!-- end of client -->\n\n\
             <!-- bench command -->\nother\n<!-- end of command -->\n"
        );
    }

    #[test]
    fn a_broken_promise_is_named() {
        let promise = |measured, limit| Promise {
            what: "a against b",
            measured,
            limit,
        };
        let section = |promise| Section::new("client", "Client", "", vec![promise]);
        section(promise(1.09, Limit::TimesAsLong(1.1))).check().unwrap();
        section(promise(41.0, Limit::TimesFaster(40.0))).check().unwrap();
        section(promise(0.002, Limit::Milliseconds(3.0))).check().unwrap();
        section(promise(9e-7, Limit::Nanoseconds(1_000.0)))
            .check()
            .unwrap();
        section(promise(1_000.0, Limit::PerSecond(1_000.0)))
            .check()
            .unwrap();
        section(promise(120e6, Limit::Megabytes(120.0))).check().unwrap();
        section(promise(0.0, Limit::None)).check().unwrap();
        for broken in [
            promise(1.11, Limit::TimesAsLong(1.1)),
            promise(39.0, Limit::TimesFaster(40.0)),
            promise(0.004, Limit::Milliseconds(3.0)),
            promise(1.1e-6, Limit::Nanoseconds(1_000.0)),
            promise(0.89, Limit::TimesFaster(0.9)),
            promise(999.0, Limit::PerSecond(1_000.0)),
            promise(121e6, Limit::Megabytes(120.0)),
            promise(1.0, Limit::None),
            promise(f64::NAN, Limit::TimesAsLong(1.1)),
        ] {
            let error = section(broken).check().unwrap_err();
            assert_eq!(error.to_string(), "these promises do not hold: a against b");
        }
    }
}
