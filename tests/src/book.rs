//! The book and the papers beside it, as text: their blocks, headings and links.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A page in Markdown.
#[derive(Debug)]
pub struct Page {
    pub path: PathBuf,
    pub text: String,
}

/// Everything people read: the book, and the papers at the root.
pub fn pages() -> Vec<Page> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = Vec::new();
    for folder in [root.join("docs"), root] {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path).expect("a page can be read");
                pages.push(Page { path, text });
            }
        }
    }
    pages.sort_by(|a, b| a.path.cmp(&b.path));
    pages
}

/// The page of that name.
pub fn page(name: &str) -> Page {
    let mut pages = pages().into_iter();
    pages
        .find(|page| page.path.ends_with(name))
        .unwrap_or_else(|| panic!("there is no page {name}"))
}

impl Page {
    /// The fenced blocks: what stands behind the fence, and the lines.
    pub fn blocks(&self) -> Vec<(&str, Vec<&str>)> {
        let mut blocks = Vec::new();
        let mut open: Option<(&str, Vec<&str>)> = None;
        for line in self.text.lines() {
            match (line.trim_start().strip_prefix("```"), &mut open) {
                (Some(of), None) => open = Some((of, Vec::new())),
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (None, Some((_, lines))) => lines.push(line),
                (None, None) => {}
            }
        }
        blocks
    }

    /// What is not in blocks.
    pub fn prose(&self) -> impl Iterator<Item = &str> {
        let mut inside = false;
        self.text.lines().filter(move |line| {
            let is_fence = line.trim_start().starts_with("```");
            inside ^= is_fence;
            !inside && !is_fence
        })
    }

    /// The headings of that level, in order.
    pub fn headings(&self, level: usize) -> Vec<&str> {
        let sign = format!("{} ", "#".repeat(level));
        self.prose()
            .filter_map(|line| line.strip_prefix(&*sign))
            .collect()
    }

    /// What headings are called in links.
    pub fn anchors(&self) -> Vec<String> {
        let all = (1..=6).flat_map(|level| self.headings(level));
        all.map(|heading| {
            let kept = heading.to_lowercase();
            let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
    }

    /// Where links lead that stay here: the file, and the heading in it.
    pub fn links(&self) -> Vec<(&str, &str)> {
        let targets = self.prose().flat_map(|line| {
            let after = line.split("](").skip(1);
            after.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        });
        targets
            .filter(|target| !target.contains("://"))
            .map(|target| target.split_once('#').unwrap_or((target, "")))
            .collect()
    }

    /// What people are told to type, command by command: all that follows a `$`, without remarks and redirections. What a
    /// command takes from another one, by `$(…)`, is a word.
    pub fn console(&self) -> Vec<String> {
        let blocks = self.blocks().into_iter();
        let consoles = blocks
            .filter(|(of, _)| *of == "console")
            .flat_map(|(_, lines)| lines);
        let mut commands = Vec::new();
        for line in consoles.filter_map(|line| line.strip_prefix("$ ")) {
            let mut line = line.split(" # ").next().unwrap_or(line).to_owned();
            while let Some((start, end)) = inner(&line) {
                commands.extend(line[start + 2..end].split('|').map(str::to_owned));
                line.replace_range(start..=end, "WORD");
            }
            commands.extend(line.split('|').map(str::to_owned));
        }
        let plain = |command: String| {
            command
                .split(['<', '>'])
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        commands.into_iter().map(plain).collect()
    }
}

/// Where the first `$(…)` begins and ends.
fn inner(line: &str) -> Option<(usize, usize)> {
    let start = line.find("$(")?;
    Some((start, start + line[start..].find(')')?))
}
