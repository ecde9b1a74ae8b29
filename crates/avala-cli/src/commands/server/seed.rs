//! `avala server seed`

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use avala_server::seed::{Loaded, Seed, SeedError, load};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Output, Record},
};

pub(super) async fn run(args: args::ServerSeed, out: Output) -> Result<(), Failure> {
    let name = match args.file.to_string_lossy() {
        dash if dash == "-" => "stdin".into(),
        path => path,
    };
    let json =
        content(&args.file).map_err(|error| Failure::local(format!("{name} cannot be read: {error}.")))?;
    let refused = |problem: String| Failure::local(format!("{name}: {problem}")).hint("Nothing was written.");
    // The parser takes an empty array for a seed without members.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(refused("expected a JSON object".to_owned()));
    }
    let refused = |error: SeedError| refused(error.to_string());
    // Before the data is touched: a file that is wrong says so even where there is no server.
    let seed = Seed::parse(&json).map_err(refused)?;
    let authority = super::open(&args.data, out).await?;
    let loaded = load(&authority, &seed).await.map_err(refused)?;
    Ok(out.record(&loaded)?)
}

fn content(file: &Path) -> io::Result<Vec<u8>> {
    if file != Path::new("-") {
        return fs::read(file);
    }
    let mut content = Vec::new();
    io::stdin().lock().read_to_end(&mut content)?;
    Ok(content)
}

impl Record for Loaded {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let organization = ("organization", Cell::text(&self.organization));
        let sections = self.sections.iter().map(|rows| {
            let counts = format!("{} made, {} updated", rows.made, rows.updated);
            (rows.section, Cell::from(counts.as_str()))
        });
        std::iter::once(organization).chain(sections).collect()
    }
}
