//! The help texts, to be read as a whole when they change.

use super::avala::avala;

#[test]
fn every_command_explains_itself() {
    let mut root = avala_cli::command_line().term_width(100);
    root.build();
    let mut texts = Vec::new();
    collect(&mut root, &mut texts);
    for (name, text) in &texts {
        insta::assert_snapshot!(name.replace(' ', "-"), text);
    }
    assert!(texts.len() > 25, "{}", texts.len());
}

fn collect(command: &mut clap::Command, texts: &mut Vec<(String, String)>) {
    let name = command.get_bin_name().unwrap_or("avala").to_owned();
    let text = command.render_long_help().to_string();
    // The options of every command are shown once.
    let text = if name == "avala" {
        text
    } else {
        text.split("Global options:")
            .next()
            .unwrap()
            .trim_end()
            .to_owned()
    };
    texts.push((name, text));
    for subcommand in command
        .get_subcommands_mut()
        .filter(|command| command.get_name() != "help")
    {
        collect(subcommand, texts);
    }
}

#[test]
fn help_goes_to_stdout_and_names_codes_and_variables() {
    let text = avala("--help").run().printed();
    for (exit, meaning) in avala_cli::EXIT_CODES {
        assert!(
            text.contains(&format!("{:>3}  {meaning}", exit.code())),
            "{meaning}"
        );
    }
    for variable in avala_cli::env::VARIABLES {
        assert!(text.contains(variable.name), "{}", variable.name);
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(
        avala("--version").run().printed(),
        concat!("avala ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
