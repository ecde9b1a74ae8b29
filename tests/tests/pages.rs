//! The pages that are made from the code say what it says; the others have what they must, and lead where they say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::{collections::BTreeSet, path::Path};

use avala_tests::{
    book::{page, pages},
    python_names, requirements, troubleshooting,
};

fn written(page: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join("docs").join(page)).unwrap()
}

#[test]
fn the_pages_are_current() {
    for (page, made) in [
        ("requirements.md", requirements::page()),
        ("troubleshooting.md", troubleshooting::page()),
        ("python-names.md", python_names::page()),
    ] {
        assert!(written(page) == made, "{page}: run `cargo xtask gen`");
    }
}

#[test]
fn no_test_covers_what_is_no_requirement() {
    let numbers: BTreeSet<String> = requirements::all()
        .into_iter()
        .map(|(number, _)| number)
        .collect();
    let covered = requirements::covered();
    let unknown: Vec<&String> = covered
        .keys()
        .filter(|number| !numbers.contains(*number))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

// Covers: R31, R32, R33, R34
#[test]
fn the_four_troubles_of_the_official_page_are_on_ours() {
    let page = troubleshooting::page();
    for text in [
        "No API key provided.",
        "Invalid API key.",
        "API key has expired.",
        "Invalid base_url",
    ] {
        assert!(page.contains(&format!("| {text} |")), "{text}");
    }
}

#[test]
fn every_exception_of_the_official_client_has_a_name_here() {
    let names = python_names::names();
    for (there, here) in [
        ("AsyncClient", "Client"),
        ("Avala", "blocking::Client"),
        ("ValueError", "ErrorKind::Configuration"),
        ("AvalaError", "Error"),
        ("AuthenticationError", "ErrorKind::Authentication"),
        ("ForbiddenError", "ErrorKind::Forbidden"),
        ("NotFoundError", "ErrorKind::NotFound"),
        ("ValidationError", "ErrorKind::Validation"),
        ("RateLimitError", "ErrorKind::RateLimited"),
        ("QuotaExceededError", "ErrorKind::QuotaExceeded"),
        ("ServerError", "ErrorKind::Server"),
        ("TimeoutError", "ErrorKind::Timeout"),
        ("CursorPage", "Page"),
        ("status_code", "Error::status"),
        ("details", "Error::field_errors"),
        ("max_retries", "ClientBuilder::retry"),
    ] {
        let is_named = names
            .iter()
            .any(|(a, b, _)| (a.as_str(), b.as_str()) == (there, here));
        assert!(is_named, "{there}: {names:?}");
    }
}

// Covers: R4, R5
#[test]
fn the_page_tells_the_four_steps_to_a_key_that_is_shown_once() {
    let page = page("authentication.md");
    let (_, told) = page.text.split_once("## Get a key").unwrap();
    let steps = [
        "1. Sign in at",
        "2. Open *Settings*",
        "3. Choose *Create API Key*",
        "4. Copy the key. It is shown once",
    ];
    let found: Vec<usize> = steps.iter().map(|step| told.find(step).expect(step)).collect();
    assert!(found.is_sorted(), "{found:?}");
}

// Covers: R35
#[test]
fn the_page_on_authentication_has_every_section_of_the_official_one_and_leads_on() {
    let page = page("authentication.md");
    // There: what it is called here.
    let sections = [
        ("Getting a key", "Get a key"),
        ("Environment variable", "From the environment"),
        ("Explicit argument", "Explicitly"),
        (".env file", "From a `.env` file"),
        ("Async", "Async and blocking"),
        ("Handling failures", "When it fails"),
        ("Production", "In production"),
        ("Practices", "Five practices"),
        ("Base URL", "Base URL"),
        ("Local development", "Local development"),
        ("Troubleshooting", "Troubleshooting"),
        ("Next steps", "Next steps"),
    ];
    let headings = page.headings(2);
    let mut rest = headings.iter();
    for (there, here) in sections {
        assert!(rest.any(|heading| *heading == here), "{there}: {headings:?}");
    }
    for store in ["**AWS Secrets Manager**", "**Google Cloud Secret Manager**"] {
        assert!(page.text.contains(store), "{store}");
    }
    let (_, next) = page.text.split_once("## Next steps").unwrap();
    for (link, heading) in [("quickstart.md", "Quickstart"), ("errors.md", "Errors")] {
        assert!(next.contains(&format!("({link})")), "{link}");
        assert_eq!(avala_tests::book::page(link).headings(1), [heading]);
    }
}

#[test]
fn every_link_within_the_pages_leads_somewhere() {
    let (mut links, mut dead) = (0, Vec::new());
    for from in pages() {
        for (file, heading) in from.links() {
            links += 1;
            let to = from.path.parent().unwrap().join(file);
            let to = if file.is_empty() { &from.path } else { &to };
            let is_there = match heading {
                "" => to.exists(),
                _ => page(to.file_name().unwrap().to_str().unwrap())
                    .anchors()
                    .iter()
                    .any(|anchor| anchor == heading),
            };
            if !is_there {
                dead.push(format!("{}: {file}#{heading}", from.path.display()));
            }
        }
    }
    assert!(links > 100, "{links} links were found");
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn every_command_that_the_pages_tell_to_type_can_be_typed() {
    let (mut commands, mut wrong) = (0, Vec::new());
    for page in pages() {
        for line in page.console() {
            // A variable may stand before it.
            let words = shlex::split(&line).expect(&line).into_iter();
            let mut words = words.skip_while(|word| word.contains('=')).peekable();
            if words.peek().is_none_or(|program| program != "avala") {
                continue;
            }
            commands += 1;
            let typed = avala_cli::command_line().try_get_matches_from(words);
            // What another command tells is not known here.
            if let Err(error) = typed
                && !error.to_string().contains("invalid value 'WORD'")
            {
                wrong.push(format!("{}: {line}\n{error}", page.path.display()));
            }
        }
    }
    assert!(commands > 40, "{commands} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_example_is_on_a_page_and_what_cannot_run_on_one_is_an_example() {
    let examples: Vec<(String, String)> =
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/src/bin"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                (
                    path.file_name().unwrap().to_str().unwrap().to_owned(),
                    std::fs::read_to_string(path).unwrap(),
                )
            })
            .collect();
    let book = pages();
    for (example, _) in &examples {
        let link = format!("../examples/src/bin/{example}");
        let is_linked = book
            .iter()
            .any(|page| page.links().iter().any(|(file, _)| *file == link));
        assert!(is_linked, "no page leads to {example}");
    }

    // What `rustdoc` is told to leave alone is compiled as an example, word by word the same.
    let words = |text: &str| text.split_whitespace().collect::<String>();
    for (_, lines) in book
        .iter()
        .flat_map(|page| page.blocks())
        .filter(|(of, _)| of.contains("ignore"))
    {
        let is_example = examples
            .iter()
            .any(|(_, text)| words(text).contains(&words(&lines.concat())));
        assert!(is_example, "{lines:#?}");
    }
}
